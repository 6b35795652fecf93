"""Captions of what a user gives: pictures, folders with broken files, videos."""

import jax
import numpy as np
import pytest
from PIL import Image

from common.config import changed
from common.contract import Table, UserError
from papers import captioning
from papers.captioning import figures
from papers.captioning.captions import Writer
from papers.captioning.runs import runs


@pytest.fixture(scope="module")
def trained():
    config = captioning.get_config("smoke")
    own = runs(config)["td_sentence"].config
    return own, captioning.init(own, jax.random.key(0))


def picture(path, value=90):
    Image.fromarray(np.full((20, 30, 3), value, np.uint8)).save(path)
    return path


def test_a_picture_gets_its_beams_best_first(trained, tmp_path):
    config, state = trained
    found = dict(captioning.predict(config, state, str(picture(tmp_path / "a.png"))))
    table = found["Captions"]
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["a.png"] * 3
    log_p = [row[2] for row in table.rows]
    assert log_p == sorted(log_p, reverse=True)
    assert found["a.png"].shape[0] > 20  # the captions stand below
    assert {"Guidance, a.png", "Words that guide, a.png"} <= found.keys()
    first = found["Words that guide, a.png"].rows[0]
    assert first[0] == "START"


def test_arrays_are_captioned_as_their_files_are(trained, tmp_path):
    config, state = trained
    path = picture(tmp_path / "a.png")
    rows = dict(captioning.predict(config, state, str(path)))["Captions"].rows
    (own,) = captioning.caption(config, state, [np.asarray(Image.open(path))])
    assert [text for text, _ in own] == [row[1] for row in rows]
    np.testing.assert_allclose([p for _, p in own], [row[2] for row in rows], rtol=1e-5)
    with pytest.raises(UserError, match="of float64 is no picture: give uint8"):
        captioning.caption(config, state, np.zeros((1, 8, 8, 3)))


def test_the_captions_log_p_is_that_of_the_network(trained, tmp_path):
    config, state = trained
    given = str(picture(tmp_path / "a.png"))
    table = dict(captioning.predict(config, state, given))["Captions"]
    writer = Writer.of(config, state)
    words = captioning.data.vocabulary_of_network(config)
    view = captioning.data.View.of(config.data)
    vectors = writer.vectors(view(np.full((20, 30, 3), 90, np.uint8))[None])
    said = np.array([[words.encode(row[1], config.data.length) for row in table.rows]])
    again = writer.score(vectors, said)[0]
    np.testing.assert_allclose([row[2] for row in table.rows], again, atol=1e-4)


def test_broken_pictures_in_a_folder_are_named_and_skipped(trained, tmp_path):
    config, state = trained
    for i in range(3):
        picture(tmp_path / f"{i}.png", 60 * i)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / ".hidden.png").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"broken\.jpg"):
        found = dict(captioning.predict(config, state, str(tmp_path)))
    names = [row[0] for row in found["Captions"].rows]
    assert names.count("broken.jpg") == 1
    assert {*names} == {"0.png", "1.png", "2.png", "broken.jpg"}


def test_pictures_are_written_where_out_says(trained, tmp_path):
    config, state = trained
    out = tmp_path / "out"
    config = changed(config, {"predict.out": str(out)})
    found = dict(captioning.predict(config, state, str(picture(tmp_path / "a.png"))))
    assert found["a.png"] == out / "a.png"
    assert Image.open(out / "a.png").size[0] >= figures.LEAST_SIDE


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"predict.least": 99}, "above the most words"),
        ({"predict.captions": 9}, "at most config.predict.beams"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    trained, tmp_path, changes, said
):
    config, state = trained
    given = str(picture(tmp_path / "a.png"))
    with pytest.raises(UserError, match=said):
        next(captioning.predict(changed(config, changes), state, given))


def test_what_is_not_there_is_refused(trained, tmp_path):
    config, state = trained
    with pytest.raises(UserError, match="does not exist"):
        next(captioning.predict(config, state, str(tmp_path / "none.png")))
    (tmp_path / "a.png").write_bytes(b"no picture")
    state = state.replace(vocabulary=state.vocabulary + 1)  # is looked at later
    for given in (tmp_path / "a.png", tmp_path):
        with (
            pytest.warns(UserWarning, match="a.png"),
            pytest.raises(UserError, match="can be read"),
        ):
            next(captioning.predict(config, state, str(given)))


def test_another_vocabulary_is_refused(trained, tmp_path):
    config, state = trained
    state = state.replace(vocabulary=state.vocabulary + 1)
    with pytest.raises(UserError, match="another vocabulary"):
        next(captioning.predict(config, state, str(picture(tmp_path / "a.png"))))


def test_frames_of_a_video_are_captioned(trained, tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for i in range(10):
            frame = np.full((32, 32, 3), 20 * i, np.uint8)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        film.mux(stream.encode())
    config, state = trained
    config = changed(config, {"predict.every": 4, "predict.captions": 1})
    found = dict(captioning.predict(config, state, str(path)))
    names = [row[0] for row in found["Captions"].rows]
    assert names == ["film 0.00 s", "film 0.80 s", "film 1.60 s"]


def test_the_nearest_words_are_those_of_a_single_word():
    """Where g is one word's own guidance, that word is the nearest."""
    own = np.random.default_rng(0).normal(0, 1, (5, 8)) + 3
    names = ["a", "b", "c", "d", "e"]
    found = figures.nearest_words(own[[3, 1]], own, names, count=2)
    assert [row[0] for row in found] == ["d", "b"]


@pytest.mark.parametrize("zeros", [0, 3, 8])
def test_dimensions_that_stay_0_leave_the_room_to_the_others(zeros):
    g = np.random.default_rng(0).normal(0, 1, (3, 8))
    g[:, :zeros] = 0
    axes = figures.guidance(g, ["START", "a", "b"], []).axes[0]
    drawn = axes.images[0].get_array()
    assert drawn.shape == (3, 8 - zeros or 8)
    assert ("3 more are 0" in axes.get_xlabel()) is (zeros == 3)
