"""The published training view (the released code's, after section 4.1): a window of the
input's size times a random scale, around a random centre of the picture, with zeros
outside the picture, resized to the input. On the host."""

import numpy as np
from jaxtyping import Float, UInt8

from common.data import augment
from common.pixels import Picture
from common.truth import Truth


def cropped(
    picture: Picture,
    truth: Truth,
    rng: np.random.Generator,
    *,
    size: tuple[int, int],
    scales: tuple[float, ...],
    border: int,
) -> tuple[UInt8[np.ndarray, "height width 3"], Truth]:
    """A random window, and the objects in it: boxes in pixels of the window as resized,
    cut to it, and left out where nothing remains.

    size: rows and columns of the network's input.
    scales: of the window, one of which is drawn: a larger one shows more.
    border: how far, in pixels, the centre keeps from the picture's edges; halved until
        there is room for it.
    """
    scale = scales[rng.integers(len(scales))]
    window = [max(int(side * scale), 1) for side in size]
    centre = [_centre(side, border, rng) for side in picture.shape[:2]]
    top, left = (centre[i] - window[i] // 2 for i in range(2))
    pixels = augment.resize(cut(picture, top, left, *window), size)
    ratio = np.array([size[1] / window[1], size[0] / window[0]] * 2, np.float32)
    boxes = (truth.boxes - np.array([left, top] * 2, np.float32)) * ratio
    return pixels, clipped(truth.moved(boxes), size)


def clipped(truth: Truth, size: tuple[int, int]) -> Truth:
    """The objects with their boxes cut to the input, and without those outside it. The
    last pixel's own corner is the furthest that a box reaches, as published."""
    most = np.array([size[1] - 1, size[0] - 1] * 2, np.float32)
    boxes = np.clip(truth.boxes, 0, most)
    inside = (boxes[:, 2:] > boxes[:, :2]).all(1)
    return truth.moved(boxes).take(inside)


def cut(
    picture: Picture, top: int, left: int, height: int, width: int
) -> UInt8[np.ndarray, "height width channels"]:
    """The window of a picture, with zeros where it reaches beyond it."""
    rows, columns, channels = picture.shape
    window = np.zeros((height, width, channels), np.uint8)
    y1, y2 = max(top, 0), min(top + height, rows)
    x1, x2 = max(left, 0), min(left + width, columns)
    if y1 < y2 and x1 < x2:
        window[y1 - top : y2 - top, x1 - left : x2 - left] = picture[y1:y2, x1:x2]
    return window


def mirrored(
    picture: Picture, boxes: Float[np.ndarray, "n 4"]
) -> tuple[Picture, Float[np.ndarray, "n 4"]]:
    """The mirror image, left for right. x becomes width - x - 1, as published for boxes
    whose corners are pixels."""
    width = picture.shape[1]
    x1, y1, x2, y2 = boxes.T
    return picture[:, ::-1], np.stack([width - x2 - 1, y1, width - x1 - 1, y2], 1)


def _centre(side: int, border: int, rng: np.random.Generator) -> int:
    """A pixel at least the border away from both ends."""
    while border and side - border <= border:
        border //= 2
    return int(rng.integers(border, max(side - border, border + 1)))
