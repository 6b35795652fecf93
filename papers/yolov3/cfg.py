"""A network as data: its input and its layers."""

import dataclasses
from collections.abc import Sequence

from common.contract import UserError
from papers.yolov3.layers import Layer, Shape, Yolo


@dataclasses.dataclass(frozen=True)
class Net:
    """The section [net]: the input, and how darknet trains."""

    height: int = 416
    width: int = 416
    channels: int = 3
    batch: int = 1
    subdivisions: int = 1
    learning_rate: float = 0.001
    momentum: float = 0.9
    decay: float = 1e-4
    burn_in: int = 0
    max_batches: int = 0
    policy: str = "constant"
    power: float = 4.0
    steps: tuple[int, ...] = ()
    scales: tuple[float, ...] = ()
    angle: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0
    hue: float = 0.0


@dataclasses.dataclass(frozen=True)
class Cfg:
    """A network. UserError: its layers do not fit each other."""

    net: Net
    layers: tuple[Layer, ...]

    def __post_init__(self):
        if not self.layers:
            raise UserError("a cfg has at least one layer after [net]")
        self.shapes()
        _refuse_unlike_scales(self.layers)

    def shapes(self, height: int = 0, width: int = 0) -> tuple[Shape, ...]:
        """The shape of each layer's maps of one image, for an input of this size, or
        of the net's own. UserError, which names the layer: the shapes do not fit."""
        net = self.net
        before = Shape(height or net.height, width or net.width, net.channels)
        shapes: list[Shape] = []
        for i, layer in enumerate(self.layers):
            try:
                before = layer.shape(before, shapes)
            except UserError as error:
                raise UserError(f"layer {i} [{layer.section}]: {error}") from None
            if min(before) < 1:
                raise UserError(
                    f"layer {i} [{layer.section}]: nothing is left of an input of "
                    f"{height or net.height}x{width or net.width}"
                )
            shapes.append(before)
        return tuple(shapes)

    def inputs(self, index: int) -> int:
        """Channels that layer `index` reads."""
        return self.shapes()[index - 1].channels if index else self.net.channels


def _refuse_unlike_scales(layers: Sequence[Layer]) -> None:
    """The scales share one list of priors, and their classes are the same."""
    scales = [(i, layer) for i, layer in enumerate(layers) if isinstance(layer, Yolo)]
    for i, layer in scales[1:]:
        first, other = scales[0]
        if layer.classes != other.classes:
            raise UserError(
                f"layer {i} [yolo]: {layer.classes} classes, but layer {first} has "
                f"{other.classes}: change both, and the filters before them"
            )
        if layer.anchors != other.anchors:
            raise UserError(
                f"layer {i} [yolo]: its anchors are not those of layer {first}: give "
                "both the whole list, and each its mask"
            )


def yolo_layers(cfg: Cfg) -> tuple[Yolo, ...]:
    """The detector's scales in the order of its outputs; () of a classifier."""
    return tuple(layer for layer in cfg.layers if isinstance(layer, Yolo))


def strides(cfg: Cfg) -> tuple[int, ...]:
    """Pixels of the input along a cell of each scale."""
    shapes = cfg.shapes()
    return tuple(
        cfg.net.height // shape.height
        for layer, shape in zip(cfg.layers, shapes, strict=True)
        if isinstance(layer, Yolo)
    )


def shared_layers(a: Cfg, b: Cfg) -> int:
    """How many layers from the first on both networks have."""
    equal = 0
    for mine, theirs in zip(a.layers, b.layers, strict=False):
        if mine != theirs:
            return equal
        equal += 1
    return equal
