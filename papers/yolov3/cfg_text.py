"""A `Cfg` as a text that darknet reads."""

from collections.abc import Mapping
from typing import Any

from papers.yolov3.cfg import Cfg, Net
from papers.yolov3.layers import (
    Convolutional,
    Layer,
    MaxPool,
    Route,
    Shortcut,
    Upsample,
    Yolo,
)


def text(cfg: Cfg) -> str:
    """The inverse of `darknet_cfg.parse`. Layers are named by their numbers."""
    sections = [_section("net", _net(cfg.net))]
    sections += [_section(layer.section, _options(layer)) for layer in cfg.layers]
    return "\n".join(sections)


def _section(name: str, options: Mapping[str, Any]) -> str:
    lines = [f"{key}={_value(value)}\n" for key, value in options.items()]
    return f"[{name}]\n{''.join(lines)}"


def _value(value: Any) -> str:
    match value:
        case tuple():
            return ",".join(map(_value, value))
        case bool():
            return str(int(value))
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def _net(net: Net) -> dict[str, Any]:
    options = dict(vars(net))
    if net.policy != "steps":
        del options["steps"], options["scales"]
    return options


def _options(layer: Layer) -> dict[str, Any]:
    match layer:
        case Convolutional():
            options = dict(vars(layer))
            if not layer.stopbackward:
                del options["stopbackward"]
            if layer.padding == layer.size // 2:
                del options["padding"]
                options["pad"] = 1
            return options
        case MaxPool() | Upsample():
            return dict(vars(layer))
        case Shortcut(source=source, activation=activation):
            return {"from": source, "activation": activation}
        case Route(sources=sources):
            return {"layers": sources}
        case Yolo():
            options = dict(vars(layer))
            pairs = tuple(side for prior in layer.anchors for side in prior)
            return options | {"anchors": pairs, "num": len(layer.anchors)}
        case _:
            return {}
