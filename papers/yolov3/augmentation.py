"""darknet's augmentation of pictures with boxes."""

from typing import TYPE_CHECKING

import numpy as np

from common.boxes import GREY, clip, flip
from common.data import augment
from common.pixels import Picture
from common.truth import Truth
from papers.yolov3.classifier import recoloured

if TYPE_CHECKING:
    from papers.yolov3.config import Data

SMALLEST = 0.001  # of the canvas: objects of a shorter side are left out


def augmented(
    data: "Data", picture: Picture, truth: Truth, side: int, rng: np.random.Generator
) -> tuple[Picture, Truth]:
    """The picture on a grey square of `side` pixels with another aspect, somewhere, in
    other colours, mirrored half of the time; and its objects there, cut to the square.
    """
    height, width = picture.shape[:2]
    inner, (left, top) = placed(height, width, side, data.jitter, rng)
    canvas = np.full((side, side, 3), GREY, np.uint8)
    rows = slice(top, top + inner[0])
    columns = slice(left, left + inner[1])
    canvas[rows, columns] = augment.resize(picture, inner)
    canvas = recoloured(
        canvas,
        rng.uniform(-data.hue, data.hue),
        _times(data.saturation, rng),
        _times(data.exposure, rng),
    )
    scale = np.array([inner[1] / width, inner[0] / height] * 2, np.float32)
    boxes = truth.boxes * scale + np.array([left, top] * 2, np.float32)
    if data.flip and rng.random() < 0.5:
        canvas = np.ascontiguousarray(canvas[:, ::-1])
        boxes = flip(boxes, side)
    boxes = clip(boxes, side, side)
    kept = (boxes[:, 2:] - boxes[:, :2]).min(1, initial=np.inf) > SMALLEST * side
    return canvas, truth.moved(boxes).take(kept)


def placed(
    height: int, width: int, side: int, jitter: float, rng: np.random.Generator
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The height and width of a picture that fills a square along one side, with its
    aspect changed by `jitter` of both sides; and the left and the top of its place."""
    across = width * (1 + rng.uniform(-jitter, jitter))
    down = height * (1 + rng.uniform(-jitter, jitter))
    aspect = across / down
    inner_height, inner_width = (
        (side, side * aspect) if aspect < 1 else (side / aspect, side)
    )
    inner = max(round(inner_height), 1), max(round(inner_width), 1)
    left, top = (int(rng.integers(0, side - n + 1)) for n in inner[::-1])
    return inner, (left, top)


def _times(most: float, rng: np.random.Generator) -> float:
    """From 1 to `most`, or one over such a number."""
    factor = rng.uniform(1.0, most)
    return factor if rng.random() < 0.5 else 1 / factor
