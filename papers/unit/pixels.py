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
