"""Figures 2, 3 and 5 of the paper: blocks and whole nets, as the network's own layers
say."""

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from papers.resnet.config import Config
from papers.resnet.model import Block, ConvNorm, ResNet
from papers.resnet.variants import get_config

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure  # slow to import, and often not needed

PITCH, BOX = 0.31, (0.24, 1.35)  # inches from layer to layer, and of a layer


class Layer(NamedTuple):
    """A convolution of a net, in its order. block: "" outside of blocks."""

    block: str
    name: str
    kernel_size: int
    features: int
    strides: int


class Net(NamedTuple):
    """The layers of a net, and which of its blocks change the shape of their input."""

    layers: list[Layer]
    changing: set[str]


def layers_of(config: Config) -> Net:
    """What the network calls on one image, found by tracing its shapes."""
    layers, changing = [], set()

    def noted(call, args, kwargs, context):
        result = call(*args, **kwargs)
        module = context.module
        if context.method_name != "__call__":
            return result
        if isinstance(module, ConvNorm):
            *outside, name = module.path
            block = "/".join(outside) if "block" in outside[-1] else ""
            sizes = module.kernel_size, module.features, module.strides
            layers.append(Layer(block, name, *sizes))
        elif isinstance(module, Block) and args[0].shape != result.shape:
            changing.add("/".join(module.path))
        return result

    c = dataclasses.replace(config.model, scan="never", remat=False)
    image = jax.ShapeDtypeStruct(
        (1, config.data.size, config.data.size, 3), jnp.float32
    )
    net = ResNet(c)
    shapes = jax.eval_shape(net.init, jax.random.key(0), image)
    with nn.intercept_methods(noted):
        jax.eval_shape(net.apply, shapes, image)
    return Net(layers, changing)


def nets() -> "Figure":
    """Figure 3: 34 layers, plain and residual. A dashed shortcut changes the shape."""
    from common import diagrams

    plain, residual = map(get_config, ("plain34_imagenet", "resnet34_imagenet"))
    found = layers_of(plain), layers_of(residual)
    count = len(_inside(found[0])) + 3
    figure, axes = diagrams.sheet(PITCH * count + 0.5, 4.9)
    for net, y, title in zip(found, (3.6, 0.95), ("plain", "residual"), strict=True):
        diagrams.words(axes, (0.3, y + 1.12), f"34 layers, {title}", align="left")
        _row(axes, net, y, shortcuts=title == "residual")
    return figure


def _inside(net: Net) -> list[Layer]:
    """All convolutions but those of shortcuts."""
    return [layer for layer in net.layers if layer.name != "shortcut"]


def _row(axes: "Axes", net: Net, y: float, *, shortcuts: bool) -> None:
    from common import diagrams

    fills = diagrams.BLUE, diagrams.GREEN, diagrams.ORANGE, diagrams.VIOLET
    texts = [("image", diagrams.FILL)]
    places: dict[str, list[float]] = {}
    for layer in _inside(net):
        half = ", /2" if layer.strides == 2 else ""
        k = layer.kernel_size
        stage = [part for part in layer.block.split("/") if part.startswith("stage")]
        fill = fills[int(stage[0][-1]) - 1] if stage else diagrams.FILL
        places.setdefault(layer.block, []).append(0.45 + PITCH * len(texts))
        texts.append((f"{k} x {k} conv, {layer.features}{half}", fill))
        if not layer.block:
            texts[-1] = (f"{texts[-1][0]}, pool", fill)
    texts.append(("mean, 1000 classes", diagrams.FILL))
    for i, (text, fill) in enumerate(texts):
        centre = 0.45 + PITCH * i, y
        diagrams.box(axes, centre, text, size=BOX, fill=fill, letters=7, turned=True)
        if i:
            left = centre[0] - PITCH + BOX[0] / 2, y
            diagrams.arrow(axes, left, (centre[0] - BOX[0] / 2, y), head=False)
    for block, xs in places.items():
        if block and shortcuts:
            start = xs[0] - PITCH / 2, y + BOX[1] / 2 + 0.02
            end = xs[-1] + PITCH / 2, start[1]
            dashed = block in net.changing
            diagrams.arrow(axes, start, end, bend=-0.55, dashed=dashed)


def blocks() -> "Figure":
    """Figures 2 and 5: a block of two convolutions, and the bottleneck of three."""
    from common import diagrams

    figure, axes = diagrams.sheet(7.2, 4.3)
    for name, x in (("resnet34_imagenet", 1.8), ("resnet50_imagenet", 5.3)):
        net = layers_of(get_config(name))
        last = [layer.block for layer in net.layers if "stage1" in layer.block][-1]
        layers = [layer for layer in _inside(net) if layer.block == last]
        title = "a block" if len(layers) == 2 else "a bottleneck"
        diagrams.words(axes, (x - 1.3, 4.1), f"{title}, as in {name}", align="left")
        _block(axes, x, layers)
    return figure


def _block(axes: "Axes", x: float, layers: list[Layer]) -> None:
    """F(x) on the left, x around it on the right; widths are the layers' channels."""
    from common import diagrams

    top, bottom = 3.75, 0.75
    step = (top - bottom) / (len(layers) + 1)
    channels = layers[-1].features
    diagrams.words(axes, (x, top), f"x, {channels} channels")
    before = x, top - 0.12
    for i, layer in enumerate(layers, 1):
        place = x, top - step * i
        k = layer.kernel_size
        text = f"{k} x {k}, {layer.features}"
        diagrams.arrow(axes, before, (x, place[1] + 0.21))
        diagrams.box(axes, place, text, fill=diagrams.BLUE)
        before = x, place[1] - 0.21
        if i < len(layers):
            diagrams.words(axes, (x + 0.08, before[1] - 0.13), "ReLU", align="left",
                           letters=8)  # fmt: skip
    diagrams.words(axes, (x - 0.9, (top + bottom) / 2), "F(x)", align="right")
    diagrams.arrow(axes, before, (x, bottom + 0.12))
    diagrams.plus(axes, (x, bottom))
    around = (
        (x, top - 0.22),
        (x + 1.1, top - 0.22),
        (x + 1.1, bottom),
        (x + 0.12, bottom),
    )
    diagrams.path(axes, around)
    diagrams.words(axes, (x + 1.25, (top + bottom) / 2), "x", align="left")
    diagrams.arrow(axes, (x, bottom - 0.12), (x, bottom - 0.5))
    diagrams.words(axes, (x + 0.08, bottom - 0.25), "ReLU", align="left", letters=8)
    diagrams.words(axes, (x - 0.2, bottom), "F(x) + x", align="right")
