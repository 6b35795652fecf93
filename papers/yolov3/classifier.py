"""How darknet trains classifiers, which become the detectors' trunks: what they see of
a picture, and their learning rate.

Pictures are uint8 [height, width, 3], RGB.
"""

import jax.numpy as jnp
import numpy as np
import optax

from common.data import augment
from common.data.box_augment import darknet_crop
from common.pixels import Picture


def augmented(picture: Picture, side: int, rng: np.random.Generator) -> Picture:
    """A training image of `side` x `side`. The shorter side of the whole picture is
    scaled to a half up to seven quarters of that: for 256 it is darknet's 128 to 448.
    """
    return darknet_crop(picture, side, rng, short=(side // 2, side * 7 // 4))


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
