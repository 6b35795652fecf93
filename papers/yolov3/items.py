"""What batches are made of: views of pictures with boxes, and pictures with a label, as
the network sees them."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from common.contract import UserError
from common.data.annotated import AnnotatedImages
from common.data.annotated_batches import ENDLESS, fitted
from common.data.box_augment import darknet_view
from common.pixels import Picture
from common.truth import Truth
from papers.yolov3 import annotations, classifier
from papers.yolov3.config import Config

Item = dict[str, np.ndarray]


def size_of_step(config: Config, step: int) -> int:
    """Pixels a side of the images of a training step: another of `data.sizes` every
    `data.resize_every` steps."""
    d = config.data
    if not d.sizes or step >= config.loop.steps - d.last:
        return d.size
    rng = np.random.default_rng((config.seed, 2, step // d.resize_every))
    return int(rng.choice(d.sizes))


@dataclasses.dataclass(frozen=True)
class TrainingView:
    """A view of `annotated_batches.training`: darknet's, or the whole picture; of the
    step's size."""

    config: Config

    def __call__(
        self, picture: Picture, truth: Truth, rng: np.random.Generator, step: int
    ) -> tuple[Picture, Truth]:
        d = self.config.data
        side = size_of_step(self.config, step)
        if d.augment != "darknet":
            return fitted(picture, truth, (side, side))[:2]
        return darknet_view(
            picture,
            truth,
            (side, side),
            rng,
            jitter=d.jitter,
            hue=d.hue,
            saturation=d.saturation,
            exposure=d.exposure,
            flip=d.flip,
        )


def pictures(config: Config, split: str) -> AnnotatedImages:
    """A split of pictures with boxes. UserError: it has more classes than the
    network."""
    found = annotations.annotated(config.data, split)
    if len(found.names) > config.model.classes:
        raise UserError(
            f"the pictures have {len(found.names)} classes, the network "
            f"{config.model.classes}: set --config.model.classes={len(found.names)}"
        )
    return found


class TrainingImages:
    """Item i of an endless stream of images with a label: epochs, each in an order of
    its own."""

    def __init__(self, config: Config, images: Any) -> None:
        if not len(images):
            raise UserError("the training split has no pictures")
        self.costly = images.decoded_on_access
        self._images = images
        self._config = config

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, place: int) -> Item:
        c = self._config
        epoch, position = divmod(place, len(self._images))
        index = _order(c.seed, epoch, len(self._images))[position]
        prepare = classifier.centre_square
        if c.classifier.augment == "darknet":
            rng = np.random.default_rng((c.seed, 1, place))
            prepare = functools.partial(classifier.augmented, rng=rng)
        return _labelled(self._images[int(index)], c.classifier.size, prepare)


@functools.lru_cache(maxsize=8)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng((seed, 0, epoch)).permutation(count)


class ImagesInOrder:
    """Images with a label to measure on."""

    def __init__(self, config: Config, images: Any) -> None:
        self.costly = images.decoded_on_access
        self._images = images.with_mask()
        self._size = config.classifier.size

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Item:
        return _labelled(self._images[index], self._size, classifier.centre_square)


def _labelled(
    item: Item, side: int, prepare: Callable[[Picture, int], Picture]
) -> Item:
    return {
        "image": prepare(item["image"], side),
        "label": np.int32(item["label"]),
        "mask": np.float32(item.get("mask", 1)),
    }


def images(config: Config, split: str) -> TrainingImages | ImagesInOrder:
    """A split of the classifier's images. UserError: it has more classes."""
    data = annotations.image_set(config.classifier, split)
    found = len(data.class_names)
    if found > config.classifier.classes:
        raise UserError(
            f"the images have {found} classes, the classifier "
            f"{config.classifier.classes}: set --config.classifier.classes={found}"
        )
    return (TrainingImages if split == "train" else ImagesInOrder)(config, data)
