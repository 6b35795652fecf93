"""Plain and residual networks (He et al. 2015, sections 3.2 to 3.4 and 4.2).

Axes: batch, height, width, channels.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from common.convolution import Conv, he_normal_fan_in
from common.normalization import BatchNorm
from common.repeat import draw_at_once, loop_by_platform, repeat
from papers.resnet.config import Config, Model, blocks, bottleneck

Maps = Float[Array, "batch height width channels"]
EXPANSION = 4  # the last 1x1 of a bottleneck has four times the channels of its 3x3
# Blocks of a stage. One of fewer compiles quickly when it is written out, and on a CPU
# runs faster so.
LOOP_FROM = 8
LOOP_FROM_ON_CPU = 64


class ConvNorm(nn.Module):
    """Convolution without bias, BatchNorm and, by default, ReLU."""

    features: int
    kernel_size: int
    strides: int = 1
    relu: bool = True
    zero_gamma: bool = False
    train: bool = False
    dtype: str = "float32"
    axis_name: str | None = None
    looped: bool = False

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        x = Conv(
            self.features,
            self.kernel_size,
            self.strides,
            padding=self.kernel_size // 2,
            use_bias=False,
            kernel_init=he_normal_fan_in,
            dtype=self.dtype,
            looped=self.looped,
            name="conv",
        )(x)
        ones = nn.initializers.ones_init()
        scale_init = nn.initializers.zeros_init() if self.zero_gamma else ones
        norm = BatchNorm(self.train, self.axis_name, scale_init=scale_init, name="norm")
        return nn.relu(norm(x)) if self.relu else norm(x)


Layer = Callable[..., ConvNorm]  # ConvNorm with its last three fields given


class Block(nn.Module):
    """relu(F(x) + shortcut(x)), eq. 1 and 2. F is two 3x3 convolutions, or a bottleneck
    of 1x1, 3x3 and 1x1. A plain net has no shortcut: relu(F(x))."""

    config: Model
    width: int  # channels of the 3x3
    strides: int = 1
    layer: Layer = ConvNorm

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        c = self.config
        residual = x
        layers = self._layers()
        for i, (features, kernel_size, strides) in enumerate(layers, 1):
            last = i == len(layers)
            residual = self.layer(
                features,
                kernel_size,
                strides,
                relu=not last,
                zero_gamma=last and c.zero_gamma and c.shortcut != "none",
                name=f"layer{i}",
            )(residual)
        if c.shortcut == "none":
            return nn.relu(residual)
        return nn.relu(residual + self._shortcut(x, residual.shape[-1]))

    def _layers(self) -> list[tuple[int, int, int]]:
        """Features, kernel size and strides of F's convolutions."""
        width = self.width
        if not bottleneck(self.config):
            return [(width, 3, self.strides), (width, 3, 1)]
        on_first = self.config.stride_on == "1x1"
        first, second = (self.strides, 1) if on_first else (1, self.strides)
        return [(width, 1, first), (width, 3, second), (EXPANSION * width, 1, 1)]

    def _shortcut(self, x: Maps, features: int) -> Maps:
        """x in the shape of the residual, by option A, B or C of section 3.3."""
        changes = self.strides > 1 or x.shape[-1] != features
        option = self.config.shortcut
        if option == "C" or (option == "B" and changes):
            return self.layer(features, 1, self.strides, relu=False, name="shortcut")(x)
        return pad_channels(x[:, :: self.strides, :: self.strides], features)


def pad_channels(x: Maps, features: int) -> Maps:
    """Option A: zero channels before and after those of x. If their number is odd, the
    extra one comes after."""
    missing = features - x.shape[-1]
    before = missing // 2
    return jnp.pad(x, ((0, 0),) * 3 + ((before, missing - before),))


class Stage(nn.Module):
    """Blocks on maps of one size. The first may change size and channels; the others
    are equal, and a loop may run them."""

    config: Model
    n_blocks: int
    width: int
    strides: int
    layer: Layer

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        c = self.config
        first = Block(c, self.width, self.strides, self.layer, name="block_0")
        loop = c.scan == "always"
        layer = partial(self.layer, looped=loop)
        equal = [
            Block(c, self.width, 1, layer, name=f"block_{i}")
            for i in range(1, self.n_blocks)
        ]
        run = partial(repeat, lambda block, x, _: (block(x), None), remat=c.remat)
        x, _ = run([first], x, loop=False)
        if self.is_initializing():
            draw_at_once(equal, x)
            return x
        x, _ = run(equal, x, loop=loop)
        return x


class Backbone(nn.Module):
    """All but the classifier. Returns the maps {"stem", "stage1", "stage2", ...}."""

    config: Model
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Maps, train: bool = False) -> dict[str, Maps]:
        c = self.config
        layer = partial(ConvNorm, train=train, dtype=c.dtype, axis_name=self.axis_name)
        large = c.family == "imagenet"
        kernel_size, strides = (7, 2) if large else (3, 1)
        x = layer(c.width, kernel_size, strides, name="stem")(x)
        if large:
            # Pads with -inf; padding="SAME" would shift the windows by a pixel.
            x = nn.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))
        maps = {"stem": x}
        for i, n in enumerate(blocks(c)):
            name = f"stage{i + 1}"
            stage = Stage(c, n, c.width * 2**i, 2 if i else 1, layer, name=name)
            maps[name] = x = stage(x)
        return maps


class ResNet(nn.Module):
    """Normalised images of any size -> logits. The classifier reads the mean over the
    last maps, so that the net is fully convolutional."""

    config: Model
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, x: Maps, train: bool = False
    ) -> Float[Array, "batch num_classes"]:
        c = self.config
        maps = Backbone(c, self.axis_name, name="backbone")(x, train)
        *_, last = maps.values()
        pooled = jnp.mean(last.astype(jnp.float32), (1, 2))
        head = nn.Dense(c.num_classes, kernel_init=he_normal_fan_in, name="head")
        return head(pooled)


def by_platform(step: Callable, config: Config, *arguments: Any) -> Any:
    """`step(config, *arguments)`. Where `model.scan` is "auto", a net of long stages
    loops over their blocks: of LOOP_FROM blocks, on a CPU of LOOP_FROM_ON_CPU."""
    model = config.model
    longest = max(blocks(model))
    if model.scan != "auto" or longest < LOOP_FROM:
        return step(config, *arguments)

    def chosen(loop: bool, *arguments):
        scan = "always" if loop else "never"
        fixed = dataclasses.replace(model, scan=scan)
        return step(dataclasses.replace(config, model=fixed), *arguments)

    if longest >= LOOP_FROM_ON_CPU:
        return chosen(True, *arguments)
    return loop_by_platform(chosen, *arguments)
