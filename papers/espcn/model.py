"""ESPCN and SRCNN: the same stack of convolutions, which upscale at different places.

ESPCN (section 2 of Shi et al. 2016) computes low-resolution maps, and shuffles the last
layer's channels into pixels. SRCNN (Dong et al. 2014) first enlarges the image by
bicubic interpolation, and computes high-resolution maps.

Axes: batch, height, width, channels. `high` has `scale` times the height and width of
`low`.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax.nn.initializers import normal
from jaxtyping import Array, Bool, Float, Int

from common.convolution import Conv, he_normal_fan_out
from common.resize import enlarge
from common.subpixel import shuffle
from papers.espcn.config import Model

Low = Float[Array, "batch height width channels"]
High = Float[Array, "batch height_r width_r channels"]
Sizes = Int[Array, "batch 2"]  # height and width of each image, in `low` pixels

MID_GREY = 0.5  # of Y and RGB in [0, 1]
ACTIVATIONS = {"tanh": nn.tanh, "relu": nn.relu}


class Upscaler(nn.Module):
    """low -> high, float32, not clipped: eq. 1 to 3 of Shi et al. 2016.

    Layers keep the size of their maps: they pad with zeros.

    Images of several sizes can share a batch: mirroring fills each up below and to the
    right, and `sizes` has the true sizes. Each layer reads zeros beyond an image's end,
    so that each image has the result that it would have alone. Bicubic interpolation
    reads the mirrored pixels.
    """

    config: Model

    @nn.compact
    def __call__(self, low: Low, sizes: Sizes | None = None) -> High:
        c = self.config
        x = low
        outputs = c.channels * c.scale**2
        if c.upscaling == "first":
            x = enlarge(low, c.scale)
            outputs = c.channels
            sizes = None if sizes is None else sizes * c.scale
        last = len(c.features)
        for i, (k, n) in enumerate(zip(c.kernels, (*c.features, outputs), strict=True)):
            if sizes is not None:
                x = jnp.where(inside(x, sizes), x, 0.0)
            init = normal(0.001) if i == last else he_normal_fan_out
            name = f"layer{i + 1}"
            conv = Conv(
                n, k, padding=k // 2, kernel_init=init, dtype=c.dtype, name=name
            )
            x = conv(x) if i == last else ACTIVATIONS[c.activation](conv(x))
        x = x.astype(jnp.float32)
        return x if c.upscaling == "first" else shuffle(x, c.scale)


def centred(params: Any) -> Any:
    """Fresh parameters with biases that centre the features.

    A mid-grey image then has features of 0 and a mid-grey output. Training is slow
    where all features share a mean.
    """
    first = min(params)
    last = max(params)
    shift = -MID_GREY * jnp.sum(params[first]["kernel"], axis=(0, 1, 2))
    grey = jnp.full_like(params[last]["bias"], MID_GREY)
    biases = {first: {"bias": shift}, last: {"bias": grey}}
    return {name: layer | biases.get(name, {}) for name, layer in params.items()}


def inside(
    x: Float[Array, "batch height width channels"], sizes: Sizes, border: int = 0
) -> Bool[Array, "batch height width 1"]:
    """Which pixels of padded images x are inside an image, and not in its border of
    `border` pixels."""
    rows = jnp.arange(x.shape[1])[:, None]
    columns = jnp.arange(x.shape[2])
    height, width = (sizes[:, i, None, None] for i in (0, 1))
    in_rows = (rows >= border) & (rows < height - border)
    in_columns = (columns >= border) & (columns < width - border)
    return (in_rows & in_columns)[..., None]
