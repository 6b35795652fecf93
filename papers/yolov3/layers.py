"""The layers of darknet's cfg language, and the shapes that they make of each other's.

Layers are numbered from 0, and a layer reads the one before it. `Shortcut` and `Route`
name others by their numbers. Defaults are darknet's own.
"""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from common.contract import UserError
from common.nearest import refuse_unknown

ACTIVATIONS = ("linear", "leaky", "relu", "logistic", "tanh", "elu", "selu")


class Shape(NamedTuple):
    """Of one image's maps."""

    height: int
    width: int
    channels: int


@dataclasses.dataclass(frozen=True)
class Layer:
    """One section of a cfg. `before` of `shape` is the shape that the layer reads;
    `earlier` are those of all layers with smaller numbers."""

    section: ClassVar[str]

    def shape(self, before: Shape, earlier: Sequence[Shape]) -> Shape:
        return before


@dataclasses.dataclass(frozen=True)
class Convolutional(Layer):
    """A convolution, BatchNorm or a bias, and an activation."""

    section = "convolutional"
    filters: int = 1
    size: int = 1
    stride: int = 1
    padding: int = 0
    groups: int = 1
    batch_normalize: bool = False
    activation: str = "logistic"
    stopbackward: bool = False  # no gradient passes to this layer or those before it

    def __post_init__(self):
        refuse_unknown("activation", self.activation, ACTIVATIONS)

    def shape(self, before: Shape, earlier: Sequence[Shape]) -> Shape:
        if before.channels % self.groups or self.filters % self.groups:
            raise UserError(
                f"{self.groups} groups do not divide {before.channels} inputs and "
                f"{self.filters} filters"
            )
        sides = (
            (side + 2 * self.padding - self.size) // self.stride + 1
            for side in before[:2]
        )
        return Shape(*sides, self.filters)


@dataclasses.dataclass(frozen=True)
class MaxPool(Layer):
    """Maxima of windows. `padding` is that of both sides together; what lies outside
    of the map is never a maximum."""

    section = "maxpool"
    size: int = 1
    stride: int = 1
    padding: int = 0

    def shape(self, before: Shape, earlier: Sequence[Shape]) -> Shape:
        sides = (
            (side + self.padding - self.size) // self.stride + 1 for side in before[:2]
        )
        return Shape(*sides, before.channels)


@dataclasses.dataclass(frozen=True)
class AvgPool(Layer):
    """The mean over the whole map."""

    section = "avgpool"

    def shape(self, before: Shape, earlier: Sequence[Shape]) -> Shape:
        return Shape(1, 1, before.channels)


@dataclasses.dataclass(frozen=True)
class Upsample(Layer):
    """Every pixel repeated `stride` times along both axes."""

    section = "upsample"
    stride: int = 2

    def shape(self, before: Shape, earlier: Sequence[Shape]) -> Shape:
        return Shape(
            before.height * self.stride, before.width * self.stride, before.channels
        )


@dataclasses.dataclass(frozen=True)
class Shortcut(Layer):
    """Adds the maps of layer `source`, without parameters. Where the shapes differ, the
    first channels that both have are added, at the pixels that both have."""

    section = "shortcut"
    source: int
    activation: str = "linear"

    def __post_init__(self):
        refuse_unknown("activation", self.activation, ACTIVATIONS)

    def shape(self, before: Shape, earlier: Sequence[Shape]) -> Shape:
        _refuse_later((self.source,), earlier)
        other = earlier[self.source]
        for mine, theirs in zip(before[:2], other[:2], strict=True):
            if max(mine, theirs) % min(mine, theirs):
                raise UserError(
                    f"maps of {before.height}x{before.width} and "
                    f"{other.height}x{other.width} (layer {self.source}) cannot be "
                    "added: one side must divide the other"
                )
        return before


@dataclasses.dataclass(frozen=True)
class Route(Layer):
    """The channels of the layers `sources`, in this order."""

    section = "route"
    sources: tuple[int, ...]

    def shape(self, before: Shape, earlier: Sequence[Shape]) -> Shape:
        _refuse_later(self.sources, earlier)
        shapes = [earlier[i] for i in self.sources]
        if len({shape[:2] for shape in shapes}) != 1:
            found = ", ".join(
                f"layer {i} is {s.height}x{s.width}"
                for i, s in zip(self.sources, shapes, strict=True)
            )
            raise UserError(f"the maps that it joins differ in size: {found}")
        return shapes[0]._replace(channels=sum(shape.channels for shape in shapes))


@dataclasses.dataclass(frozen=True)
class Yolo(Layer):
    """One scale's predictions: for every cell and every prior of `mask` x, y, w, h, the
    objectness and the classes.

    anchors: width and height of the priors of all scales, in pixels of the net's input.
    """

    section = "yolo"
    anchors: tuple[tuple[float, float], ...]
    mask: tuple[int, ...]
    classes: int = 20
    jitter: float = 0.2
    ignore_thresh: float = 0.5
    truth_thresh: float = 1.0
    random: bool = False
    max: int = 90

    def __post_init__(self):
        wrong = [n for n in self.mask if n >= len(self.anchors)]
        if wrong:
            raise UserError(
                f"mask {wrong[0]}: there are only {len(self.anchors)} anchors"
            )
        if any(side <= 0 for prior in self.anchors for side in prior):
            raise UserError("anchors have sides above 0")

    @property
    def outputs(self) -> int:
        """Channels of the maps that it reads."""
        return len(self.mask) * (5 + self.classes)

    def shape(self, before: Shape, earlier: Sequence[Shape]) -> Shape:
        if before.channels != self.outputs:
            raise UserError(
                f"it reads {before.channels} channels: filters of the layer before it "
                f"must be {len(self.mask)} x (5 + {self.classes} classes) = "
                f"{self.outputs}"
            )
        return before


@dataclasses.dataclass(frozen=True)
class Softmax(Layer):
    """Marks the layer before it as a classifier's logits."""

    section = "softmax"


@dataclasses.dataclass(frozen=True)
class Cost(Layer):
    """Darknet's loss, which changes nothing here."""

    section = "cost"


def _refuse_later(sources: Sequence[int], earlier: Sequence[Shape]) -> None:
    for source in sources:
        if not 0 <= source < len(earlier):
            raise UserError(
                f"it reads layer {source}: give a layer from 0 to {len(earlier) - 1}"
            )
