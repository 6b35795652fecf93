"""Pictures drawn another way: what two styles of one thing differ in, at random."""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageFilter

from common.pixels import Picture

# The most that a picture of strength 1 differs by.
ZOOM = 1.4  # larger or smaller by this factor
STRETCH = 1.2  # its width by this factor, its height by its inverse
TURN = 0.3  # radians, either way
SHEAR = 0.15  # columns a row
SHIFT = 0.1  # of a side
BLUR = 0.04  # of a side: the deviation of a Gaussian
MIX = 0.25  # the deviation of each number of the matrix that mixes the channels
CONTRAST = 1.4  # the distances to the background times or over this factor


def restyled(
    picture: Picture, rng: np.random.Generator, strength: float
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture turned, stretched, moved, blurred, in other colours.

    Its background stays as it is: the median colour of its border, which also fills
    what is moved into the picture.

    strength: 0 changes nothing; the ranges above are multiplied by it.
    """
    background = _background(picture)
    height, width, _ = picture.shape
    image = Image.fromarray(picture).transform(
        (width, height),
        Image.Transform.AFFINE,
        _affine((width, height), rng, strength),
        Image.Resampling.BILINEAR,
        fillcolor=tuple(map(int, background)),
    )
    if rng.random() < 0.5:
        blur = rng.uniform(0, BLUR * strength) * min(height, width)
        image = image.filter(ImageFilter.GaussianBlur(blur))
    mix = np.eye(3) + strength * rng.normal(0, MIX, (3, 3))
    mix *= _factor(rng, CONTRAST, strength)
    away = np.asarray(image, np.float32) - background
    mixed = away @ mix.astype(np.float32) + background
    return np.clip(np.round(mixed), 0, 255).astype(np.uint8)


def _background(picture: Picture) -> Float[np.ndarray, "3"]:
    border = np.concatenate(
        [picture[0], picture[-1], picture[1:-1, 0], picture[1:-1, -1]]
    )
    # A tenth of the time of np.median.
    return np.sort(border, axis=0)[len(border) // 2].astype(np.float32)


def _affine(
    size: tuple[int, int], rng: np.random.Generator, strength: float
) -> tuple[float, ...]:
    """Where each pixel (column, row) is taken from: x' = a x + b y + c, then y'."""
    zoom = _factor(rng, ZOOM, strength)
    stretch = _factor(rng, STRETCH, strength)
    turn = rng.uniform(-TURN, TURN) * strength
    shear = rng.uniform(-SHEAR, SHEAR) * strength
    shift = rng.uniform(-SHIFT, SHIFT, 2) * strength
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, shear], [0, 1]])
    matrix /= np.array([zoom * stretch, zoom / stretch])
    middle = np.array(size) / 2
    offset = middle - matrix @ middle + shift * size
    (a, b), (d, e) = matrix
    return a, b, offset[0], d, e, offset[1]


def _factor(rng: np.random.Generator, most: float, strength: float) -> float:
    """Between most^-strength and most^strength, 1 in the middle."""
    return most ** (strength * rng.uniform(-1, 1))
