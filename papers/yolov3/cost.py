"""Operations and parameters of the networks, counted from their cfgs, and frames a
second: table 2 of the paper.

Darknet counts an operation for every multiplication and every addition of the
convolutions; the paper's "Bn Ops" are 1e9 of them.
"""

import statistics
from typing import NamedTuple

import jax
import jax.numpy as jnp

from common.contract import Table
from common.timing import matmul_flops, median_seconds
from papers.yolov3 import model
from papers.yolov3.architectures import build
from papers.yolov3.cfg import Cfg
from papers.yolov3.layers import Convolutional, Layer


class Published(NamedTuple):
    """A row of table 2, measured on a Titan X at 256 x 256."""

    name: str
    top1: float  # per cent of ImageNet's images
    top5: float
    operations: float  # 1e9
    rate: int  # 1e9 operations a second
    frames: int  # a second


TABLE_2 = {
    "darknet19": Published("Darknet-19", 74.1, 91.8, 7.29, 1246, 171),
    "resnet101": Published("ResNet-101", 77.1, 93.7, 19.7, 1039, 53),
    "resnet152": Published("ResNet-152", 77.6, 93.8, 29.4, 1090, 37),
    "darknet53": Published("Darknet-53", 77.2, 93.8, 18.7, 1457, 78),
}


def operations(cfg: Cfg, height: int = 0, width: int = 0) -> dict[int, int]:
    """{layer: operations} of every convolution for one image of this size, or of the
    net's own: twice the multiply-adds."""
    shapes = cfg.shapes(height, width)
    channels = [cfg.net.channels, *(shape.channels for shape in shapes)]
    return {
        i: 2
        * shapes[i].height
        * shapes[i].width
        * layer.filters
        * layer.size**2
        * (channels[i] // layer.groups)
        for i, layer in enumerate(cfg.layers)
        if isinstance(layer, Convolutional)
    }


def billions(cfg: Cfg, height: int = 0, width: int = 0) -> float:
    """All operations of an image, in 1e9."""
    return sum(operations(cfg, height, width).values()) / 1e9


def parameters(cfg: Cfg) -> int:
    """Trainable numbers; of BatchNorm its scale and its bias."""
    channels = [cfg.net.channels, *(shape.channels for shape in cfg.shapes())]
    return sum(
        layer.filters
        * (layer.size**2 * (channels[i] // layer.groups) + 1 + layer.batch_normalize)
        for i, layer in enumerate(cfg.layers)
        if isinstance(layer, Convolutional)
    )


def layer_table(cfg: Cfg) -> Table:
    """Table 1: each layer of the network with its maps, operations and parameters."""
    shapes = cfg.shapes()
    costs = operations(cfg)
    rows = [
        [i, _what(layer), " x ".join(map(str, shape)), costs.get(i, 0) / 1e6]
        for i, (layer, shape) in enumerate(zip(cfg.layers, shapes, strict=True))
    ]
    total = f"{billions(cfg):.3f}e9 operations, {parameters(cfg):,} parameters"
    convolutions = f"{len(costs)} convolutions"
    note = f"{convolutions}, {total} at {cfg.net.height} x {cfg.net.width}"
    return Table(("layer", "kind", "maps", "1e6 ops"), rows, note)


def _what(layer: Layer) -> str:
    shown = ("filters", "size", "stride", "source", "sources", "mask")
    told = [f"{k} {_joined(v)}" for k, v in vars(layer).items() if k in shown]
    return " ".join([layer.section, *told])


def _joined(value: int | tuple[int, ...]) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def backbones(repeats: int = 3, size: int = 256) -> Table:
    """Table 2: the four backbones' operations and parameters, and their frames a second
    on this machine beside the paper's. All of them are alive and take turns, so that
    what else the machine does slows each by the same share."""
    peak = matmul_flops()
    calls = {name: _call(build(name, size=size)) for name in TABLE_2}
    seconds = {name: [median_seconds(call, 1)] for name, call in calls.items()}
    for _ in range(repeats - 1):
        for name, call in calls.items():
            seconds[name].append(median_seconds(call, 1))
    frames = {name: 1 / statistics.median(taken) for name, taken in seconds.items()}
    rows = [_row(name, size, frames, peak) for name in TABLE_2]
    columns = (
        "backbone", "parameters", "1e9 ops", "paper's", "frames/s", "paper's",
        "Darknet-53 is faster by", "paper's", "1e9 ops/s", "paper's",
        "share of a matmul", "top-1, paper's", "top-5, paper's",
    )  # fmt: skip
    note = (
        f"one image of {size} x {size}, random weights; a matrix product reaches "
        f"{peak / 1e9:.0f}e9 ops/s here. The paper's: a Titan X at 256 x 256; its 18.7 "
        "for Darknet-53 is 18.57 by every published cfg"
    )
    return Table(columns, rows, note)


def _call(cfg: Cfg):
    """A compiled forward pass of one image."""
    net = model.Network(cfg)
    variables = model.init(cfg, jax.random.key(0))
    image = jnp.full((1, cfg.net.height, cfg.net.width, cfg.net.channels), 0.5)
    forward = jax.jit(net.apply)
    return lambda: forward(variables, image)


def _row(name: str, size: int, frames: dict[str, float], peak: float) -> list:
    there = TABLE_2[name]
    cfg = build(name, size=size)
    count = billions(cfg)
    rate = count * frames[name]
    return [
        there.name,
        parameters(cfg),
        count,
        there.operations,
        frames[name],
        there.frames,
        frames["darknet53"] / frames[name],
        TABLE_2["darknet53"].frames / there.frames,
        rate,
        there.rate,
        1e9 * rate / peak,
        there.top1,
        there.top5,
    ]
