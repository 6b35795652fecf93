"""Items of batches: pictures on the host, as the network sees them, with their boxes or
their label."""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from common.boxes import letterbox
from common.contract import UserError
from common.data.annotated import AnnotatedImages
from common.data.box_augment import darknet_view
from common.pixels import Picture
from common.truth import Truth
from papers.yolov3 import annotations, classifier
from papers.yolov3.config import Config, Data

ENDLESS = 2**40  # items of a training stream
Item = dict[str, np.ndarray]


def size_of_step(config: Config, step: int) -> int:
    """Pixels a side of the images of a training step: another of `data.sizes` every
    `data.resize_every` steps."""
    d = config.data
    if not d.sizes or step >= config.loop.steps - d.last:
        return d.size
    rng = np.random.default_rng((config.seed, 2, step // d.resize_every))
    return int(rng.choice(d.sizes))


class _Shuffled:
    """Item i of an endless stream: epochs, each in an order of its own."""

    def __init__(self, config: Config, count: int, costly: bool) -> None:
        if not count:
            raise UserError("the training split has no pictures")
        self.costly = costly
        self._config = config
        self._count = count

    def __len__(self) -> int:
        return ENDLESS

    def _drawn(self, place: int) -> tuple[int, np.random.Generator, int]:
        """The item at this place of the stream, its random numbers, its step."""
        config = self._config
        epoch, position = divmod(place, self._count)
        index = _order(config.seed, epoch, self._count)[position]
        rng = np.random.default_rng((config.seed, 1, place))
        return int(index), rng, place // config.data.batch_size


@functools.lru_cache(maxsize=8)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng((seed, 0, epoch)).permutation(count)


class Training(_Shuffled):
    """Pictures with boxes to train on."""

    def __init__(self, config: Config, found: AnnotatedImages) -> None:
        super().__init__(config, len(found), found.decoded_on_access)
        self._found = found

    def __getitem__(self, place: int) -> Item:
        index, rng, step = self._drawn(place)
        d = self._config.data
        side = size_of_step(self._config, step)
        picture = self._found.picture(index)
        if picture is None:
            return _blank(d, side)
        truth = self._found.truth(index)
        truth = truth.take(~(truth.crowd | truth.difficult))
        if d.augment == "darknet":
            picture, truth = darknet_view(
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
        else:
            picture, truth = letterboxed(picture, truth, side)
        truth = truth.take(rng.permutation(len(truth)))
        return _item(d, picture, truth)


class InOrder:
    """Pictures with boxes to measure on."""

    def __init__(self, config: Config, found: AnnotatedImages) -> None:
        self.costly = found.decoded_on_access
        self._data = config.data
        self._found = found

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, index: int) -> Item:
        d = self._data
        picture = self._found.picture(index)
        own = {"index": np.int32(index), "size": np.ones(2, np.int32)}
        if picture is None:
            return {**_blank(d, d.size), **own}
        own["size"] = np.array(picture.shape[:2], np.int32)
        truth = self._found.truth(index)
        truth = truth.take(~(truth.crowd | truth.difficult))
        return {**_item(d, *letterboxed(picture, truth, d.size)), **own}


def pictures(config: Config, split: str) -> Training | InOrder:
    """A split of pictures with boxes. UserError: its classes are too many."""
    found = annotations.annotated(config.data, split)
    if len(found.names) > config.model.classes:
        raise UserError(
            f"the pictures have {len(found.names)} classes, the network "
            f"{config.model.classes}: set --config.model.classes={len(found.names)}"
        )
    _say_dropped(config, split, found)
    return (Training if split == "train" else InOrder)(config, found)


@functools.cache
def _warn_once(message: str) -> None:
    warnings.warn(message, stacklevel=3)


def _say_dropped(config: Config, split: str, found: AnnotatedImages) -> None:
    """A warning where pictures have more objects than fit a batch."""
    most = config.data.max_objects
    counts = np.array([len(truth) for truth in found.truths])
    over = counts > most
    if over.any():
        _warn_once(
            f"{split}: {over.sum()} pictures have up to {counts.max()} objects, more "
            f"than config.data.max_objects: {most} at a time are learnt"
        )


def letterboxed(picture: Picture, truth: Truth, side: int) -> tuple[Picture, Truth]:
    """The picture in the middle of a grey square, and its objects there."""
    box = letterbox(*picture.shape[:2], side, side)
    whole = picture.shape[:2] == (side, side)
    pixels = picture if whole else box.picture_in(picture)
    return pixels, truth.moved(box.boxes_in(truth.boxes))


def _item(data: Data, picture: Picture, truth: Truth) -> Item:
    """The first `max_objects` of the objects, padded."""
    most = data.max_objects
    count = min(len(truth), most)
    item = _blank(data, 1)
    item["boxes"][:count] = truth.boxes[:count]
    item["classes"][:count] = truth.classes[:count]
    item["present"][:count] = True
    return {**item, "image": picture, "mask": np.float32(1)}


def _blank(data: Data, side: int) -> Item:
    most = data.max_objects
    return {
        "image": np.zeros((side, side, 3), np.uint8),
        "boxes": np.zeros((most, 4), np.float32),
        "classes": np.zeros(most, np.int32),
        "present": np.zeros(most, bool),
        "mask": np.float32(0),
    }


class TrainingImages(_Shuffled):
    """Images with a label to train on."""

    def __init__(self, config: Config, images: Any) -> None:
        super().__init__(config, len(images), images.decoded_on_access)
        self._images = images

    def __getitem__(self, place: int) -> Item:
        index, rng, _ = self._drawn(place)
        c = self._config.classifier
        prepare = classifier.centre_square
        if c.augment == "darknet":
            prepare = functools.partial(classifier.augmented, rng=rng)
        return _labelled(self._images[index], c.size, prepare)


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
