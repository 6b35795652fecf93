"""The hourglass with skip connections of Ulyanov et al. 2018.

Axes: batch, height, width, channels. The batch is one picture: BatchNorm's statistics
are always those of the picture that is being made, also for the result.
"""

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
