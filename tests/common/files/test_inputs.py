"""The files that `--input` names. A failure means that a picture gets another name, or
that one bad file stops all."""

import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from common.files.inputs import (
    files,
    given,
    may_be_path,
    named,
    pictures,
    prepared,
    refuse_bare_path,
    text_of_file,
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("b.png", "deep/a.jpg"):
        Image.new("L", (4, 3), 90).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture either")
    return tmp_path


def test_nothing_there_is_a_user_error(folder):
    for video, kinds in {False: "folder of pictures$", True: "or a video$"}.items():
        with pytest.raises(UserError, match=f"does not exist: give .*{kinds}"):
            given(str(folder / "none.png"), video)
    with pytest.raises(UserError, match="--input='' does not exist"):
        given("")
    (folder / "empty").mkdir()
    with pytest.raises(UserError, match="has no pictures in it"):
        files(folder / "empty")


def test_pictures_are_named_by_their_place(folder):
    assert [*files(given(str(folder)))] == ["b.png", "broken.png", "deep/a.jpg"]
    assert files(folder / "b.png") == {"b.png": folder / "b.png"}


@pytest.mark.parametrize("channels", [1, 3])
def test_what_cannot_be_read_is_named_and_left_out(folder, channels):
    with pytest.warns(UserWarning, match=r"broken\.png"):
        read = dict(pictures(folder, channels))
    assert read["broken.png"] is None
    np.testing.assert_array_equal(read["b.png"], np.full((3, 4, channels), 90))
    with pytest.warns(UserWarning, match=r"broken\.png"):
        shapes, skipped = prepared(folder, channels, np.shape)
    assert shapes == dict.fromkeys(("b.png", "deep/a.jpg"), (3, 4, channels))
    assert skipped == ["broken.png"]


def test_a_folder_of_which_nothing_can_be_read_is_a_user_error(folder):
    with (
        pytest.warns(UserWarning, match=r"broken\.png"),
        pytest.raises(UserError, match="none of the pictures in"),
    ):
        [*pictures(folder / "broken.png")]


def test_a_text_that_no_file_can_be_called_is_no_path():
    sentences = "The function returns a list. " * 10
    assert may_be_path("folder/name.png")
    assert may_be_path("n" * 255)
    assert not may_be_path("é" * 128)
    assert not may_be_path(sentences)
    assert not may_be_path("two\nlines")
    assert not may_be_path("a/" * 600)
    with pytest.raises(UserError, match="does not exist"):
        given(sentences)


def test_a_text_may_be_named_by_its_path(folder):
    notes = folder / "notes.txt"
    assert named(str(notes), "a text") == notes
    assert named(f"FILE:{folder}", "a text") == folder
    for text in ("Two words.", "either / or", "etc.", "Word"):
        assert named(text, "a text") is None
    for missing in ("a/b", "none.txt", "FILE:notes", f"{folder}/none.md"):
        with pytest.raises(UserError, match="does not exist: give a text"):
            named(missing, "a text")
    with pytest.raises(UserError, match="is empty"):
        named(" ", "a text")


def test_where_a_prefix_names_files_a_bare_path_is_refused(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for text in ("os.path", "a/b", "broken", "notes.txt is a file", "x" * 2000):
        refuse_bare_path(text)
    with pytest.raises(UserError, match=r"give FILE:notes\.txt, or LINES:notes"):
        refuse_bare_path("notes.txt")
    with pytest.raises(UserError, match="is a folder"):
        refuse_bare_path(str(folder))
    for missing in ("none.txt", "/none/b.md", "../c.json", "~/d.csv"):
        with pytest.raises(UserError, match="does not exist: give a text, or FILE:"):
            refuse_bare_path(missing)
    assert text_of_file("LINES:notes.txt") == "no picture either"
    for wrong, what in {"FILE:": "no file", f"FILE:{folder}": "a folder"}.items():
        with pytest.raises(UserError, match=what):
            text_of_file(wrong)
