"""Our own builders of the networks of the paper and of darknet's model zoo.

`build("yolov3", classes=80)` is a `Cfg`; `darknet_cfg.write` makes a text of it that
darknet reads. Layer by layer they are those that darknet publishes, and so are the
numbers of parameters (`cost.py`). `width` and `blocks` make smaller relatives.
"""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial

from common.contract import UserError
from common.nearest import refuse_unknown
from papers.yolov3.backbones import (
    DARKNET53,
    Stack,
    darknet19,
    darknet53,
    darknet53_trunk,
    plain,
    reference,
    resnet,
)
from papers.yolov3.cfg import Cfg, Net
from papers.yolov3.layers import Layer, Route, Upsample, Yolo

Anchors = Sequence[tuple[float, float]]
Masks = Sequence[Sequence[int]]

# Width and height in pixels of the net's input: k-means over COCO (section 2.3).
COCO_ANCHORS = (
    (10, 13), (16, 30), (33, 23), (30, 61), (62, 45), (59, 119), (116, 90), (156, 198),
    (373, 326),
)  # fmt: skip
COCO_ANCHORS_TINY = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
MASKS = ((6, 7, 8), (3, 4, 5), (0, 1, 2))  # of the scales / 32, / 16, / 8
MASKS_TINY = ((3, 4, 5), (0, 1, 2))
# darknet's cfg of May 2018, with which the published tiny weights were trained: prior 0
# has no scale, and prior 3 has two.
MASKS_TINY_TRAINED = ((3, 4, 5), (1, 2, 3))


def yolov3(
    classes: int,
    width: int = 32,
    blocks: Sequence[int] = DARKNET53,
    anchors: Anchors = COCO_ANCHORS,
    masks: Masks = MASKS,
    pools: Sequence[int] = (),
    ignore: float = 0.7,
):
    """Darknet-53 and three scales (section 2.3).

    pools: sizes of the max pools of stride 1 ahead of the first scale, of YOLOv3-spp.
    ignore: the threshold, .5 in the paper and .7 in darknet's cfgs since May 2018."""
    stack = Stack()
    ends, channels = darknet53_trunk(stack, width, blocks)
    for scale, mask in enumerate(masks):
        if scale:
            _upsample(stack, channels // 4, skip=ends[-1 - scale])
            channels //= 2
        branch = _head(stack, channels, pools if not scale else ())
        _predict(stack, channels, classes, anchors, mask, ignore)
        if scale < len(masks) - 1:
            stack.add(Route((branch,)))
    return stack.layers


def _head(stack: Stack, channels: int, pools: Sequence[int]) -> int:
    """Five convolutions, of 1x1 and 3x3 in turn; the number of the last."""
    stack.pair(channels)
    if pools:
        pooled = stack.conv(channels // 2, 1)
        branches = [pooled]
        for size in pools:
            if size != pools[0]:
                stack.add(Route((pooled,)))
            branches.insert(0, stack.max_pool(1, size))
        stack.add(Route(tuple(branches)))
    stack.pair(channels)
    return stack.conv(channels // 2, 1)


def _predict(
    stack: Stack,
    channels: int,
    classes: int,
    anchors: Anchors,
    mask: Sequence[int],
    ignore: float,
) -> None:
    stack.conv(channels, 3)
    stack.output(len(mask) * (5 + classes))
    priors = tuple((float(w), float(h)) for w, h in anchors)
    stack.add(
        Yolo(
            priors, tuple(mask), classes, jitter=0.3, ignore_thresh=ignore, random=True
        )
    )


def _upsample(stack: Stack, channels: int, skip: int) -> None:
    """A 1x1 convolution, twice the size, and the maps of layer `skip` beside it."""
    stack.conv(channels, 1)
    up = stack.add(Upsample())
    stack.add(Route((up, skip)))


def tiny(
    classes: int,
    width: int = 16,
    anchors: Anchors = COCO_ANCHORS_TINY,
    masks: Masks = MASKS_TINY,
    ignore: float = 0.7,
):
    """YOLOv3-tiny: seven convolutions, two scales."""
    stack = Stack()
    skip = 0
    for stage in range(6):
        last = stack.conv(width * 2**stage, 3)
        skip = last if stage == 4 else skip
        stack.max_pool(1 if stage == 5 else 2)
    stack.conv(width * 64, 3)
    branch = stack.conv(width * 16, 1)
    _predict(stack, width * 32, classes, anchors, masks[0], ignore)
    stack.add(Route((branch,)))
    _upsample(stack, width * 8, skip)
    _predict(stack, width * 16, classes, anchors, masks[1], ignore)
    return stack.layers


@dataclasses.dataclass(frozen=True)
class Architecture:
    layers: Callable[..., list[Layer]]
    classes: int
    size: int
    detects: bool = True


ARCHITECTURES = {
    "yolov3": Architecture(yolov3, 80, 416),
    "yolov3-spp": Architecture(partial(yolov3, pools=(5, 9, 13)), 80, 608),
    "yolov3-tiny": Architecture(tiny, 80, 416),
    "yolov3-tiny-trained": Architecture(
        partial(tiny, masks=MASKS_TINY_TRAINED), 80, 416
    ),
    "yolov3-voc": Architecture(partial(yolov3, ignore=0.5), 20, 416),
    "yolov3-openimages": Architecture(yolov3, 601, 608),
    "darknet53": Architecture(darknet53, 1000, 256, detects=False),
    "plain53": Architecture(plain, 1000, 256, detects=False),
    "darknet19": Architecture(darknet19, 1000, 256, detects=False),
    "darknet": Architecture(reference, 1000, 256, detects=False),
    "resnet101": Architecture(partial(resnet, depth=101), 1000, 256, detects=False),
    "resnet152": Architecture(partial(resnet, depth=152), 1000, 256, detects=False),
}


def build(
    name: str, classes: int | None = None, *, size: int | None = None, **changes
) -> Cfg:
    """The network of that name.

    classes, size (pixels a side of the input): None takes the published ones.
    changes: arguments of the network's function above, such as `width`, `blocks`,
      `anchors` and `masks`. None leaves the published ones.

    UserError: there is no such network, it has no such argument, or it cannot be."""
    refuse_unknown("network", name, ARCHITECTURES)
    kind = ARCHITECTURES[name]
    given = {key: value for key, value in changes.items() if value is not None}
    if "anchors" in given:
        _refuse_unused(given["anchors"], given.get("masks"), name)
    try:
        layers = kind.layers(classes or kind.classes, **given)
    except TypeError as error:
        raise UserError(f"{name}: {error}") from None
    side = size or kind.size
    return Cfg(_net(kind, side), tuple(layers))


def _refuse_unused(anchors: Anchors, masks: Masks | None, name: str) -> None:
    if masks is None:
        expected = 6 if "tiny" in name else 9
        if len(anchors) != expected:
            raise UserError(
                f"{name} has {expected} priors, not {len(anchors)}: give as many, or "
                "say with masks which scale has which"
            )


def _net(kind: Architecture, side: int) -> Net:
    """How darknet trains it: section 2 of the paper, and of ImageNet's recipe."""
    colour = {"saturation": 1.5, "exposure": 1.5, "hue": 0.1}
    if kind.detects:
        return Net(
            side, side, batch=64, subdivisions=16, decay=5e-4, burn_in=1000,
            max_batches=500_200, policy="steps", steps=(400_000, 450_000),
            scales=(0.1, 0.1), **colour,
        )  # fmt: skip
    colour = {"saturation": 0.75, "exposure": 0.75, "hue": 0.1}
    return Net(
        side, side, batch=128, learning_rate=0.1, decay=5e-4, burn_in=1000,
        max_batches=800_000, policy="poly", angle=7.0, **colour,
    )  # fmt: skip
