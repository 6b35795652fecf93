"""What layers without parameters make of maps, [batch, height, width, channels]."""

import flax.linen as nn
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from papers.yolov3.layers import MaxPool

Maps = Float[Array, "batch height width channels"]


def max_pool(x: Maps, layer: MaxPool) -> Maps:
    """Windows start `padding // 2` before the map; the rest of it follows the map."""
    even = not (x.shape[1] % 2 or x.shape[2] % 2)
    if (layer.size, layer.stride, layer.padding) == (2, 2, 1) and even:
        return _halved(_halved(x, 2), 1)
    before = layer.padding // 2
    side = (before, layer.padding - before)
    return nn.max_pool(x, (layer.size,) * 2, (layer.stride,) * 2, (side, side))


def _halved(x: Maps, axis: int) -> Maps:
    """The larger one of every two pixels along an axis, the first of equal ones: as
    `nn.max_pool`, whose gradient XLA's CPU code finds in one slow loop."""
    shape = x.shape
    x = x.reshape(*shape[:axis], shape[axis] // 2, 2, *shape[axis + 1 :])
    first, second = (lax.index_in_dim(x, i, axis + 1, keepdims=False) for i in (0, 1))
    return jnp.where(second > first, second, first)


def upsampled(x: Maps, times: int) -> Maps:
    """Every pixel `times` times along both axes."""
    batch, height, width, channels = x.shape
    x = jnp.broadcast_to(
        x[:, :, None, :, None], (batch, height, times, width, times, channels)
    )
    return x.reshape(batch, height * times, width * times, channels)


def added(x: Maps, other: Maps) -> Maps:
    """x plus the first channels of `other` that x has. Of maps larger than x every n-th
    pixel is added; the pixels of smaller ones are added to every n-th of x."""
    if x.shape == other.shape:
        return x + other
    down = max(other.shape[1] // x.shape[1], 1)
    up = max(x.shape[1] // other.shape[1], 1)
    channels = min(x.shape[-1], other.shape[-1])
    other = other[:, ::down, ::down, :channels]
    rest = (0, x.shape[-1] - channels, 0)
    apart = (0, up - 1, up - 1)
    padding = ((0, 0, 0), apart, apart, rest)
    return x + lax.pad(other, jnp.zeros((), other.dtype), padding)
