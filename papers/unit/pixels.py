"""uint8 pixels, as images are stored, and floats in [-1, 1], as networks read them."""

import jax.numpy as jnp
from jaxtyping import Array, UInt8

from papers.unit.model import Images

Pictures = UInt8[Array, "batch height width channels"]


def scaled(pictures: Pictures) -> Images:
    """0..255 to [-1, 1]."""
    return pictures.astype(jnp.float32) / 127.5 - 1


def whole_levels(images: Images) -> Pictures:
    """[-1, 1] to the nearest of 0..255; values outside are clipped."""
    return jnp.round((jnp.clip(images, -1, 1) + 1) * 127.5).astype(jnp.uint8)


def with_channels(
    pictures: Pictures, channels: int
) -> UInt8[Array, "batch height width wanted"]:
    """Grey repeated to RGB, or RGB made grey.

    Grey has the same integers as Pillow's mode L, in which picture files are read.
    """
    if pictures.shape[-1] == channels:
        return pictures
    if pictures.shape[-1] == 1:
        return jnp.broadcast_to(pictures, (*pictures.shape[:-1], channels))
    weights = jnp.array([19595, 38470, 7471])
    total = (pictures.astype(jnp.int32) * weights).sum(-1, keepdims=True)
    return ((total + 2**15) >> 16).astype(jnp.uint8)
