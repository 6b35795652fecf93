"""Letters drawn in fonts. A failure means that a letter is cut off, stands elsewhere in
the other font, or looks like another one."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from common.contract import UserError
from common.data.glyphs import font_path, glyphs, shared_characters

PAIR = ("DejaVuSans", "DejaVuSerif")


@pytest.fixture(scope="module")
def letters():
    return shared_characters(PAIR)


def rows_and_columns(image):
    """First and last row and column with ink."""
    rows, columns = (np.flatnonzero(image[..., 0].max(axis) > 100) for axis in (1, 0))
    return rows[0], rows[-1], columns[0], columns[-1]


@pytest.mark.parametrize("size", [8, 16, 25, 32, 64])
@pytest.mark.parametrize("font", PAIR)
def test_no_ink_is_outside_the_image(letters, font, size):
    pen = ImageFont.truetype(font_path(font), round(0.78 * 8 * size),
                             layout_engine=ImageFont.Layout.BASIC)  # fmt: skip
    drawn = glyphs(font, letters, size)
    for letter, image in zip(letters[::3], drawn[::3], strict=True):
        # The same image in the middle of one of three times its sides.
        wide = Image.new("L", (24 * size, 24 * size))
        place = 12 * size, 8 * size + round(0.78 * 8 * size)
        ImageDraw.Draw(wide).text(place, letter, 255, pen, anchor="ms")
        expected = np.pad(image[..., 0], size)
        np.testing.assert_array_equal(wide.reduce(8), expected, letter)


@pytest.mark.parametrize("size", [24, 32, 64])
def test_capitals_stand_on_one_line_in_both_fonts(size):
    boxes = np.array(
        [[rows_and_columns(x) for x in glyphs(f, "HEFTKLIX", size)] for f in PAIR]
    )
    top, bottom, left, right = np.moveaxis(boxes, -1, 0)
    assert np.ptp(top) <= 1
    assert np.ptp(bottom) == 0
    centres = (left + right + 1) / 2
    assert np.abs(centres - size / 2).max() < 0.06 * size
    assert np.abs(centres[0] - centres[1]).max() < 0.06 * size


def test_the_same_letter_is_nearer_than_others_and_nearest_where_it_is(letters):
    sans, serif = (
        glyphs(f, letters[:200], 32)[..., 0].astype(np.float32) for f in PAIR
    )
    here = np.abs(sans - serif).mean()
    assert here < 0.6 * np.abs(sans - np.roll(serif, 1, 0)).mean()
    for axis in (1, 2):
        for step in (-1, 1):
            assert here < 0.8 * np.abs(sans - np.roll(serif, step, axis)).mean()


def test_letters_are_white_on_black_with_greys_between():
    (image,) = glyphs("DejaVuSans", "H", 32)
    assert image[8:24].max() == 255
    assert image[0].max() == image[-1].max() == image[:, 0].max() == 0
    assert ((image > 20) & (image < 235)).any()


def test_shared_letters_are_real_in_order_and_from_three_scripts(letters):
    assert [*letters] == sorted({*letters})
    assert {*"09AZazÄñΩωЖжя"} <= {*letters}
    # Not in the serif font; combining; a sign; blank; another script; too wide.
    assert {*letters}.isdisjoint("א\u0301+ \u00a0一Ǆ")
    assert len(letters) > 1000
    missing = glyphs("DejaVuSerif", ["\U0010fffe"], 32)
    for font in PAIR:
        drawn = glyphs(font, letters, 32)
        assert not (drawn == missing).all((1, 2, 3)).any()


@pytest.mark.parametrize("font", PAIR)
def test_no_two_letters_look_alike(letters, font):
    assert {*letters}.isdisjoint(
        "ΑАΒВоοЁё"
    )  # Greek and Cyrillic twins of A, B, o, Ë, ë
    for size in (32, 48):
        drawn = glyphs(font, letters, size)
        assert len({x.tobytes() for x in drawn}) == len(letters)
    x = glyphs(font, letters, 32).reshape(len(letters), -1) / 255
    for i in range(1, len(x), 3):
        assert np.sum((x[:i] - x[i]) ** 2, 1).min() >= 1


def test_unknown_fonts_and_letters_that_do_not_fit_are_user_errors():
    with pytest.raises(UserError, match="unknown font 'DejaVu'; nearest: DejaVuS"):
        font_path("DejaVu")
    with pytest.raises(UserError, match="'Ǆ' is larger than others"):
        glyphs("DejaVuSerif", "AǄ", 32)


def test_reading_imports_no_matplotlib():
    code = (
        "import sys; from common.data.glyphs import shared_characters as s; "
        "s(('DejaVuSans', 'DejaVuSerif')); print('matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
