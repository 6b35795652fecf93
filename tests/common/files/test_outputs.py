"""Where results are written, and what is refused before there are any."""

import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from common.files.outputs import picture_target, save, stems

RGBA = np.array([[[9, 9, 9, 0], [10, 20, 30, 255]]], np.uint8)


@pytest.fixture
def root(tmp_path):
    Image.new("L", (2, 1)).save(tmp_path / "in.png")
    return tmp_path / "in.png"


@pytest.mark.parametrize("ending", ["jpg", "JPG", "ppm"])
def test_what_a_file_cannot_see_through_is_laid_on_white(root, ending):
    out = root.with_name(f"out.{ending}")
    with pytest.warns(UserWarning, match="laid on white"):
        save(str(out), root, "in.png", RGBA.repeat(16, 0).repeat(16, 1))
    with Image.open(out) as picture:
        assert np.asarray(picture)[0, 0].min() > 240


def test_an_alpha_is_written_where_it_can_be(root):
    save(str(root.with_name("out.png")), root, "in.png", RGBA)
    with Image.open(root.with_name("out.png")) as picture:
        np.testing.assert_array_equal(np.asarray(picture), RGBA)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("out.xyz", r"'\.xyz' is no picture's ending; give \.png"),
        ("in.png", "is the input itself"),
        ("there.png", "not written: a folder"),
        ("in.png/a/b.png", "not written"),
    ],
)
def test_a_place_that_cannot_be_is_refused_before_there_is_a_picture(
    root, out, message
):
    root.with_name("there.png").mkdir()
    with pytest.raises(UserError, match=message):
        picture_target(str(root.parent / out), root, "in.png")


def test_every_document_has_a_file_of_its_own():
    """Also on disks where upper and lower case are one."""
    names = ["a/b", "a_b", "A_B-2", "a_b"]
    assert stems(names) == ["a_b", "a_b-2", "A_B-2-2", "a_b-3"]
