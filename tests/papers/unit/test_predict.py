"""Pictures, folders and videos in, with a known function in the networks' place. A
failure means that other pixels come out, or that a mistake is not one line."""

import sys

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from common.data.augment import resize
from common.pixels import with_channels
from papers.unit.config import Config
from papers.unit.directions import Direction
from papers.unit.predict import predict, translated

module = sys.modules["papers.unit.predict"]  # in the package it is the function

GENERATOR_PARAMS = {"most": np.float32(255)}


def inverted(config, params, images, direction):
    """Stands for the network; fails for channels or sizes that the network refuses."""
    channels = config.model.channels[:: 1 if direction == Direction("a", "b") else -1]
    multiple = 2**config.model.halvings
    assert images.shape[1] % multiple == images.shape[2] % multiple == 0
    assert (images.dtype, images.shape[-1]) == (jnp.uint8, channels[0])
    made = params["most"].astype(jnp.uint8) - images[..., :1]
    return jnp.broadcast_to(made, (*images.shape[:3], channels[1]))


@pytest.fixture(autouse=True)
def networks(monkeypatch):
    monkeypatch.setattr(module.train, "translate", inverted)
    monkeypatch.setattr(module, "generator_params", lambda state: GENERATOR_PARAMS)


def configured(channels=(3, 3), **fields):
    config = Config()
    config.model.channels = channels
    for name, value in fields.items():
        setattr(config.predict, name, str(value) if name == "out" else value)
    return config


def predicted(config, path):
    return dict(predict(config, None, str(path)))


def picture(height, width, seed=0):
    shape = (height, width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def red_inverted(image):
    return np.repeat(255 - image[..., :1], 3, axis=-1)


def test_arrays_are_translated_as_their_files_are():
    shown = picture(9, 14)
    (found,) = module.translate(configured(), None, [shown])
    np.testing.assert_array_equal(found, red_inverted(shown))
    with pytest.raises(UserError, match=r"\[9, 14, 3\] of float64 is no picture"):
        module.translate(configured(), None, [shown / 255])


@pytest.mark.parametrize("direction", ["a2b", "b2a"])
@pytest.mark.parametrize("channels", [(3, 3), (1, 1), (1, 3), (3, 1)])
def test_a_picture_is_translated(tmp_path, direction, channels):
    Image.fromarray(picture(9, 14)).save(tmp_path / "one.png")
    config = configured(channels, direction=direction)
    results = predicted(config, tmp_path / "one.png")
    before, after = channels[:: 1 if direction == "a2b" else -1]
    with Image.open(tmp_path / "one.png") as file:
        read = np.asarray(file.convert("L" if before == 1 else "RGB"))
    read = read.reshape(9, 14, before)
    made = np.repeat(255 - read[..., :1], after, axis=-1)
    shown = results[f"one.png {direction}"]
    np.testing.assert_array_equal(shown, made.squeeze())
    assert Image.fromarray(shown).size == (14, 9)  # a report can show it
    assert results["Translated"].rows[0][:2] == ["one.png", "14 x 9"]


@pytest.mark.parametrize("size", [(8, 12), (9, 15), (1, 1), (2, 7)])
def test_other_sizes_are_mirrored_at_the_end(monkeypatch, size):
    """Seen by turning the padded image round: what is cut is what was the start."""
    monkeypatch.setattr(
        module.train, "translate", lambda c, params, x, direction: x[:, ::-1, ::-1]
    )
    images = picture(*size)[None]
    below, right = (-n % 4 for n in size)
    padding = ((0, 0), (0, below), (0, right), (0, 0))
    turned = np.pad(images, padding, "symmetric")[:, ::-1, ::-1]
    made = translated(configured(), {}, jnp.asarray(images))
    np.testing.assert_array_equal(made, turned[:, : size[0], : size[1]])


def test_a_folder_with_a_corrupt_image(tmp_path):
    images = {"a.png": picture(9, 14), "deep/b.png": picture(16, 8, seed=1)}
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name, image in images.items():
        Image.fromarray(image).save(tmp_path / "in" / name)
    (tmp_path / "in" / "c.png").write_bytes(b"no picture")
    config = configured(out=tmp_path / "out")
    with pytest.warns(UserWarning, match=r"c\.png"):
        results = predicted(config, tmp_path / "in")
    assert results.pop("a.png a2b") == tmp_path / "out" / "a.png"
    assert [*results] == ["deep/b.png a2b", "Translated"]
    skipped = [row[0] for row in results["Translated"].rows if row[2] is None]
    assert skipped == ["c.png"]
    written = {p.relative_to(tmp_path / "out").as_posix(): np.asarray(Image.open(p))
               for p in (tmp_path / "out").rglob("*.*")}  # fmt: skip
    assert written.keys() == images.keys()
    for name, image in images.items():
        np.testing.assert_array_equal(written[name], red_inverted(image))


def test_one_image_to_one_file(tmp_path):
    Image.fromarray(picture(8, 8)).save(tmp_path / "a.png")
    predicted(configured((3, 1), out=tmp_path / "b.png"), tmp_path / "a.png")
    with Image.open(tmp_path / "b.png") as file:
        assert file.mode == "L"
        np.testing.assert_array_equal(file, 255 - picture(8, 8)[..., 0])


def test_one_program_a_shape(tmp_path, monkeypatch):
    traced = []

    def translate(config, params, images, direction):
        traced.append(images.shape)
        return images

    monkeypatch.setattr(module.train, "translate", translate)
    for i, size in enumerate([(8, 8), (12, 8), (8, 8), (8, 8)]):
        Image.fromarray(picture(*size)).save(tmp_path / f"{i}.png")
    predicted(configured(), tmp_path)
    assert traced == [(1, 8, 8, 3), (1, 12, 8, 3)]


@pytest.mark.parametrize("family", ["shared", "adaptation"])
def test_images_are_resized_first(tmp_path, family):
    Image.fromarray(picture(40, 60)).save(tmp_path / "a.png")
    config = configured(short=20)
    config.model.family = family
    config.data.size = (16, 24)
    size = (20, 30) if family == "shared" else (16, 24)
    expected = resize(picture(40, 60), size)
    shown = predicted(config, tmp_path / "a.png")["a.png a2b"]
    np.testing.assert_array_equal(shown, red_inverted(expected))


def test_margins_of_labelled_images_are_cut_first(tmp_path):
    Image.fromarray(picture(40, 60)).save(tmp_path / "a.png")
    for direction, margin in ("a2b", 0), ("b2a", 4):
        config = configured(direction=direction)
        config.data.source = "labelled"
        config.data.margins = (0, 4)
        config.model.family = "adaptation"
        config.data.size = (16, 16)
        inner = picture(40, 60)[margin : 40 - margin, margin : 60 - margin]
        shown = predicted(config, tmp_path / "a.png")[f"a.png {direction}"]
        expected = red_inverted(resize(inner, (16, 16)))
        np.testing.assert_array_equal(shown, expected)
    (tmp_path / "film.mp4").write_bytes(b"")
    with pytest.raises(UserError, match="videos are not cut"):
        predicted(config, tmp_path / "film.mp4")


def test_a_classifier_alone_translates_nothing(tmp_path):
    config = configured()
    config.model.family = "adaptation"
    config.adaptation.adversarial = config.adaptation.feature = 0.0
    with pytest.raises(UserError, match="--run=adapted, which does"):
        predicted(config, tmp_path)


def test_channels_are_pillows():
    image = picture(64, 64)
    grey = np.asarray(Image.fromarray(image).convert("L"))[..., None]
    np.testing.assert_array_equal(with_channels(jnp.asarray(image), 1), grey)
    np.testing.assert_array_equal(with_channels(jnp.asarray(image), 3), image)
    thrice = np.repeat(grey, 3, axis=-1)
    np.testing.assert_array_equal(with_channels(jnp.asarray(grey), 3), thrice)


@pytest.mark.parametrize("channels", [(3, 3), (1, 1)])
@pytest.mark.parametrize("size", [(20, 32), (21, 27)])
def test_a_video(tmp_path, channels, size):
    """A network of RGB makes the negative of its red, one of grey that of grey."""
    pytest.importorskip("av")
    from tests.videos import photograph, read_video, write_video

    images = [photograph(*size, seed) for seed in range(5)]
    write_video(tmp_path / "film.mp4", images, pix_fmt="yuv444p")
    config = configured(channels, crf=0, frames=3, out=tmp_path / "out")
    outputs = [*predict(config, None, str(tmp_path / "film.mp4"))]
    assert outputs[0] == ("film.mp4 a2b", tmp_path / "out" / "film_a2b.mp4")
    name, table = outputs[1]
    assert name == "Translated"
    assert table.rows[0][:2] == [3, f"{size[1]} x {size[0]}"]
    after, _ = read_video(tmp_path / "out" / "film_a2b.mp4")
    before = read_video(tmp_path / "film.mp4")[0][:3]
    if channels == (1, 1):
        before = np.asarray(with_channels(jnp.asarray(before), 1))
    assert np.abs(after - red_inverted(before).astype(float)).max() <= 3


def test_a_video_is_resized_first(tmp_path):
    pytest.importorskip("av")
    from tests.videos import read_video, write_video

    write_video(tmp_path / "film.mp4", [np.full((48, 64, 3), 90, np.uint8)])
    [*predict(configured(short=18), None, str(tmp_path / "film.mp4"))]
    after, _ = read_video(tmp_path / "film_a2b.mp4")
    assert after.shape == (1, 18, 24, 3)
    assert np.abs(after - 165.0).max() <= 2


def test_what_cannot_be_translated_is_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"no picture")
    (tmp_path / "good").mkdir()
    Image.fromarray(picture(8, 8)).save(tmp_path / "good" / "a.png")
    (tmp_path / "file").write_bytes(b"")
    for name, message in [("nothing", "does not exist"), ("empty", "no pictures")]:
        with pytest.raises(UserError, match=message):
            predicted(configured(), tmp_path / name)
    with (
        pytest.warns(UserWarning, match=r"a\.png"),
        pytest.raises(UserError, match="none of the pictures"),
    ):
        predicted(configured(), tmp_path / "broken")
    before = (tmp_path / "good" / "a.png").read_bytes()
    for source in ("good", "good/a.png"):
        for out in (tmp_path / "good", tmp_path / source):
            with pytest.raises(UserError, match="is the input itself"):
                predicted(configured(out=out), tmp_path / source)
    assert (tmp_path / "good" / "a.png").read_bytes() == before
    for out in (tmp_path / "file" / "out", tmp_path / "a.strange"):
        with pytest.raises(UserError, match="not written"):
            predicted(configured(out=out), tmp_path / "good" / "a.png")
