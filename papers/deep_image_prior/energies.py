"""The energies E(x; x0) that restore a picture: one value a picture, a mean of squares.

x is the net's output, x0 what is left of the picture, both [..., height, width,
channels] in [0, 1]. Sections 2 and 3 of Ulyanov et al. 2018; means, as in the released
code, where the paper writes sums.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from papers.deep_image_prior.lanczos import downsample

Images = Float[Array, "*batch height width channels"]


def denoising(x: Images, x0: Images) -> Float[Array, "*batch"]:
    """|x - x0|^2 (eq. 3): also of JPEG removal, and, with the flash picture as z, of
    flash/no-flash reconstruction."""
    return jnp.mean(jnp.square(x - x0), (-3, -2, -1))


def super_resolution(
    x: Images, x0: Float[Array, "*batch low_height low_width channels"], factor: int
) -> Float[Array, "*batch"]:
    """|d(x) - x0|^2 with d the Lanczos operator (eq. 4)."""
    return denoising(downsample(x, factor), x0)


def inpainting(
    x: Images, x0: Images, mask: Float[Array, "*batch height width 1"]
) -> Float[Array, "*batch"]:
    """|(x - x0) m|^2, m being 1 where x0 is known (eq. 5), a mean over all pixels: also
    of restoration from a share of the pixels."""
    return denoising(x * mask, x0 * mask)
