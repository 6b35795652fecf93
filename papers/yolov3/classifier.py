"""How darknet trains classifiers, which become the detectors' trunks: its augmentation
of whole pictures, and its learning rate.

Pictures are uint8 [height, width, 3], RGB.
"""

import jax.numpy as jnp
import numpy as np
import optax
from PIL import Image

from common.data import augment
from common.pixels import Picture

# Of darknet's ImageNet recipe. The short side is scaled to between these shares of the
# network's input: 128 to 448 pixels for 256.
SHORT = (0.5, 1.75)
ANGLE = 7.0  # degrees, at most, to either side
ASPECT = 0.75  # height over width changes by up to this factor or its inverse
HUE = 0.1  # of a turn, at most, to either side
COLOUR = 0.75  # saturation and exposure change by up to this factor or its inverse


def augmented(picture: Picture, side: int, rng: np.random.Generator) -> Picture:
    """A crop of `side` x `side` at a random scale, aspect, angle and place, mirrored
    half of the time, in random colours. What is outside of the picture is black."""
    height, width = picture.shape[:2]
    aspect = factor(rng, ASPECT)
    scale = rng.uniform(*SHORT) * side / min(height, width * aspect)
    angle = np.deg2rad(rng.uniform(-ANGLE, ANGLE))
    # How far the crop's centre may be from the picture's.
    right = abs(width * scale / aspect - side) / 2
    down = abs(height * scale - side) / 2
    place = rng.uniform(-right, right), rng.uniform(-down, down)
    crop = rotated_crop(picture, side, scale, aspect, angle, place)
    crop = augment.mirrored(crop, rng.random())
    return recoloured(
        crop, rng.uniform(-HUE, HUE), factor(rng, COLOUR), factor(rng, COLOUR)
    )


def factor(rng: np.random.Generator, limit: float) -> float:
    """Uniform between `limit` and 1, or one over such a number."""
    chosen = rng.uniform(*sorted((1.0, limit)))
    return chosen if rng.random() < 0.5 else 1 / chosen


def rotated_crop(
    picture: Picture,
    side: int,
    scale: float,
    aspect: float,
    angle: float,
    place: tuple[float, float],
) -> Picture:
    """A square of the picture that is scaled by `scale` along its height and by
    `scale / aspect` along its width, and turned by `angle` (radians).

    place: how far right and down of the picture's centre the crop's is, in pixels of
      the crop. Bilinear; black outside of the picture."""
    height, width = picture.shape[:2]
    cos, sin = np.cos(angle), np.sin(angle)
    across, along = aspect / scale, 1 / scale
    # From a pixel of the crop to one of the picture, first relative to both centres.
    matrix = np.array([[cos * across, -sin * along], [sin * across, cos * along]])
    offset = matrix @ (np.array(place) - side / 2) + (width / 2, height / 2)
    rows = np.concatenate([matrix, offset[:, None]], 1)
    image = Image.fromarray(picture).transform(
        (side, side),
        Image.Transform.AFFINE,
        tuple(rows.reshape(-1)),
        Image.Resampling.BILINEAR,
    )
    return np.array(image)


def recoloured(
    picture: Picture, hue: float, saturation: float, exposure: float
) -> Picture:
    """The picture with its hue moved by that share of a turn, and its saturation and
    value multiplied, in HSV of 8 bits."""
    hsv = np.asarray(Image.fromarray(picture).convert("HSV")).astype(np.float32)
    moved = np.round(hsv[..., :1] + 256 * hue) % 256
    scaled = hsv[..., 1:] * np.float32([saturation, exposure])
    changed = np.concatenate([moved, np.clip(np.round(scaled), 0, 255)], -1)
    height, width = picture.shape[:2]
    data = changed.astype(np.uint8).tobytes()
    return np.array(Image.frombytes("HSV", (width, height), data).convert("RGB"))


def centre_square(picture: Picture, side: int) -> Picture:
    """The largest square in the picture's middle, resized: what a classifier is tested
    on."""
    square = augment.centre_crop(picture, min(picture.shape[:2]))
    return augment.resize(square, (side, side))


def polynomial(
    peak: float, steps: int, *, power: float = 4.0, burn_in: int = 1000
) -> optax.Schedule:
    """darknet's rate of classifiers: peak (1 - step / steps)^power, and in the first
    `burn_in` steps, counted from 1, peak (step / burn_in)^power."""

    def rate(step):
        rise = ((step + 1) / max(burn_in, 1)) ** power
        fall = jnp.maximum(1.0 - step / max(steps, 1), 0.0) ** power
        return peak * jnp.where(step + 1 < burn_in, rise, fall)

    return rate
