"""Images, folders and videos in. A failure means that what comes out has other pixels,
names, times or sound, or that a mistake is not one line."""

import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from common.colour import luma
from common.contract import Table, UserError
from common.resize import enlarge
from papers import espcn
from papers.espcn.upscaling import (
    bicubic_upscaler,
    upscaled_picture,
    upscaled_rgb,
    upscaler,
)
from tests.videos import photograph, read_sound, read_video, write_video

av = pytest.importorskip("av")


def trained(variant="smoke", **model):
    config = espcn.get_config(variant)
    for name, value in model.items():
        setattr(config.model, name, value)
    state = espcn.init(config, jax.random.key(0))
    bias = state.params["layer3"]["bias"]
    state.params["layer3"]["bias"] = bias + 0.5  # a picture rather than black
    return config, state


def predicted(config, state, path):
    return dict(espcn.predict(config, state, str(path)))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_any_kind_of_image(tmp_path, mode):
    config, state = trained()
    Image.fromarray(photograph()).convert(mode).save(tmp_path / "one.png")
    results = predicted(config, state, tmp_path / "one.png")
    high = results["one.png x3"]
    assert high.shape == (60, 78, 4 if mode == "RGBA" else 3)
    assert high.dtype == np.uint8
    (row,) = results["Upscaled"].rows
    assert row[:3] == ["one.png", "26 x 20", "78 x 60"]
    if mode == "L":  # grey stays grey
        assert np.ptp(high.astype(int), axis=-1).max() <= 1


def test_what_a_picture_hides_has_no_part_in_its_enlargement():
    """A disc, and beside it magenta or grey that nobody sees."""
    config, state = trained()
    upscale = upscaler(config, state)
    rows, columns = np.indices((24, 24))
    alpha = np.where(np.hypot(rows - 11.5, columns - 11.5) < 8, 255, 0)[..., None]
    for colour, hidden in ((60, 90, 120), (255, 0, 255)), ((70,), (240,)):
        results = []
        for beside in hidden, colour:
            colours = np.where(alpha > 0, colour, beside)
            low = np.concatenate([colours, alpha], -1).astype(np.uint8)
            results.append(upscaled_picture(config.model, upscale, low))
        np.testing.assert_array_equal(*results)
        expected = np.round(255 * np.clip(enlarge(alpha / 255.0, 3), 0, 1))
        np.testing.assert_allclose(results[0][..., 3:], expected, atol=1)


def test_a_network_that_is_bicubic_makes_the_bicubic_image():
    """Chroma comes from the image itself, by bicubic interpolation."""
    config, _ = trained()
    low = photograph() / 255.0
    ours = upscaled_rgb(config.model, bicubic_upscaler(config.model), low)
    expected = np.round(255 * np.clip(enlarge(low, 3), 0, 1))
    assert np.abs(ours - expected).max() <= 1
    pale = 0.5 + 0.3 * (low - 0.5)  # no value is clipped
    flat = upscaled_rgb(config.model, lambda y: 0 * enlarge(y, 3) + 0.5, pale)
    np.testing.assert_allclose(luma(flat / 255.0), 0.5, atol=0.005)


def test_buckets_change_nothing():
    config, state = trained()
    low = photograph()[..., :1] / 255.0
    config.predict.bucket = 1
    alone = upscaler(config, state)(low)
    config.predict.bucket = 64
    np.testing.assert_allclose(upscaler(config, state)(low), alone, atol=1e-5)


def test_a_folder_with_a_corrupt_image(tmp_path):
    config, state = trained()
    (tmp_path / "in" / "deep").mkdir(parents=True)
    Image.fromarray(photograph()).save(tmp_path / "in" / "a.png")
    Image.fromarray(photograph(16, 16)).save(tmp_path / "in" / "deep" / "b.jpg")
    Image.fromarray(photograph(16, 16)).save(tmp_path / "in" / "deep" / "d.jpg")
    Image.fromarray(photograph(8, 8)).save(tmp_path / "in" / "deep" / "d.bmp")
    (tmp_path / "in" / "deep" / "b.txt").write_text("no picture, and none of b's")
    (tmp_path / "in" / "c.png").write_bytes(b"no picture")
    config.predict.out = str(tmp_path / "out")
    with pytest.warns(UserWarning, match=r"c\.png"):
        results = predicted(config, state, tmp_path / "in")
    skipped = [row[0] for row in results["Upscaled"].rows if row[2] is None]
    assert skipped == ["c.png"]
    written = {p.relative_to(tmp_path / "out").as_posix(): Image.open(p).size
               for p in (tmp_path / "out").rglob("*.png")}  # fmt: skip
    assert written == {
        "a.png": (78, 60), "deep/b.png": (48, 48), "deep/d.jpg.png": (48, 48),
        "deep/d.bmp.png": (24, 24),
    }  # fmt: skip


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "webp"])
def test_one_image_to_one_file(tmp_path, ending):
    config, state = trained()
    Image.fromarray(photograph()).save(tmp_path / "a.png")
    config.predict.out = str(tmp_path / f"big.{ending}")
    results = predicted(config, state, tmp_path / "a.png")
    assert results["a.png x3"] == Path(config.predict.out)
    assert Image.open(config.predict.out).size == (78, 60)


def moving_colours(path, width, height, count=5, sound=True):
    """A video of a window that moves down a photograph."""
    image = photograph(height + count, width)
    images = [np.ascontiguousarray(image[i : i + height]) for i in range(count)]
    pix_fmt = "yuv444p" if width % 2 or height % 2 else "yuv420p"
    write_video(path, images, pix_fmt=pix_fmt, sound=sound)


@pytest.mark.parametrize(
    ("size", "channels"), [((32, 20), 1), ((27, 21), 1), ((32, 20), 3)]
)
def test_a_video_keeps_its_frames_times_and_sound(tmp_path, size, channels):
    config, state = trained(channels=channels)
    moving_colours(tmp_path / "film.mp4", *size)
    outputs = [*espcn.predict(config, state, str(tmp_path / "film.mp4"))]
    assert outputs[0] == ("film.mp4 x3", tmp_path / "film_x3.mp4")
    assert isinstance(outputs[1][1], Table)
    assert outputs[1][1].rows[0][0] == 5
    before, times_before = read_video(tmp_path / "film.mp4")
    after, times = read_video(tmp_path / "film_x3.mp4")
    assert len(after) == len(before) == 5
    assert after[0].shape == (size[1] * 3, size[0] * 3, 3)
    np.testing.assert_allclose(times, times_before, atol=1e-3)
    assert (
        read_sound(tmp_path / "film_x3.mp4") == read_sound(tmp_path / "film.mp4") != []
    )


def test_a_videos_y_is_the_networks_and_its_chroma_bicubics(tmp_path, monkeypatch):
    """With bicubic in the network's place, the video is bicubic."""
    from papers.espcn import video

    config, state = trained()
    moving_colours(tmp_path / "film.mp4", 32, 20, sound=False)
    monkeypatch.setattr(video, "forward", lambda config, params, low: enlarge(low, 3))
    config.predict.out = str(tmp_path / "big.mkv")
    config.predict.crf = 0
    [*espcn.predict(config, state, str(tmp_path / "film.mp4"))]
    with (
        av.open(str(tmp_path / "film.mp4")) as a,
        av.open(str(tmp_path / "big.mkv")) as b,
    ):
        for old, new in zip(a.decode(video=0), b.decode(video=0), strict=True):
            low = old.to_ndarray()
            high = new.to_ndarray()
            for part in (slice(0, 20), slice(20, 25), slice(25, 30)):
                width = 32 if part.start == 0 else 16
                plane = low[part].reshape(-1, width, 1).astype(np.float64)
                expected = np.round(np.clip(enlarge(plane, 3), 0, 255))[..., 0]
                rows = high[3 * part.start : 3 * part.stop]
                got = rows.reshape(-1, 3 * width).astype(int)
                assert np.abs(got - expected).max() <= 1


def test_a_part_of_a_video(tmp_path):
    config, state = trained()
    moving_colours(tmp_path / "film.mp4", 32, 20)
    config.predict.out = str(tmp_path / "out")
    config.predict.frames = 3
    [*espcn.predict(config, state, str(tmp_path / "film.mp4"))]
    after, _ = read_video(tmp_path / "out" / "film_x3.mp4")
    assert len(after) == 3


def test_what_cannot_be_upscaled_is_one_line(tmp_path, monkeypatch):
    config, state = trained()
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    for name, message in [
        ("nothing.png", "does not exist: .* or a video"),
        ("empty", "no pictures"),
        ("broken.mp4", "not a video that can be read"),
    ]:
        with pytest.raises(UserError, match=message):
            predicted(config, state, tmp_path / name)
    with (
        pytest.warns(UserWarning, match=r"broken\.png"),
        pytest.raises(UserError, match="none of the pictures"),
    ):
        predicted(config, state, tmp_path / "broken.png")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match="PyAV"):
        [*espcn.predict(config, state, str(tmp_path / "broken.mp4"))]


def test_an_array_is_upscaled_as_its_file_is(tmp_path):
    config = espcn.get_config("smoke")
    state = espcn.init(config, jax.random.key(0))
    picture = np.random.default_rng(0).integers(0, 255, (9, 7, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    (_, expected), _ = espcn.predict(config, state, str(tmp_path / "a.png"))
    np.testing.assert_array_equal(espcn.upscale(config, state, picture), expected)
    for wrong in (picture / 255, picture[0, 0], picture[None]):
        with pytest.raises(UserError, match="is no picture: give uint8"):
            espcn.upscale(config, state, wrong)
