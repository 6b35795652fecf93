"""The sets with boxes that a config names: composed scenes, folders, TFDS."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from common.boxes import letterbox
from common.contract import UserError
from common.data import image_sources
from common.data.annotated import AnnotatedImages
from common.data.annotated_choice import read, source_of
from common.data.composed_scenes import CLASS_NAMES, digit_crops, scenes
from common.data.image_set import ImageSet

if TYPE_CHECKING:
    from papers.yolov3.config import Classifier, Data

PRIORS_OF = 2000  # pictures whose boxes priors are found of, at most


def names(data: "Data") -> tuple[str, ...]:
    """The training set's classes, or those that `data.names` lists."""
    if data.names:
        return tuple(data.names)
    if source_of(data) == "scenes":
        return CLASS_NAMES[data.labels]
    return read(data, "train").names


def class_names(data: "Data", classes: int) -> tuple[str, ...]:
    """A name for each of the network's classes; a number where the set has fewer."""
    found = names(data)
    return (*found, *map(str, range(len(found), classes)))[:classes]


def annotated(data: "Data", split: str) -> AnnotatedImages:
    """A split, its classes numbered as `data.names` lists them, where it does.

    UserError: the set has a class that is not listed."""
    if source_of(data) == "scenes":
        return _scenes(data, split)
    return read(data, split)


def _scenes(data: "Data", split: str) -> AnnotatedImages:
    count = data.scenes if split == "train" else data.held_out
    return scenes(
        split,
        count,
        size=data.size,
        digits=tuple(data.digits),
        ink=tuple(data.ink),
        one_class=data.labels == "one",
        parity=data.labels == "parity",
        log_uniform=True,
    )


def sides(data: "Data") -> Float[np.ndarray, "boxes 2"]:
    """Widths and heights of the training set's boxes, of some of its pictures, in
    pixels of a network's input of `data.size`: what priors are found of."""
    found = annotated(data, "train")
    chosen = np.random.default_rng(0).permutation(len(found))[:PRIORS_OF]
    parts = [np.zeros((0, 2))]
    for i in chosen:
        picture = found.picture(int(i))
        if picture is None:
            continue
        truth = found.truth(int(i))
        box = letterbox(*picture.shape[:2], data.size, data.size)
        boxes = box.boxes_in(truth.boxes[~truth.crowd])
        parts.append(boxes[:, 2:] - boxes[:, :2])
    return np.concatenate(parts)


def image_set(classifier: "Classifier", split: str) -> ImageSet:
    """A split of the classifier's images. UserError: no folder is named, and it has
    other classes than the ten digits."""
    if classifier.root:
        return image_sources.load("files", split, "", classifier.root, 3)
    if classifier.classes not in (0, len(CLASS_NAMES["digits"])):
        raise UserError(
            "config.classifier.root: name a folder of class folders; without one there "
            f"are ten digits, and config.classifier.classes is {classifier.classes}"
        )
    count = classifier.images if split == "train" else max(classifier.images // 10, 10)
    return digit_crops(split, count, size=classifier.size)


def count_image_classes(classifier: "Classifier") -> int:
    """Classes of the classifier's images."""
    if not classifier.root:
        return len(CLASS_NAMES["digits"])
    return len(image_set(classifier, "train").class_names)
