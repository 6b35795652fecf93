"""Residual blocks and the hourglass built of them (section 3.3).

Unlike Newell et al.'s hourglass, this one halves its maps by strided convolutions, not
by pooling, and widens them on the way down. Axes: batch, height, width, channels.
"""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
from jaxtyping import Array, Float

from common.convolution import Conv, he_normal_fan_in
from common.normalization import BatchNorm
from common.resize import twice_as_large

Maps = Float[Array, "batch height width channels"]

# PyTorch's default: U(-1/sqrt(fan_in), 1/sqrt(fan_in)), whose variance is 1/(3 fan_in).
uniform = jax.nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
INITS = {"he": he_normal_fan_in, "uniform": uniform}


class ConvNorm(nn.Module):
    """Convolution without bias, BatchNorm and, by default, ReLU."""

    features: int
    kernel_size: int
    strides: int = 1
    relu: bool = True
    train: bool = False
    init: str = "he"
    dtype: str = "float32"
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        x = Conv(
            self.features,
            self.kernel_size,
            self.strides,
            padding=self.kernel_size // 2,
            use_bias=False,
            kernel_init=INITS[self.init],
            dtype=self.dtype,
            name="conv",
        )(x)
        x = BatchNorm(self.train, self.axis_name, name="norm")(x)
        return nn.relu(x) if self.relu else x


Layer = Callable[..., ConvNorm]  # ConvNorm with its last four fields given


class Residual(nn.Module):
    """relu(F(x) + x), where F is two 3 x 3 convolutions. A projection takes the place
    of x where the shape changes."""

    layer: Layer
    features: int
    strides: int = 1

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        y = self.layer(self.features, 3, self.strides, name="layer1")(x)
        y = self.layer(self.features, 3, relu=False, name="layer2")(y)
        if self.strides > 1 or x.shape[-1] != self.features:
            project = self.layer(
                self.features, 1, self.strides, relu=False, name="skip"
            )
            x = project(x)
        return nn.relu(y + x)


class Hourglass(nn.Module):
    """Halves its maps `len(widths) - 1` times and enlarges them again; at every size a
    branch of its own keeps the details, and is added.

    widths: channels at each size, from the largest maps to the smallest.
    blocks: residual blocks at each size, likewise.
    remat: recompute the blocks in the backward pass.
    """

    layer: Layer
    widths: Sequence[int]
    blocks: Sequence[int]
    remat: bool = False

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        width, below, *_ = self.widths
        count = self.blocks[0]
        up = self._row("up", x, [(width, 1)] * count)
        low = self._row("down", x, [(below, 2)] + [(below, 1)] * (count - 1))
        if len(self.widths) > 2:
            inner = Hourglass(
                self.layer, self.widths[1:], self.blocks[1:], self.remat, name="inner"
            )
            low = inner(low)
        else:
            low = self._row("inner", low, [(below, 1)] * self.blocks[1])
        low = self._row("back", low, [(below, 1)] * (count - 1) + [(width, 1)])
        return up + twice_as_large(low, "nearest")

    def _row(self, name: str, x: Maps, sizes: Sequence[tuple[int, int]]) -> Maps:
        """Residual blocks one after another, of (features, strides)."""
        block: Any = nn.remat(Residual) if self.remat else Residual
        for i, (features, strides) in enumerate(sizes):
            x = block(self.layer, features, strides, name=f"{name}_{i}")(x)
        return x
