"""The hourglass with skip connections of Ulyanov et al. 2018.

Axes: batch, height, width, channels. The batch is one picture: BatchNorm's statistics
are always those of the picture that is being made, also for the result.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from common.convolution import Conv
from common.normalization import BatchNorm
from papers.deep_image_prior.config import Config, Model

Maps = Float[Array, "batch height width channels"]
SLOPE = 0.2  # of the leaky rectifiers


class ConvNorm(nn.Module):
    """Convolution with bias, BatchNorm, leaky ReLU; `strides` 2 halves the map.

    The bias is there, as in the paper's count, but is not added: BatchNorm would take
    it off again, and Adam would follow the rounding errors of a gradient that is zero.
    """

    config: Model
    features: int
    kernel_size: int
    strides: int = 1

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        c, size = self.config, self.kernel_size
        init = uniform_fan_in(size**2 * x.shape[-1])
        self.param("bias", init, (self.features,))
        average = c.downsample == "average" and self.strides > 1
        x = Conv(
            self.features,
            size,
            1 if average else self.strides,
            use_bias=False,
            kernel_init=init,
            dtype=c.dtype,
            name="conv",
        )(padded(x, size // 2, c.padding))
        if average:
            x = nn.avg_pool(x, (2, 2), (2, 2))
        return nn.leaky_relu(BatchNorm(train=True, name="norm")(x), SLOPE)


class Level(nn.Module):
    """One level of the hourglass and, inside it, those below:

    x -> down, down, [the next level], twice as large -+
    x -> skip (1x1) -----------------------------------+-> BatchNorm, up, 1x1
    """

    config: Model
    index: int = 0  # 0: the level of the picture's size

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        c, level = self.config, lambda name: self.config.level(name, self.index)
        size, features = level("kernel_down"), level("down")
        deep = ConvNorm(c, features, size, strides=2, name="down")(x)
        deep = ConvNorm(c, features, size, name="deepen")(deep)
        if self.index + 1 < len(c.down):
            deep = Level(c, self.index + 1, name="inner")(deep)
        maps = [twice_as_large(deep, level("upsample"))]
        if level("skip"):
            maps.insert(0, ConvNorm(c, level("skip"), 1, name="skip")(x))
        x = BatchNorm(train=True, name="norm")(jnp.concatenate(maps, -1))
        x = ConvNorm(c, level("up"), level("kernel_up"), name="up")(x)
        return ConvNorm(c, level("up"), 1, name="mix")(x) if c.one_by_one else x


class Hourglass(nn.Module):
    """z -> the picture, in [0, 1]."""

    config: Model

    @nn.compact
    def __call__(self, z: Maps) -> Maps:
        x = Level(self.config, name="outer")(z.astype(self.config.dtype))
        init = uniform_fan_in(x.shape[-1])
        x = Conv(self.config.channels, 1, kernel_init=init, bias_init=init, name="out")(
            x
        )
        return nn.sigmoid(x.astype(jnp.float32))


class Pixels(nn.Module):
    """No prior: the picture's pixels are the parameters, whatever z is."""

    config: Model

    @nn.compact
    def __call__(self, z: Maps) -> Maps:
        shape = (*z.shape[:3], self.config.channels)
        return self.param("image", nn.initializers.uniform(1.0), shape)


def network(config: Config) -> nn.Module:
    return {"skip": Hourglass, "pixels": Pixels}[config.model.family](config.model)


def output(config: Config, params: dict, z: Float[Array, "height width inputs"]):
    """f(z), a picture [height, width, channels]."""
    # What BatchNorm keeps of its past is dropped: it has none.
    x, _ = network(config).apply({"params": params}, z[None], mutable=["batch_stats"])
    return x[0]


def uniform_fan_in(fan_in: int) -> Callable:
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)), of kernels and biases: PyTorch's default,
    with which the paper's nets start."""
    bound = fan_in**-0.5

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def padded(x: Maps, width: int, mode: str) -> Maps:
    """`width` more pixels on each side: mirrored without the border pixel, or zeros."""
    if not width:
        return x
    mode = "constant" if mode == "zero" else mode
    return jnp.pad(x, ((0, 0), (width, width), (width, width), (0, 0)), mode)


def twice_as_large(x: Maps, method: str) -> Maps:
    """ "nearest", or "bilinear" between pixel centres at half integers; border pixels
    are repeated."""
    for axis in (1, 2):
        if method == "nearest":
            x = jnp.repeat(x, 2, axis)
            continue
        n = x.shape[axis]
        edges = [(0, 0)] * 4
        edges[axis] = (1, 1)
        wide = jnp.pad(x, edges, "edge")
        low = jax.lax.slice_in_dim(wide, 0, n, axis=axis)
        high = jax.lax.slice_in_dim(wide, 2, n + 2, axis=axis)
        pair = jnp.stack((0.25 * low + 0.75 * x, 0.75 * x + 0.25 * high), axis + 1)
        x = pair.reshape(*x.shape[:axis], 2 * n, *x.shape[axis + 1 :])
    return x
