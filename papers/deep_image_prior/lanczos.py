"""The operator of super-resolution: shrinking by Lanczos's kernel of two lobes.

Separable, one matrix an axis. For an even factor f it is the convolution with a
4f x 4f kernel and stride f of the image with its border repeated 3f/2 times.
"""

import functools
import math

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

LOBES = 2


def downsample(
    image: Float[Array, "*batch height width channels"], factor: int
) -> Float[Array, "*batch low_height low_width channels"]:
    """The image at 1 / factor of its size, which is to be divisible."""
    rows, columns = (jnp.asarray(matrix(n, factor)) for n in image.shape[-3:-1])
    product = functools.partial(jnp.einsum, precision=lax.Precision.HIGHEST)
    return product(
        "jw,...iwc->...ijc", columns, product("ih,...hwc->...iwc", rows, image)
    )


def kernel(factor: int) -> Float[np.ndarray, "taps taps"]:
    """What a pixel of the small image sees of the large one; sums to 1."""
    _, weights = _taps(factor)
    return np.outer(weights, weights)


@functools.cache
def matrix(size: int, factor: int) -> Float[np.ndarray, "low_size size"]:
    """Shrinks one axis; rows sum to 1."""
    offsets, weights = _taps(factor)
    low = size // factor
    places = np.arange(low)[:, None] * factor + offsets
    made = np.zeros((low, size), np.float32)
    rows = np.broadcast_to(np.arange(low)[:, None], places.shape)
    weights = np.broadcast_to(weights.astype(np.float32), places.shape)
    np.add.at(made, (rows, np.clip(places, 0, size - 1)), weights)
    made.setflags(write=False)  # all callers share it
    return made


def _taps(factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels around a block of `factor` of them, and their weights: sinc(t) sinc(t / 2)
    at t = distance from the block's centre / factor."""
    centre = (factor - 1) / 2
    first = math.ceil(centre - LOBES * factor)
    offsets = np.arange(first, math.floor(centre + LOBES * factor) + 1)
    t = (offsets - centre) / factor
    weights = np.sinc(t) * np.sinc(t / LOBES)
    return offsets, weights / weights.sum()
