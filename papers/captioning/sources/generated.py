"""Coloured shapes with five references each, for tests: made in milliseconds."""

import functools

import numpy as np
from jaxtyping import Bool

from common.contract import UserError
from common.data.split_names import SPLITS
from common.nearest import refuse_unknown
from papers.captioning.sources.captioned_images import CaptionedImages
from papers.captioning.sources.grammar import Scene, Thing, references
from papers.captioning.sources.scenes import COLOURS

NOUNS = ("square", "circle", "triangle")
GROUNDS = {"black": 0, "grey": 90}
_COLOURS = ("red", "green", "blue", "yellow")


@functools.lru_cache(maxsize=6)
def generated(split: str, count: int, size: int = 16, seed: int = 0) -> CaptionedImages:
    """Two shapes beside each other, or one above the other, a large and a small one."""
    refuse_unknown("split", split, SPLITS)
    if size < 8:
        raise UserError(f"shapes in {size} pixels: give 8 or more")
    images = np.empty((count, size, size, 3), np.uint8)
    texts = []
    for i in range(count):
        rng = np.random.default_rng((seed, SPLITS.index(split), i))
        texts.append(references(_drawn(images[i], rng), rng))
    images.setflags(write=False)  # all callers share it
    return CaptionedImages(
        tuple(f"{split} {i}" for i in range(count)), images, tuple(texts)
    )


def _drawn(image: np.ndarray, rng: np.random.Generator) -> Scene:
    """Fills the image, and says what is in it."""
    ground = [*GROUNDS][rng.integers(len(GROUNDS))]
    image[:] = GROUNDS[ground]
    large = max(min(image.shape[:2]) // 2 - 1, 2)
    small = max(large * 2 // 3, 1)
    sides = (large, small)
    corners = [[0, 0], [image.shape[1] - small, image.shape[0] - small]]
    if rng.random() < 0.5:  # the large one at the other end of both axes
        corners = [
            [image.shape[1] - large, image.shape[0] - large],
            [0, 0],
        ]
    axis = rng.integers(2)  # along which they lie side by side
    for corner, side in zip(corners, sides, strict=True):
        corner[axis] = int(rng.integers(0, image.shape[1 - axis] - side + 1))
    things = []
    for (x, y), side in zip(corners, sides, strict=True):
        colour = _COLOURS[rng.integers(len(_COLOURS))]
        noun = NOUNS[rng.integers(len(NOUNS))]
        place = image[y : y + side, x : x + side]
        place[_shape(noun, side)] = COLOURS[colour]
        things.append(Thing(colour, noun, (x, y, x + side, y + side)))
    return Scene(tuple(things), "shapes", ground)


def _shape(noun: str, side: int) -> Bool[np.ndarray, "side side"]:
    y, x = (np.indices((side, side)) + 0.5) / side
    if noun == "circle":
        return (x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.25
    if noun == "triangle":
        return np.abs(x - 0.5) < y / 2
    return np.ones((side, side), bool)
