"""Darknet's cfg language: a text becomes a `Cfg`, and a `Cfg` a text.

As darknet reads it: blanks and tabs inside a line count for nothing; a line is empty,
a comment (# or ;), a [section] or key=value; of equal keys the first counts. [net]
comes first, and layers are numbered from 0 after it. A negative `from` or `layers`
counts back from the layer itself. What darknet would pass over in silence is refused:
sections, keys and values that it does not know.
"""

import warnings
from collections.abc import Callable

from common.contract import UserError
from common.files import storage, texts
from common.nearest import nearest
from papers.yolov3.cfg import Cfg, Net
from papers.yolov3.cfg_section import Section
from papers.yolov3.layers import (
    AvgPool,
    Convolutional,
    Cost,
    Layer,
    MaxPool,
    Route,
    Shortcut,
    Softmax,
    Upsample,
    Yolo,
)

ALIASES = {
    "network": "net",
    "conv": "convolutional",
    "max": "maxpool",
    "avg": "avgpool",
    "soft": "softmax",
}
# Keys that do not change what a layer computes, or that ask for what is done anyway.
IGNORED = {
    "convolutional": ("dontload", "dontloadscales", "numload"),
    "yolo": ("map",),
    "softmax": ("groups",),
    "cost": ("type", "scale", "ratio", "noobj", "thresh"),
}
# Keys of darknet's descendants under which a [yolo] predicts otherwise.
OTHER_YOLO = ("scale_x_y", "new_coords")


def read(path: str) -> Cfg:
    """The network of a .cfg file. UserError: it is not there, or cannot be."""
    file = storage.path(path)
    if not file.is_file():
        raise UserError(f"{path}: there is no such .cfg file")
    return parse(texts.read(file).decode(), file.name)


def parse(text: str, source: str = "cfg") -> Cfg:
    """The network of a text. `source` names it in errors. UserError, one line: where
    the text is wrong, and what would be right."""
    first, *rest = _sections(text, source)
    if first.name != "net":
        raise UserError(
            f"{source}, line {first.line}: the first section must be [net], not "
            f"[{first.name}]"
        )
    if again := [section for section in rest if section.name == "net"]:
        raise UserError(f"{source}, line {again[0].line}: a second [net]")
    net = _net(first)
    layers = tuple(_layer(section, i) for i, section in enumerate(rest))
    try:
        return Cfg(net, layers)
    except UserError as error:
        raise UserError(f"{source}: {error}") from None


def _sections(text: str, source: str) -> list[Section]:
    found: list[Section] = []
    for number, line in enumerate(text.splitlines(), 1):
        line = "".join(line.partition("#")[0].split())
        if not line or line[0] == ";":
            continue
        if line[0] == "[":
            name = line[1:].removesuffix("]")
            name = ALIASES.get(name, name)
            if not line.endswith("]") or name not in {"net", *READERS}:
                raise UserError(
                    f"{source}, line {number}: no section {line}; there are [net] and "
                    f"{', '.join(f'[{name}]' for name in READERS)}"
                )
            found.append(Section(name, number, {}, source))
            continue
        key, equals, value = line.partition("=")
        if not (key and equals and value):
            raise UserError(f"{source}, line {number}: {line!r} is not key=value")
        if not found:
            raise UserError(f"{source}, line {number}: {line!r} precedes [net]")
        found[-1].options.setdefault(key, (number, value))
    if not found:
        raise UserError(f"{source}: it has no sections; [net] must come first")
    return found


def _layer(section: Section, index: int) -> Layer:
    read, keys = READERS[section.name]
    allowed = {*keys.split(), *IGNORED.get(section.name, ())}
    unknown = [key for key in section.options if key not in allowed]
    if section.name == "yolo":
        # Other programs keep the settings of their losses here.
        for key in OTHER_YOLO:
            if key in unknown:
                raise section.error(key, "boxes are read in the paper's way alone")
        if unknown:
            warnings.warn(
                f"{section.source}: [yolo] has keys that change nothing here: "
                f"{', '.join(unknown)}",
                stacklevel=4,
            )
    elif unknown:
        raise section.error(unknown[0], f"no such key, {nearest(unknown[0], allowed)}")
    try:
        return read(section, index)
    except UserError as error:
        if str(error).startswith(section.source):
            raise
        raise UserError(
            f"{section.source}, line {section.line}: [{section.name}] {error}"
        ) from None


def _net(section: Section) -> Net:
    return Net(
        height=section.whole("height", None, 1),
        width=section.whole("width", None, 1),
        channels=section.whole("channels", None, 1),
        batch=section.whole("batch", 1, 1),
        subdivisions=section.whole("subdivisions", 1, 1),
        learning_rate=section.real("learning_rate", 0.001),
        momentum=section.real("momentum", 0.9),
        decay=section.real("decay", 1e-4),
        burn_in=section.whole("burn_in", 0),
        max_batches=section.whole("max_batches", 0),
        policy=section.text("policy", "constant"),
        power=section.real("power", 4.0),
        steps=section.wholes("steps"),
        scales=section.reals("scales"),
        angle=section.real("angle", 0.0),
        saturation=section.real("saturation", 1.0),
        exposure=section.real("exposure", 1.0),
        hue=section.real("hue", 0.0),
    )


def _convolutional(section: Section, index: int) -> Convolutional:
    size = section.whole("size", 1, 1)
    padding = section.whole("padding", 0)
    return Convolutional(
        filters=section.whole("filters", 1, 1),
        size=size,
        stride=section.whole("stride", 1, 1),
        padding=size // 2 if section.whole("pad", 0) else padding,
        groups=section.whole("groups", 1, 1),
        batch_normalize=bool(section.whole("batch_normalize", 0)),
        activation=section.text("activation", "logistic"),
        stopbackward=bool(section.whole("stopbackward", 0)),
    )


def _max_pool(section: Section, index: int) -> MaxPool:
    stride = section.whole("stride", 1, 1)
    size = section.whole("size", stride, 1)
    return MaxPool(size, stride, section.whole("padding", size - 1))


def _upsample(section: Section, index: int) -> Upsample:
    return Upsample(section.whole("stride", 2, 1))


def _shortcut(section: Section, index: int) -> Shortcut:
    source = section.whole("from", None, -index)
    return Shortcut(
        source + index if source < 0 else source, section.text("activation", "linear")
    )


def _route(section: Section, index: int) -> Route:
    sources = section.wholes("layers", -index)
    if not sources:
        raise section.error("layers", "is missing")
    return Route(tuple(i + index if i < 0 else i for i in sources))


def _yolo(section: Section, index: int) -> Yolo:
    numbers = section.reals("anchors")
    if not numbers or len(numbers) % 2:
        raise section.error("anchors", "give pairs of width and height")
    anchors = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    count = section.whole("num", 1, 1)
    if count > len(anchors):
        raise section.error("num", f"there are {len(anchors)} pairs of anchors")
    return Yolo(
        anchors=anchors[:count],
        mask=section.wholes("mask") or tuple(range(count)),
        classes=section.whole("classes", 20, 1),
        jitter=section.real("jitter", 0.2),
        ignore_thresh=section.real("ignore_thresh", 0.5),
        truth_thresh=section.real("truth_thresh", 1.0),
        random=bool(section.real("random", 0.0)),
        max=section.whole("max", 90, 1),
    )


Reader = Callable[[Section, int], Layer]
# {section: how it is read, and its keys}
READERS: dict[str, tuple[Reader, str]] = {
    "convolutional": (
        _convolutional,
        "filters size stride pad padding groups batch_normalize activation "
        "stopbackward",
    ),
    "maxpool": (_max_pool, "size stride padding"),
    "avgpool": (lambda section, index: AvgPool(), ""),
    "upsample": (_upsample, "stride"),
    "shortcut": (_shortcut, "from activation"),
    "route": (_route, "layers"),
    "yolo": (
        _yolo,
        "anchors mask classes num jitter ignore_thresh truth_thresh random max",
    ),
    "softmax": (lambda section, index: Softmax(), ""),
    "cost": (lambda section, index: Cost(), ""),
}
