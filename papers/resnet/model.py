"""Plain and residual networks (He et al. 2015, sections 3.2 to 3.4 and 4.2).

Axes: batch, height, width, channels.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from common.convolution import Conv, he_normal_fan_in
from common.normalization import BatchNorm
from papers.resnet.config import Config, Model, blocks, bottleneck

Maps = Float[Array, "batch height width channels"]
EXPANSION = 4  # of a bottleneck: its last 1x1 has four times the channels
SCAN_FROM = 8  # blocks of a stage; fewer compile quickly as they are


class ConvNorm(nn.Module):
    """Convolution without bias, BatchNorm and, unless told otherwise, ReLU."""

    config: Model
    features: int
    kernel_size: int
    strides: int = 1
    relu: bool = True
    zero_gamma: bool = False
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Maps, train: bool) -> Maps:
        x = Conv(
            self.features,
            self.kernel_size,
            self.strides,
            padding=self.kernel_size // 2,
            use_bias=False,
            kernel_init=he_normal_fan_in,
            dtype=self.config.dtype,
            name="conv",
        )(x)
        ones, zeros = nn.initializers.ones_init(), nn.initializers.zeros_init()
        scale_init = zeros if self.zero_gamma else ones
        norm = BatchNorm(train, self.axis_name, scale_init=scale_init, name="norm")
        return nn.relu(norm(x)) if self.relu else norm(x)


class Block(nn.Module):
    """relu(F(x) + shortcut(x)), eq. 1 and 2, with F two 3x3 or 1x1, 3x3, 1x1; without
    its shortcut, a plain net's relu(F(x))."""

    config: Model
    width: int  # channels of the 3x3
    strides: int = 1
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Maps, train: bool) -> Maps:
        c = self.config
        residual = x
        layers = self._layers()
        for i, (features, kernel_size, strides) in enumerate(layers, 1):
            last = i == len(layers)
            residual = self._conv(
                features,
                kernel_size,
                strides,
                relu=not last,
                zero_gamma=last and c.zero_gamma and c.shortcut != "none",
                name=f"layer{i}",
            )(residual, train)
        if c.shortcut == "none":
            return nn.relu(residual)
        return nn.relu(residual + self._shortcut(x, residual.shape[-1], train))

    def _layers(self) -> list[tuple[int, int, int]]:
        """(features, kernel size, strides) of F's convolutions."""
        width, s = self.width, self.strides
        if not bottleneck(self.config):
            return [(width, 3, s), (width, 3, 1)]
        first, second = (s, 1) if self.config.stride_on == "1x1" else (1, s)
        return [(width, 1, first), (width, 3, second), (EXPANSION * width, 1, 1)]

    def _shortcut(self, x: Maps, features: int, train: bool) -> Maps:
        """Section 3.3: x itself, or made to have the residual's shape."""
        changes = self.strides > 1 or x.shape[-1] != features
        option = self.config.shortcut
        if option == "C" or (option == "B" and changes):
            project = self._conv(features, 1, self.strides, relu=False, name="shortcut")
            return project(x, train)
        return pad_channels(x[:, :: self.strides, :: self.strides], features)

    def _conv(self, *args, **fields) -> ConvNorm:
        return ConvNorm(self.config, *args, axis_name=self.axis_name, **fields)


def pad_channels(x: Maps, features: int) -> Maps:
    """Option A: zero channels on both sides, one more behind if they are odd."""
    missing = features - x.shape[-1]
    before = missing // 2
    return jnp.pad(x, ((0, 0),) * 3 + ((before, missing - before),))


class Stage(nn.Module):
    """Blocks on maps of one size. The first may change size and channels; the others
    are equal, and run one after the other or in a loop over their stacked variables,
    with the same numbers: XLA then compiles one block. Variables never are stacked
    outside, so that checkpoints do not know the difference."""

    config: Model
    n_blocks: int
    width: int
    strides: int
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Maps, train: bool) -> Maps:
        c, n = self.config, self.n_blocks
        kind = nn.remat(Block, static_argnums=(2,)) if c.remat else Block
        x = kind(c, self.width, self.strides, self.axis_name, name="block_0")(x, train)
        names = [f"block_{i}" for i in range(1, n)]
        if self.is_initializing():
            self._draw(names, x)
        elif c.scan == "always" and names:
            x = self._loop(names, x, train)
        else:
            for name in names:
                x = kind(c, self.width, 1, self.axis_name, name=name)(x, train)
        return x

    def _equal_block(self) -> Block:
        return Block(self.config, self.width, 1, self.axis_name, parent=None)

    def _draw(self, names: list[str], x: Maps) -> None:
        """The first variables of the equal blocks, all at once: a thousand layers are
        drawn, or their shapes known, in seconds."""
        block, keys = self._equal_block(), self.make_rng("params")
        keys = jax.random.split(keys, len(names))
        stacked = jax.vmap(lambda key: block.init(key, x, False))(keys)
        for i, name in enumerate(names):
            for kind, tree in stacked.items():
                own = jax.tree.map(lambda leaf, i=i: leaf[i], tree)
                self.put_variable(kind, name, own)

    def _loop(self, names: list[str], x: Maps, train: bool) -> Maps:
        block = self._equal_block()
        of_blocks = [
            {kind: tree[name] for kind, tree in self.variables.items()}
            for name in names
        ]

        def body(x, variables):
            return block.apply(variables, x, train, mutable=["batch_stats"])

        body = jax.checkpoint(body) if self.config.remat else body
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *of_blocks)
        x, updated = lax.scan(body, x, stacked)
        if train:
            for i, name in enumerate(names):
                stats = jax.tree.map(lambda leaf, i=i: leaf[i], updated["batch_stats"])
                self.put_variable("batch_stats", name, stats)
        return x


class Backbone(nn.Module):
    """All but the classifier. Returns the maps {"stem", "stage1", "stage2", ...}."""

    config: Model
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Maps, train: bool = False) -> dict[str, Maps]:
        c = self.config
        large = c.family == "imagenet"
        kernel_size, strides = (7, 2) if large else (3, 1)
        stem = ConvNorm(
            c, c.width, kernel_size, strides, axis_name=self.axis_name, name="stem"
        )
        x = stem(x, train)
        if large:
            # Pads with -inf; padding="SAME" would shift the windows by a pixel.
            x = nn.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))
        maps = {"stem": x}
        for i, n in enumerate(blocks(c)):
            width, strides = c.width * 2**i, 2 if i else 1
            name = f"stage{i + 1}"
            stage = Stage(c, n, width, strides, self.axis_name, name=name)
            maps[name] = x = stage(x, train)
        return maps


class ResNet(nn.Module):
    """Images, normalised, of any size -> logits: the mean over the last maps, which
    makes the net fully convolutional, and a linear classifier."""

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
        return nn.Dense(c.num_classes, kernel_init=he_normal_fan_in, name="head")(
            pooled
        )


def by_platform(step: Callable, config: Config, *arguments: Any) -> Any:
    """`step(config, *arguments)`. With `model.scan` "auto", a net of long stages loops
    over their blocks on every platform but a CPU, where convolutions in a loop are 30
    times slower. The program's platform decides, not the one that we are on."""
    model = config.model
    if model.scan != "auto" or max(blocks(model)) < SCAN_FROM:
        return step(config, *arguments)
    never, always = (
        dataclasses.replace(config, model=dataclasses.replace(model, scan=scan))
        for scan in ("never", "always")
    )
    return lax.platform_dependent(
        *arguments, cpu=partial(step, never), default=partial(step, always)
    )
