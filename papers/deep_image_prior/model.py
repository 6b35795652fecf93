"""The hourglass with skip connections of Ulyanov et al. 2018.

Axes: batch, height, width, channels. A batch is one picture. BatchNorm always takes its
statistics from that picture, also when the result is made.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from common.convolution import Conv, padded, uniform_fan_in
from common.normalization import BatchNorm
from common.resize import twice_as_large
from papers.deep_image_prior.config import Config, Model

Maps = Float[Array, "batch height width channels"]
SLOPE = 0.2  # of the leaky rectifiers


class ConvNorm(nn.Module):
    """Convolution, BatchNorm, leaky ReLU. `strides` 2 halves the map.

    The convolution's bias is a parameter, as in the released code, but is not added:
    BatchNorm would subtract it again, and Adam would follow the rounding errors of its
    gradient, which is zero.
    """

    config: Model
    features: int
    kernel_size: int
    strides: int = 1

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        c = self.config
        size = self.kernel_size
        init = uniform_fan_in(size**2 * x.shape[-1])  # PyTorch's default, as released
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
    """One level of the hourglass, with the levels below inside it:

    x -> down, down, [the next level], twice as large -+
    x -> skip (1x1) -----------------------------------+-> BatchNorm, up, 1x1
    """

    config: Model
    index: int = 0  # 0: the level of the picture's size

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        c = self.config
        level = partial(c.level, index=self.index)
        features = level("down")
        size = level("kernel_down")
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
    """The net f: z -> a picture in [0, 1]."""

    config: Model

    @nn.compact
    def __call__(self, z: Maps) -> Maps:
        x = Level(self.config, name="outer")(z.astype(self.config.dtype))
        init = uniform_fan_in(x.shape[-1])
        n = self.config.channels
        x = Conv(n, 1, kernel_init=init, bias_init=init, name="out")(x)
        return nn.sigmoid(x.astype(jnp.float32))


class Pixels(nn.Module):
    """No prior: the pixels of the picture are the parameters, and z only gives their
    shape."""

    config: Model

    @nn.compact
    def __call__(self, z: Maps) -> Maps:
        shape = (*z.shape[:3], self.config.channels)
        return self.param("image", nn.initializers.uniform(1.0), shape)


def network(config: Config) -> nn.Module:
    """The network of `model.family`."""
    return {"skip": Hourglass, "pixels": Pixels}[config.model.family](config.model)


def output(config: Config, params: dict, z: Float[Array, "height width inputs"]):
    """f(z), a picture [height, width, channels]."""
    # BatchNorm's running statistics are dropped, as nothing reads them.
    x, _ = network(config).apply({"params": params}, z[None], mutable=["batch_stats"])
    return x[0]
