"""A network for a user's classes, priors and size of input."""

import dataclasses
from collections.abc import Sequence

from common.contract import UserError
from papers.yolov3.cfg import Cfg, yolo_layers
from papers.yolov3.layers import Convolutional, Layer, Yolo


def with_classes(cfg: Cfg, classes: int) -> Cfg:
    """The network for another number of classes: the [yolo] of every scale, and the
    convolution before it, which has 3 (5 + classes) filters; of a classifier its last
    convolution."""
    layers = list(cfg.layers)
    convolutions = [i for i, x in enumerate(layers) if isinstance(x, Convolutional)]
    if not yolo_layers(cfg) and convolutions:
        last = convolutions[-1]
        layers[last] = dataclasses.replace(layers[last], filters=classes)
    for i, layer in enumerate(layers):
        if isinstance(layer, Yolo):
            layers[i] = dataclasses.replace(layer, classes=classes)
            layers[i - 1] = _widened(layers[i - 1], layers[i], i - 1)
    return dataclasses.replace(cfg, layers=tuple(layers))


def _widened(layer: Layer, yolo: Yolo, index: int) -> Convolutional:
    if not isinstance(layer, Convolutional):
        raise UserError(
            f"layer {index} [{layer.section}]: a [convolutional] must precede [yolo]"
        )
    return dataclasses.replace(layer, filters=yolo.outputs)


def with_priors(cfg: Cfg, priors: Sequence[tuple[float, float]]) -> Cfg:
    """The network with other priors, (width, height) in pixels of its input, which are
    as many. They are sorted by area here, because masks give the small ones to the
    scales with small cells."""
    ordered = tuple((float(w), float(h)) for w, h in sorted(priors, key=_area))
    for layer in yolo_layers(cfg):
        if len(layer.anchors) != len(ordered):
            raise UserError(
                f"the network has {len(layer.anchors)} priors, not {len(ordered)}"
            )
    layers = tuple(
        dataclasses.replace(layer, anchors=ordered)
        if isinstance(layer, Yolo)
        else layer
        for layer in cfg.layers
    )
    return dataclasses.replace(cfg, layers=layers)


def _area(prior: tuple[float, float]) -> float:
    return prior[0] * prior[1]


def with_size(cfg: Cfg, height: int, width: int) -> Cfg:
    """The network for inputs of another size; priors keep their pixels."""
    net = dataclasses.replace(cfg.net, height=height, width=width)
    return dataclasses.replace(cfg, net=net)
