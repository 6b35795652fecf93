"""Augmentations on the host that move boxes with their pixels: darknet's.

uint8 images [height, width, 3] in and out. Each draws from a numpy generator, which
`pipeline(random_map_fn=...)` passes.
"""

import math

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from common import boxes as box_forms
from common.data import augment
from common.pixels import Picture
from common.truth import Truth

SMALLEST = 0.001  # of the image's side: a box that is cut to less is dropped


def darknet_view(
    picture: Picture,
    truth: Truth,
    size: tuple[int, int],
    rng: np.random.Generator,
    *,
    jitter: float = 0.3,
    hue: float = 0.1,
    saturation: float = 1.5,
    exposure: float = 1.5,
    flip: bool = True,
) -> tuple[UInt8[np.ndarray, "height width 3"], Truth]:
    """A training image of YOLOv3: the whole picture in another shape, at a random place
    on grey, with other colours, perhaps mirrored; and its objects there.

    darknet's own, but that it resizes with antialiasing, and that boxes lie on the same
    whole pixels as the picture.

    Args:
      size: height and width of the image.
      jitter: the picture's sides vary by this part of theirs, each on its own, before
        the ratio of the two is taken.
      hue, saturation, exposure: as of `distorted`.
      flip: whether half of the images are mirrored.
    """
    height, width = size
    rows, columns, channels = picture.shape
    wide = columns * (1 + rng.uniform(-jitter, jitter))
    tall = rows * (1 + rng.uniform(-jitter, jitter))
    ratio = wide / tall
    if ratio < 1:
        inner = height, max(int(height * ratio), 1)
    else:
        inner = max(int(width / ratio), 1), width
    top, left = (
        _between(rng, whole - part) for whole, part in zip(size, inner, strict=True)
    )
    image = np.full((height, width, channels), box_forms.GREY, np.uint8)
    _place(image, augment.resize(picture, inner), top, left)
    scale = np.array([inner[1] / columns, inner[0] / rows] * 2, np.float32)
    moved = truth.moved(truth.boxes * scale + np.float32([left, top, left, top]))
    image = distorted(image, rng, hue, saturation, exposure)
    if flip and rng.random() < 0.5:
        image, moved = mirrored(image, moved)
    return image, inside(moved, size)


def mirrored(image: Picture, truth: Truth) -> tuple[Picture, Truth]:
    """The mirror image, left for right, and its objects."""
    boxes = box_forms.flip(truth.boxes, image.shape[1])
    return np.ascontiguousarray(image[:, ::-1]), truth.moved(boxes)


def inside(truth: Truth, size: tuple[int, int]) -> Truth:
    """The objects with their boxes cut to an image of this height and width, without
    those of which nothing remains."""
    height, width = size
    cut = box_forms.clip(truth.boxes, height, width)
    sides = cut[:, 2:] - cut[:, :2]
    seen = (sides >= SMALLEST * np.array([width, height])).all(1)
    return truth.moved(cut).take(seen)


def distorted(
    image: UInt8[np.ndarray, "height width 3"],
    rng: np.random.Generator,
    hue: float,
    saturation: float,
    exposure: float,
) -> UInt8[np.ndarray, "height width 3"]:
    """The image with other colours.

    hue: turned by up to this part of the circle, either way.
    saturation, exposure: multiplied by a number between 1 and this, or divided by it.
    """
    turn = rng.uniform(-hue, hue)
    return _recoloured(image, turn, _factor(rng, saturation), _factor(rng, exposure))


def darknet_crop(
    image: Picture,
    size: int,
    rng: np.random.Generator,
    *,
    short: tuple[int, int] = (128, 448),
    angle: float = 7,
    aspect: float = 0.75,
    hue: float = 0.1,
    saturation: float = 0.75,
    exposure: float = 0.75,
    flip: bool = True,
) -> UInt8[np.ndarray, "size size 3"]:
    """A training image of darknet's classifiers: a square part of the picture, turned,
    stretched and with other colours, perhaps mirrored; black outside of the picture.

    Args:
      short: the shorter side of the whole picture is resized to a length between these.
      angle: degrees that it is turned by, at most, either way.
      aspect: its width is multiplied by a number between 1 and this, or divided by it.
    """
    rows, columns, _ = image.shape
    stretch = _factor(rng, aspect)
    length = rng.integers(short[0], short[1] + 1)
    scale = length / min(rows, columns * stretch)
    turn = math.radians(rng.uniform(-angle, angle))
    across = abs(columns * scale / stretch - size) / 2
    down = abs(rows * scale - size) / 2
    right, below = rng.uniform(-across, across), rng.uniform(-down, down)
    cos, sin = math.cos(turn), math.sin(turn)
    # From a pixel of the crop to one of the picture, around both middles.
    matrix = np.array(
        [[cos * stretch / scale, -sin / scale], [sin * stretch / scale, cos / scale]]
    )
    start = matrix @ [right - size / 2, below - size / 2] + [columns / 2, rows / 2]
    numbers = [*matrix[0], start[0], *matrix[1], start[1]]
    crop = Image.fromarray(image).transform(
        (size, size), Image.AFFINE, numbers, Image.BILINEAR
    )
    found = distorted(np.asarray(crop), rng, hue, saturation, exposure)
    mirror = flip and rng.random() < 0.5
    return np.ascontiguousarray(found[:, ::-1]) if mirror else found


def _between(rng: np.random.Generator, room: int) -> int:
    """A place with so much room; where the picture is larger, it hangs over."""
    return int(rng.integers(min(room, 0), max(room, 0) + 1))


def _place(image: Picture, part: Picture, top: int, left: int) -> None:
    """Lays a picture on the image; what hangs over is cut off."""
    height, width, _ = image.shape
    rows, columns, _ = part.shape
    y = slice(max(top, 0), min(top + rows, height))
    x = slice(max(left, 0), min(left + columns, width))
    image[y, x] = part[y.start - top : y.stop - top, x.start - left : x.stop - left]


def _factor(rng: np.random.Generator, most: float) -> float:
    factor = 1 + (most - 1) * rng.random()
    return factor if rng.random() < 0.5 else 1 / factor


def _recoloured(
    image: UInt8[np.ndarray, "height width 3"],
    turn: float,
    saturation: float,
    exposure: float,
) -> UInt8[np.ndarray, "height width 3"]:
    """In HSV: hue + turn, saturation and value times their factors; then clipped.

    A channel is v - v s f(k), where f rises from 0 to 1 and falls again along the
    circle of six parts, and v s is the difference of the largest and the smallest.
    Channel by channel and in place: ten times as fast as arrays of all three.
    """
    red, green, blue = np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    over = 1 / np.maximum(chroma, np.float32(1e-6))
    other = np.where(
        value == green,
        (blue - red) * over + np.float32(2),
        (red - green) * over + np.float32(4),
    )
    sixth = np.where(value == red, (green - blue) * over, other)
    sixth += np.float32(6 * turn)
    chroma *= np.float32(saturation)
    found = np.empty_like(image)
    for channel, start in enumerate((5, 3, 1)):
        k = sixth + np.float32(start)
        k -= 6 * np.floor(k * np.float32(1 / 6))
        np.minimum(k, 4 - k, out=k)
        np.clip(k, 0, 1, out=k)
        k *= chroma
        np.subtract(value, k, out=k)
        k *= np.float32(exposure)
        k += np.float32(0.5)  # rounds
        np.clip(k, 0, 255, out=k)
        found[..., channel] = k
    return found
