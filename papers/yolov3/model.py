"""The network that a cfg describes (darknet; Redmon & Farhadi 2018, sections 2.3, 2.4).

Axes: batch, height, width, channels. Darknet's shortcut has no projection, its running
variance is the unbiased one, and its leaky slope is 0.1.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from common.contract import UserError
from common.convolution import Conv, he_normal_fan_in
from common.normalization import BatchNorm
from papers.yolov3 import architectures, darknet_cfg
from papers.yolov3.cfg import Cfg
from papers.yolov3.custom_cfg import with_classes, with_priors, with_size
from papers.yolov3.initial import drawn
from papers.yolov3.layers import (
    AvgPool,
    Convolutional,
    Layer,
    MaxPool,
    Route,
    Shortcut,
    Upsample,
    Yolo,
)
from papers.yolov3.maps import Maps, added, max_pool, upsampled

Raw = Float[Array, "batch rows columns priors values"]

LEAKY = 0.1
MOMENTUM = 0.99  # of BatchNorm's running statistics

ACTIVATIONS: dict[str, Callable[[Maps], Maps]] = {
    "linear": lambda x: x,
    "leaky": lambda x: nn.leaky_relu(x, LEAKY),
    "relu": nn.relu,
    "logistic": nn.sigmoid,
    "tanh": jnp.tanh,
    "elu": nn.elu,
    "selu": nn.selu,
}


def build(name_or_path: str, classes: int | None = None, **changes) -> Cfg:
    """A network of ours by its name (`architectures.build`), or that of a .cfg file.

    classes: None takes the cfg's own number; another number changes the outputs.
    changes: `size` (pixels a side) and `anchors`; of ours also `width`, `blocks`,
      `masks`. None leaves what is published.

    UserError: no such name or file, or a cfg that cannot be."""
    given = {key: value for key, value in changes.items() if value is not None}
    if Path(name_or_path).suffix != ".cfg":
        return architectures.build(name_or_path, classes, **given)
    cfg = darknet_cfg.read(name_or_path)
    if size := given.pop("size", None):
        cfg = with_size(cfg, size, size)
    if anchors := given.pop("anchors", None):
        cfg = with_priors(cfg, anchors)
    if given:
        raise UserError(
            f"{name_or_path} says its {' and '.join(given)} itself: change the file"
        )
    return with_classes(cfg, classes) if classes else cfg


class ConvNorm(nn.Module):
    """A [convolutional]: convolution, BatchNorm or a bias, activation."""

    layer: Convolutional
    train: bool
    axis_name: str | None
    dtype: DTypeLike
    bias_init: nn.initializers.Initializer = nn.initializers.zeros_init()

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        c = self.layer
        x = Conv(
            c.filters,
            c.size,
            c.stride,
            padding=c.padding,
            groups=c.groups,
            use_bias=not c.batch_normalize,
            kernel_init=he_normal_fan_in,
            bias_init=self.bias_init,
            dtype=self.dtype,
            name="conv",
        )(x)
        if c.batch_normalize:
            norm = BatchNorm(self.train, self.axis_name, MOMENTUM, name="norm")
            x = norm(x)
        return ACTIVATIONS[c.activation](x)


class Network(nn.Module):
    """Images in [0, 1] of any size that the strides divide -> what the cfg computes.
    UserError: they do not divide it.

    A detector gives a raw map for each [yolo], in the cfg's order, float32; its values
    are x, y, w, h, objectness and classes, before any sigmoid. A classifier gives the
    logits [batch, classes], float32; a trunk without [softmax] its last maps.

    Variables of layer i are "layer_i": {"conv", "norm"}. objectness: the initial bias
    of the objectness, 0 in darknet.
    """

    cfg: Cfg
    axis_name: str | None = None
    dtype: DTypeLike = "float32"
    objectness: float = 0.0

    @nn.compact
    def __call__(
        self, images: Maps, train: bool = False, taps: Sequence[int] = ()
    ) -> list[Raw] | Maps | tuple[list[Raw] | Maps, dict[int, Maps]]:
        """The result; with `taps`, numbers of layers, also {number: its maps}."""
        layers = self.cfg.layers
        *size, channels = images.shape[1:]
        if channels != self.cfg.net.channels:
            raise UserError(
                f"the cfg's [net] has channels={self.cfg.net.channels}, the images "
                f"have {channels}"
            )
        self.cfg.shapes(*size)  # refuses sizes that the strides do not fit
        kept = needed(layers) | {*taps}
        earlier: dict[int, Maps] = {}
        raw: list[Raw] = []
        x = images.astype(self.dtype)
        for i, layer in enumerate(layers):
            match layer:
                case Convolutional():
                    x = self._conv(i, layer, train)(x)
                    if layer.stopbackward:
                        x, earlier, raw = lax.stop_gradient((x, earlier, raw))
                case MaxPool():
                    x = max_pool(x, layer)
                case AvgPool():
                    x = jnp.mean(x.astype(jnp.float32), (1, 2), keepdims=True)
                case Upsample():
                    x = upsampled(x, layer.stride)
                case Shortcut():
                    x = ACTIVATIONS[layer.activation](added(x, earlier[layer.source]))
                case Route(sources=sources):
                    routed = [earlier[source] for source in sources]
                    x = jnp.concatenate(routed, -1) if len(routed) > 1 else routed[0]
                case Yolo():
                    raw.append(by_prior(x, layer))
            if i in kept:
                earlier[i] = x
        result = raw or _logits(x)
        return (result, {i: earlier[i] for i in taps}) if taps else result

    def _conv(self, i: int, layer: Convolutional, train: bool) -> ConvNorm:
        following = self.cfg.layers[i + 1] if i + 1 < len(self.cfg.layers) else None
        bias_init = nn.initializers.zeros_init()
        if isinstance(following, Yolo) and self.objectness:
            bias_init = objectness_bias(following, self.objectness)
        return ConvNorm(
            layer,
            train,
            self.axis_name,
            self.dtype,
            bias_init,
            name=f"layer_{i}",
        )


def needed(layers: Sequence[Layer]) -> set[int]:
    """Numbers of the layers that a later one reads besides the next."""
    sources: set[int] = set()
    for layer in layers:
        match layer:
            case Shortcut(source=source):
                sources.add(source)
            case Route(sources=several):
                sources.update(several)
    return sources


def by_prior(x: Maps, layer: Yolo) -> Raw:
    """[b, h, w, priors (5 + classes)] -> [b, h, w, priors, 5 + classes], float32."""
    return x.reshape(*x.shape[:3], len(layer.mask), -1).astype(jnp.float32)


def objectness_bias(layer: Yolo, value: float) -> nn.initializers.Initializer:
    """Biases that are `value` at the objectness of every prior, and 0 elsewhere."""

    def init(key: Array, shape: Sequence[int], dtype: DTypeLike = jnp.float32) -> Array:
        bias = jnp.zeros((len(layer.mask), 5 + layer.classes), dtype)
        return bias.at[:, 4].set(value).reshape(shape)

    return init


def _logits(x: Maps) -> Maps | Float[Array, "batch classes"]:
    x = x.astype(jnp.float32)
    return x[:, 0, 0] if x.shape[1:3] == (1, 1) else x


def init(cfg: Cfg, key: Array, **fields) -> dict:
    """Random {"params", "batch_stats"} of `Network(cfg, **fields)`: kernels are normal
    with deviation sqrt(2 / fan in).

    All are cut from one array of random numbers (`initial.drawn`)."""
    image = jnp.zeros((1, cfg.net.height, cfg.net.width, cfg.net.channels))
    network = Network(cfg, **fields)
    shapes = jax.eval_shape(network.init, key, image)
    return drawn(shapes, key, partial(_start, network))


def _start(network: Network, path: tuple, leaf: jax.ShapeDtypeStruct) -> Array:
    """What a bias, a scale or a running statistic starts at."""
    _, layer, _, name = (key.key for key in path)
    if name in ("scale", "var"):
        return jnp.ones(leaf.shape)
    following = int(layer.removeprefix("layer_")) + 1
    layers = network.cfg.layers
    if following < len(layers) and isinstance(layers[following], Yolo):
        bias = objectness_bias(layers[following], network.objectness)
        return bias(jax.random.key(0), leaf.shape)
    return jnp.zeros(leaf.shape)
