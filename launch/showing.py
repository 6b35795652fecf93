"""Tables, figures, pictures and text inside a notebook."""

import base64
import dataclasses
import io
import numbers
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from common.cells import format_cell
from common.contract import BeforeAfter, Records, Table, UserError

SMALL = 160  # a picture's pixels a side; smaller ones are enlarged, each pixel a square


@dataclasses.dataclass(frozen=True)
class Shown:
    """What `launch.show` returns: a notebook draws it where it ends a cell."""

    parts: tuple[tuple[str, Any], ...]  # (name, value)

    def _repr_html_(self) -> str:
        """What a notebook shows: pictures side by side, a name above each."""
        inside = "".join(_part(name, value) for name, value in self.parts)
        style = "display:flex;flex-wrap:wrap;gap:1rem;align-items:flex-start"
        return f'<div style="{style}">{inside}</div>'


def shown(values: Iterable[Any], named: Mapping[str, Any]) -> Shown:
    """As of `launch.show`."""
    parts = [part for value in values for part in _pairs(value)]
    return Shown((*parts, *named.items()))


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """(name, value) of what a paper's `evaluate` or `predict` yields, or of one value;
    text that comes in parts is put together."""
    match value:
        case Mapping():
            yield from value.items()
        case Iterator():
            text = ""
            for item in value:
                if isinstance(item, Records):  # for programs
                    continue
                if isinstance(item, str):
                    text += item
                    continue
                if text:
                    yield "", text
                text = ""
                yield item
            if text:
                yield "", text
        case _:
            yield "", value


def _part(name: str, value: Any) -> str:
    match value:
        case Table():
            body = value._repr_html_()
        case BeforeAfter():
            body = "".join(map(_part, value.names, value[:2]))
        case str():
            body = f'<pre style="white-space:pre-wrap">{escape(value)}</pre>'
        case Path():
            body = f"<code>{escape(str(value))}</code>"
        case numbers.Real() | None:
            body = format_cell(value)
        case _:
            body = _image(value)
    caption = f"<figcaption>{escape(name)}</figcaption>"
    return f'<figure style="margin:0;max-width:100%">{caption}{body}</figure>'


def _image(value: Any) -> str:
    """A matplotlib figure (told by its method) or uint8 pixels, as HTML."""
    if hasattr(value, "savefig"):
        from common import figures

        width = f"width:{100 * value.get_figwidth():.0f}px;max-width:100%"
        return _html(figures.png(value), width)
    from PIL import Image

    from common.pixels import squeeze_grey

    pixels = np.asarray(value)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise UserError(
            f"{pixels.dtype} {pixels.shape} is no picture: show uint8 [height, width] "
            "or [height, width, channels]"
        )
    buffer = io.BytesIO()
    Image.fromarray(squeeze_grey(pixels)).save(buffer, "png")
    small = max(pixels.shape[:2]) < SMALL
    style = f"height:{SMALL}px;image-rendering:pixelated" if small else "max-width:100%"
    return _html(buffer.getvalue(), style)


def _html(png: bytes, style: str) -> str:
    data = base64.b64encode(png).decode()
    return f'<img style="{style}" src="data:image/png;base64,{data}">'
