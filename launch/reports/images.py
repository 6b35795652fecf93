"""Pictures as HTML that holds their pixels, so that a page is one file."""

import base64
import io
import warnings
from html import escape
from pathlib import Path
from typing import NamedTuple

from PIL import Image

INCH = 96  # CSS pixels
SMALL = 512  # pixels: a picture is shown as often as large as fits in there
LARGE = 1600  # pixels: of a picture with a longer side the page has a smaller one


class Shown(NamedTuple):
    """size: width and height of the file's pixels; width: on the page."""

    data: bytes
    kind: str  # "png" or "jpeg"
    size: tuple[int, int]
    width: int
    is_figure: bool

    def agrees(self, other: "Shown") -> bool:
        """Whether the other one has this one's shape, in whatever size, but for less
        than a pixel by which a side was rounded."""
        (a, b), (c, d) = self.size, other.size
        return abs(a * d - b * c) < min(a, b)

    def html(self, name: str, width: int = 0) -> str:
        """An img; width: another one, in CSS pixels."""
        width = width or self.width
        kind = ' class="pixels"' if width > self.size[0] and not self.is_figure else ""
        text = base64.b64encode(self.data).decode()
        source = f"data:image/{self.kind};base64,{text}"
        return f'<img{kind} src="{source}" alt="{escape(name)}" width="{width}">'


def own(path: Path) -> Shown:
    """A PNG that we wrote: a picture of its own size, a figure of the inches that it
    was drawn for."""
    data = path.read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        dpi = image.info.get("dpi")
        if not dpi:
            return _smaller(data, image)
        width = round(image.width * INCH / dpi[0])
        return Shown(data, "png", image.size, width, is_figure=True)


def users(path: Path) -> Shown | None:
    """A picture in any format, as papers see it; None: it cannot be read."""
    from common.files import pictures  # which imports JAX
    from common.pixels import squeeze_grey

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the paper has said so
        pixels = pictures.decode(path, channels=None)
    if pixels is None:
        return None
    image = Image.fromarray(squeeze_grey(pixels))
    buffer = io.BytesIO()
    if max(image.size) <= LARGE:
        image.save(buffer, "png")
    return _smaller(buffer.getvalue(), image)


def _smaller(data: bytes, image: Image.Image) -> Shown:
    """As the PNG `data`, or smaller than that where it is large."""
    size = image.size
    if max(size) <= LARGE:
        return Shown(data, "png", size, size[0] * max(1, SMALL // size[0]), False)
    opaque = image.mode in ("L", "RGB")
    kind = "jpeg" if opaque else "png"
    small = image.copy()
    small.thumbnail((LARGE, LARGE))
    buffer = io.BytesIO()
    small.save(buffer, kind, **({"quality": 90} if opaque else {}))
    return Shown(buffer.getvalue(), kind, size, small.width, False)
