"""CornerNet (figure 4): a stem, stacked hourglasses, and after each of them a module
for every corner, whose heads say where corners are, how they are grouped, and their
offsets.

Axes: batch, height, width, channels. Maps have a quarter of the image's height and
width.
"""

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from common.convolution import Conv, uniform_fan_in
from papers.cornernet.config import Model
from papers.cornernet.corner_pooling import (
    bottom_pool,
    left_pool,
    right_pool,
    top_pool,
)
from papers.cornernet.hourglass import INITS, ConvNorm, Hourglass, Layer, Maps, Residual

HEAT_BIAS = -2.19  # sigmoid(-2.19) = 0.1: most cells are no corner


class Corner(NamedTuple):
    """What the heads say of one kind of corner, in float32."""

    heat: Float[Array, "batch height width classes"]  # logits of "a corner is here"
    tag: Float[Array, "batch height width 1"]  # corners of one object have equal tags
    offset: Float[Array, "batch height width 2"]  # x, y: what rounding to cells lost


class Prediction(NamedTuple):
    """Both kinds of corners."""

    top_left: Corner
    bottom_right: Corner


class CornerModule(nn.Module):
    """Figure 7: a residual block whose first convolution is two of them, pooled each in
    its direction and added.

    kind: "top_left" or "bottom_right". `config.corner_pool` False leaves both maxima
        out, with the same parameters (table 1).
    """

    layer: Layer
    config: Model
    kind: str

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        features = x.shape[-1]
        pools = {
            "top_left": (top_pool, left_pool),
            "bottom_right": (bottom_pool, right_pool),
        }
        total = 0.0
        for i, pool in enumerate(pools[self.kind], 1):
            branch = self.layer(self.config.pool_width, 3, name=f"branch{i}")(x)
            total = total + (pool(branch) if self.config.corner_pool else branch)
        pooled = self.layer(features, 3, relu=False, name="pooled")(total)
        skip = self.layer(features, 1, relu=False, name="skip")(x)
        return self.layer(features, 3, name="out")(nn.relu(pooled + skip))


class Head(nn.Module):
    """A 3 x 3 convolution with a bias, ReLU, and a 1 x 1 convolution, in float32."""

    config: Model
    features: int
    bias: float | None = None  # of the last layer at first; None: as its kernel says

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        c = self.config
        kernel_init = INITS[c.init]
        fan_ins = 9 * x.shape[-1], c.head_width
        biases = [nn.initializers.zeros_init()] * 2
        if c.init == "uniform":
            biases = [uniform_fan_in(fan_in) for fan_in in fan_ins]
        if self.bias is not None:
            biases[1] = nn.initializers.constant(self.bias)
        hidden = Conv(
            c.head_width, 3, padding=1, kernel_init=kernel_init, bias_init=biases[0],
            dtype=c.dtype, name="conv",
        )(x)  # fmt: skip
        out = Conv(
            self.features, 1, kernel_init=kernel_init, bias_init=biases[1],
            name="out",
        )  # fmt: skip
        return out(nn.relu(hidden).astype(jnp.float32))


class CornerNet(nn.Module):
    """Normalised images, whose sides `stride` divides, or divides after one more pixel
    -> a prediction of every stack, or of the last alone.

    train: normalise by the batch's statistics, and update the running ones.
    every_stack: also what the earlier hourglasses predict (intermediate supervision).
        It is not fed back; the next one gets the features of both.
    """

    config: Model
    classes: int
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, x: Maps, train: bool = False, every_stack: bool = False
    ) -> list[Prediction]:
        c = self.config
        layer = partial(
            ConvNorm,
            train=train,
            init=c.init,
            dtype=c.dtype,
            axis_name=self.axis_name,
        )
        width = c.widths[0]
        x = layer(c.stem_width, 7, 2, name="stem")(x)
        inter = Residual(layer, width, 2, name="stem_residual")(x)
        predictions = []
        for i in range(c.stacks):
            hourglass = Hourglass(
                layer, c.widths, c.blocks, c.remat, name=f"hourglass_{i}"
            )
            features = layer(c.feature_width, 3, name=f"features_{i}")(hourglass(inter))
            last = i == c.stacks - 1
            if last or every_stack:
                predictions.append(self._predict(layer, features, i))
            if not last:
                both = layer(width, 1, relu=False, name=f"from_inter_{i}")(inter)
                both += layer(width, 1, relu=False, name=f"from_features_{i}")(features)
                inter = Residual(layer, width, name=f"inter_{i}")(nn.relu(both))
        return predictions

    def _predict(self, layer: Layer, features: Maps, stack: int) -> Prediction:
        corners = []
        for kind in Prediction._fields:
            module = CornerModule(layer, self.config, kind, name=f"{kind}_{stack}")
            x = module(features)
            head = partial(Head, self.config)
            heat = head(self.classes, HEAT_BIAS, name=f"{kind}_heat_{stack}")
            tag = head(1, name=f"{kind}_tag_{stack}")
            offset = head(2, name=f"{kind}_offset_{stack}")
            corners.append(Corner(heat(x), tag(x), offset(x)))
        return Prediction(*corners)
