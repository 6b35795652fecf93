"""Picture files. A failure means that the pixels are not those that a viewer shows, for
some mode or rotation."""

import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from common.files.pictures import decode, read


def test_pictures_are_read_as_viewers_show_them(tmp_path):
    """Turned as EXIF says, and 16 bits as 8."""
    upright = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
    turned = Image.fromarray(np.rot90(upright))  # a quarter to the left
    turned.getexif()[0x0112] = 6  # to be shown a quarter to the right
    turned.save(tmp_path / "turned.png", exif=turned.getexif())
    np.testing.assert_array_equal(decode(tmp_path / "turned.png"), upright)
    deep = np.linspace(0, 65535, 54).reshape(6, 9).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    for channels in 1, 3:
        found = decode(tmp_path / "deep.png", channels)
        assert found.shape == (6, 9, channels)
        expected = np.broadcast_to(deep[..., None] / 257, found.shape)
        np.testing.assert_allclose(found, expected, atol=0.51)


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)]
)
def test_a_file_is_read_as_it_is_where_that_is_asked(tmp_path, mode, channels):
    array = np.random.default_rng(0).integers(0, 256, (5, 7, 4), np.uint8)
    picture = Image.fromarray(array).convert(mode)
    picture.save(tmp_path / "a.png")
    found = read(tmp_path / "a.png", channels=None)
    assert found.shape == (5, 7, channels)
    bands = np.asarray(picture.convert("L") if mode == "1" else picture)
    np.testing.assert_array_equal(found, bands.reshape(found.shape))


def test_one_transparent_grey_is_alpha(tmp_path):
    grey = np.arange(35, dtype=np.uint8).reshape(5, 7)
    Image.fromarray(grey).save(tmp_path / "a.png", transparency=3)
    found = read(tmp_path / "a.png", channels=None)
    np.testing.assert_array_equal(found[..., 0], grey)
    np.testing.assert_array_equal(found[..., 1], np.where(grey == 3, 0, 255))


def test_what_is_no_picture_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"a\.png' cannot be read as a picture"):
        read(tmp_path / "a.png")
    with pytest.warns(UserWarning, match=r"skipped: .*a\.png"):
        assert decode(tmp_path / "a.png") is None
