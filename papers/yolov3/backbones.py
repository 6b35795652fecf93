"""Classifiers, which are trunks of detectors: Darknet-53 (table 1) and those that the
paper's table 2 puts beside it."""

from collections.abc import Sequence

from papers.yolov3.layers import (
    AvgPool,
    Convolutional,
    Layer,
    MaxPool,
    Shortcut,
    Softmax,
)

DARKNET53 = (1, 2, 8, 8, 4)  # residual blocks of each stage
RESNET_BLOCKS = {101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


class Stack:
    """Layers that grow one after another."""

    def __init__(self):
        self.layers: list[Layer] = []

    @property
    def last(self) -> int:
        """The number of the last layer."""
        return len(self.layers) - 1

    def add(self, *layers: Layer) -> int:
        self.layers.extend(layers)
        return self.last

    def conv(self, filters: int, size: int, stride: int = 1, *, linear=False) -> int:
        """A convolution with BatchNorm, and a leaky activation unless `linear`."""
        return self.add(
            Convolutional(
                filters,
                size,
                stride,
                size // 2,
                batch_normalize=True,
                activation="linear" if linear else "leaky",
            )
        )

    def output(self, filters: int) -> int:
        """A linear 1x1 convolution with a bias."""
        return self.add(Convolutional(filters, activation="linear"))

    def max_pool(self, stride: int = 2, size: int = 2) -> int:
        return self.add(MaxPool(size, stride, size - 1))

    def pair(self, filters: int) -> None:
        """1x1 to half the channels, 3x3 back."""
        self.conv(filters // 2, 1)
        self.conv(filters, 3)


def darknet53_trunk(
    stack: Stack, width: int, blocks: Sequence[int]
) -> tuple[list[int], int]:
    """Table 1 without its head. Returns the last layer of each stage, and the channels
    of the last stage. width: channels of the first convolution; each stage begins with
    a stride of 2 and has twice the channels of the one before."""
    stack.conv(width, 3)
    ends = []
    for count in blocks:
        width *= 2
        stack.conv(width, 3, 2)
        for _ in range(count):
            source = stack.last
            stack.pair(width)
            stack.add(Shortcut(source))
        ends.append(stack.last)
    return ends, width


def darknet53(classes: int, width: int = 32, blocks: Sequence[int] = DARKNET53):
    """Table 1: the trunk, a mean over places, and a classifier."""
    stack = Stack()
    darknet53_trunk(stack, width, blocks)
    stack.add(AvgPool())
    stack.output(classes)
    stack.add(Softmax())
    return stack.layers


def plain(classes: int, width: int = 32, blocks: Sequence[int] = DARKNET53):
    """Darknet-53 without its shortcuts: the same convolutions, for comparison."""
    kept = [
        layer
        for layer in darknet53(classes, width, blocks)
        if not isinstance(layer, Shortcut)
    ]
    return kept


def darknet19(classes: int, width: int = 32):
    """Darknet-19 of YOLO9000 (Redmon & Farhadi 2017, table 6)."""
    stack = Stack()
    for times, count in ((1, 1), (2, 1), (4, 3), (8, 3), (16, 5), (32, 5)):
        if times > 1:
            stack.max_pool()
        for i in range(count):
            half = i % 2
            stack.conv(width * times // (2 if half else 1), 1 if half else 3)
    stack.output(classes)
    stack.add(AvgPool(), Softmax())
    return stack.layers


def reference(classes: int, width: int = 16):
    """Darknet's small reference classifier."""
    stack = Stack()
    for stage in range(7):
        if stage:
            stack.max_pool()
        stack.conv(width * 2**stage, 3)
    stack.add(AvgPool())
    stack.output(classes)
    stack.add(Softmax())
    return stack.layers


def resnet(classes: int, width: int = 64, depth: int = 101):
    """Darknet's ResNets: bottlenecks of 1x1, 3x3 and 1x1 whose shortcuts never project
    (He et al. 2015, table 1, with a 2x2 pool)."""
    stack = Stack()
    stack.conv(width, 7, 2)
    stack.max_pool()
    for stage, count in enumerate(RESNET_BLOCKS[depth]):
        for block in range(count):
            source = stack.last
            stack.conv(width, 1)
            stack.conv(width, 3, 2 if stage and not block else 1)
            stack.conv(4 * width, 1, linear=True)
            stack.add(Shortcut(source, "leaky"))
        width *= 2
    stack.output(classes)
    stack.add(AvgPool(), Softmax())
    return stack.layers
