"""Letters drawn in the DejaVu fonts, which are files inside the matplotlib package. It
is not imported, and nothing is downloaded."""

import functools
import importlib.metadata
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageDraw, ImageFont

from common.contract import UserError
from common.nearest import nearest

FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono",
    "DejaVuSansMono-Bold", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic",
)  # fmt: skip

# Fractions of an image's side, which leave room for an accent and a descender.
EM = 0.78
BASELINE = 0.78
_FINE = 8  # drawn so many times larger, then averaged: unhinted, centred within a pixel
_CATEGORIES = ("Lu", "Ll", "Lt", "Lo", "Nd")
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "DIGIT")


def glyphs(
    font: str, characters: Sequence[str], size: int
) -> UInt8[np.ndarray, "n size size 1"]:
    """Images of the characters, white on black, all at one scale. The baseline lies in
    the same row for every font, and the middle of a character's advance in the middle
    column.

    UserError: an unknown font, or a character that the image would cut off.
    """
    pen = _pen(font, size)
    boxes = [_placed(pen, character, size) for character in characters]
    for character, box in zip(characters, boxes, strict=True):
        if min(box) < 0 or max(box) > size * _FINE:
            raise UserError(
                f"{font}'s {character!r} is larger than others and would be cut off; "
                "`shared_characters` names those that fit"
            )
    drawn = [_draw(pen, character, size) for character in characters]
    return np.stack(drawn) if drawn else np.zeros((0, size, size, 1), np.uint8)


@functools.cache
def shared_characters(fonts: tuple[str, ...]) -> tuple[str, ...]:
    """The letters and digits of Latin, Greek and Cyrillic that all the fonts have and
    `glyphs` can draw, in the order of their code points.

    No two of them look the same in any of the fonts: of Latin A, Greek Alpha and
    Cyrillic A, only the first is among them.
    """
    codes = set.intersection(*map(_code_points, fonts))
    letters = [*filter(_is_letter, map(chr, sorted(codes)))]
    for font in fonts:
        pen = _pen(font, 32)
        letters = [letter for letter in letters if _fits(pen, letter)]
    same = sum(_look_the_same(glyphs(font, letters, 32)) for font in fonts)
    new = ~np.tril(same, -1).any(1)
    return tuple(np.array(letters)[new].tolist())


def _fits(pen: ImageFont.FreeTypeFont, character: str) -> bool:
    """Whether the character has ink, with a margin around it of a 64th of the side of
    an image of 32 pixels. Sizes that round differently need the margin."""
    left, top, right, bottom = _placed(pen, character, 32)
    side = 32 * _FINE
    margin = side // 64
    inside = min(left, top) >= margin and max(right, bottom) <= side - margin
    return inside and left < right and top < bottom


def _look_the_same(
    images: UInt8[np.ndarray, "n size size 1"],
) -> Bool[np.ndarray, "n n"]:
    """Which pairs have a squared distance below that of one white pixel. Cyrillic and
    Latin letters with two dots are drawn with such tiny differences."""
    x = images.reshape(len(images), -1) / 255.0
    squares = np.sum(x**2, 1)
    return squares[:, None] + squares - 2 * x @ x.T < 1.0


def font_path(name: str) -> Path:
    """Where the font is; UserError for an unknown one."""
    if name not in FONTS:
        raise UserError(f"unknown font {name!r}; {nearest(name, FONTS)}")
    package = importlib.metadata.distribution("matplotlib")
    return Path(package.locate_file(f"matplotlib/mpl-data/fonts/ttf/{name}.ttf"))


def _pen(font: str, size: int) -> ImageFont.FreeTypeFont:
    # Every Pillow has the BASIC layout engine.
    return ImageFont.truetype(
        font_path(font), round(EM * size * _FINE),
        layout_engine=ImageFont.Layout.BASIC,
    )  # fmt: skip


def _code_points(font: str) -> set[int]:
    from fontTools.ttLib import TTFont  # matplotlib depends on it

    with TTFont(font_path(font), lazy=True) as file:
        return {*file.getBestCmap()}


def _is_letter(character: str) -> bool:
    script = unicodedata.name(character, "").split(" ")[0]
    return unicodedata.category(character) in _CATEGORIES and script in _SCRIPTS


def _placed(
    pen: ImageFont.FreeTypeFont, character: str, size: int
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the ink, in fine pixels."""
    x, y = _origin(size)
    left, top, right, bottom = pen.getbbox(character, anchor="ms")
    return x + left, y + top, x + right, y + bottom


def _draw(
    pen: ImageFont.FreeTypeFont, character: str, size: int
) -> UInt8[np.ndarray, "size size 1"]:
    fine = Image.new("L", (size * _FINE, size * _FINE))
    origin = _origin(size)
    ImageDraw.Draw(fine).text(origin, character, fill=255, font=pen, anchor="ms")
    return np.asarray(fine.reduce(_FINE))[..., None]


def _origin(size: int) -> tuple[int, int]:
    """The middle of the baseline, in fine pixels."""
    return size * _FINE // 2, round(BASELINE * size * _FINE)
