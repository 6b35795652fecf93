"""A user's pictures. A failure means that some mode, size, mask or folder is restored
wrongly, or that a mistake is not one line."""

import dataclasses
import sys
import warnings
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from papers.deep_image_prior.pictures import open_photo, to_bytes
from papers.deep_image_prior.predict import fitted, predict, restore
from papers.deep_image_prior.variants import get_config

RNG = np.random.default_rng(0)
module = sys.modules["papers.deep_image_prior.predict"]  # in the package: the function


def configured(**fields):
    config = get_config("smoke")
    return dataclasses.replace(
        config, predict=dataclasses.replace(config.predict, **fields)
    )


def saved(folder, mode="RGB", size=(21, 14), name="photo.png"):
    """A picture of this mode, of 21 x 14 pixels."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    array = RNG.integers(1, 255, (*size[::-1], bands), dtype=np.uint8)
    Image.fromarray(array.squeeze(), mode).save(folder / name)
    return folder / name


@pytest.mark.parametrize(
    ("mode", "channels", "alpha"),
    [("RGB", 3, False), ("RGBA", 3, True), ("L", 1, False), ("LA", 1, True)],
)
def test_modes(tmp_path, mode, channels, alpha):
    path = saved(tmp_path, mode)
    found = open_photo(path)
    assert found.image.shape == (14, 21, channels)
    assert (found.alpha is not None) == alpha
    with Image.open(path) as file:
        expected = np.asarray(file.convert("RGBA" if alpha else mode))
    back = to_bytes(found.image, found.alpha)
    np.testing.assert_array_equal(back, expected)


def test_palettes_and_sixteen_bits(tmp_path):
    Image.fromarray(RNG.integers(0, 255, (8, 8), np.uint8)).convert("P").save(
        tmp_path / "p.png"
    )
    assert open_photo(tmp_path / "p.png").image.shape == (8, 8, 3)
    deep = np.full((8, 8), 32768, np.uint16)
    Image.fromarray(deep).save(tmp_path / "d.png")
    image = open_photo(tmp_path / "d.png").image
    np.testing.assert_allclose(image, 32768 / 65535, atol=1 / 255)


def test_what_a_picture_or_a_mask_hides_is_not_restored_from(tmp_path):
    rgba = np.zeros((8, 9, 4), np.uint8)
    rgba[..., :3], rgba[:, 4:, :3], rgba[:, 4:, 3] = (255, 0, 255), (20, 60, 90), 255
    Image.fromarray(rgba).save(tmp_path / "a.png")
    photo = open_photo(tmp_path / "a.png")
    np.testing.assert_allclose(255 * photo.image[:, 0], [[20, 60, 90]] * 8, atol=0.01)
    rgba[..., :3] = 255
    Image.fromarray(rgba).save(tmp_path / "mask.png")
    masked = configured(task="inpaint", mask=str(tmp_path / "mask.png"))
    known = fitted(masked, photo)[1]["mask"][0, :8, :9, 0]
    np.testing.assert_array_equal(known, [[0] * 4 + [1] * 5] * 8)


@pytest.mark.parametrize("out", ["out.xyz", "there.png"])
def test_a_place_that_cannot_be_written_is_said_before_the_fit(
    tmp_path, monkeypatch, out
):
    path = saved(tmp_path)
    (tmp_path / "there.png").mkdir()
    monkeypatch.setattr(module, "fit", lambda *_: pytest.fail("it was fitted"))
    config = configured(out=str(tmp_path / out))
    with pytest.raises(UserError, match=r"predict\.out: .* not written"):
        list(predict(config, None, str(path)))


def test_padding_is_cut_off_again(tmp_path):
    """The problem holds the picture, mirrored to a size that the net can halve."""
    found = open_photo(saved(tmp_path))
    config, problem = fitted(configured(), found)
    assert config.data.size == (14, 22)
    np.testing.assert_array_equal(problem["observed"][0, :14, :21], found.image)
    config, problem = fitted(configured(task="sr", factor=4), found)
    assert config.data.size == (56, 84)


def test_holes_are_transparent_or_black_pixels_or_a_masks(tmp_path):
    path = saved(tmp_path, "RGBA")
    array = np.array(Image.open(path))
    array[..., 3] = 255
    array[2, 3, 3] = 0
    array[5, 5, :3] = 0
    Image.fromarray(array).save(path)
    found = open_photo(path)
    _, problem = fitted(configured(task="inpaint"), found)
    hidden = {tuple(p) for p in np.argwhere(problem["mask"][0, :14, :21, 0] == 0)}
    assert hidden == {(2, 3), (5, 5)}
    Image.fromarray(np.full((14, 21), 255, np.uint8)).save(tmp_path / "mask.png")
    masked = configured(task="inpaint", mask=str(tmp_path / "mask.png"))
    assert fitted(masked, found)[1]["mask"].min() == 1


def test_mistakes_are_one_line(tmp_path):
    path = saved(tmp_path)
    Image.new("L", (9, 9)).save(tmp_path / "mask.png")
    cases = {
        "does not exist: give a picture or a folder of pictures$": (
            configured(), tmp_path / "none.png",
        ),
        "predict.factor": (configured(task="sr", factor=0), path),
        "no transparent or black": (configured(task="inpaint"), path),
        "input itself": (configured(out=str(path)), path),
        "9x9 pixels.*21x14": (
            configured(task="inpaint", mask=str(tmp_path / "mask.png")), path,
        ),
        "choose one of denoise": (configured(task="magic"), path),
    }  # fmt: skip
    for why, (config, given) in cases.items():
        with pytest.raises(UserError, match=why):
            list(predict(config, None, str(given)))
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(UserError, match=r"broken.png.*cannot be read"):
        list(predict(configured(), None, str(tmp_path / "broken.png")))


def test_a_folder_is_restored_and_what_is_broken_named(tmp_path):
    saved(tmp_path, "L", name="a.png")
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        outputs = [
            *predict(configured(steps=4, progress=2, preview=2), None, str(tmp_path))
        ]
    assert any("broken.png" in str(w.message) for w in said)
    lines = [x for x in outputs if isinstance(x, str)]
    pictures = dict(x for x in outputs if not isinstance(x, str))
    assert len(lines) == 2
    assert "step 4 of 4" in lines[-1]
    assert [*pictures] == ["a.png after 2 steps", "a.png denoise"]
    assert pictures["a.png denoise"].shape == (14, 21)


class Fitted(NamedTuple):
    """As much of a state as a restored picture needs."""

    average: Any


@pytest.fixture
def unfitted(monkeypatch):
    """Replaces the fit by the observed picture."""

    def fit(config, problem):
        yield config.loop.steps, Fitted(problem["observed"]), 0.0

    monkeypatch.setattr(module, "fit", fit)
    monkeypatch.setattr(module, "restored", lambda config, state: state.average)


def test_a_folder_goes_on_and_names_pictures_by_their_place(tmp_path, unfitted):
    for name in ("a/x.png", "a-x.png", "b/x.png", "whole.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        path = saved(tmp_path, name=name)
        if name != "whole.png":
            array = np.array(Image.open(path))
            array[3, 3] = 0
            Image.fromarray(array).save(path)
    config = configured(task="inpaint", progress=0)
    with pytest.warns(UserWarning, match=r"skipped: 'whole.png' has no transparent"):
        names = [name for name, _ in predict(config, None, str(tmp_path))]
    assert names == ["a/x.png inpaint", "a-x.png inpaint", "b/x.png inpaint"]


@pytest.mark.filterwarnings("ignore:skipped")
def test_a_folder_of_which_nothing_can_be_restored_says_so(tmp_path):
    saved(tmp_path)
    with pytest.raises(UserError, match="no pictures that can be restored"):
        list(predict(configured(task="inpaint"), None, str(tmp_path)))


def test_results_go_to_a_file_or_a_folder(tmp_path, unfitted):
    for name in ("one.png", "many/b/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        saved(tmp_path, name=name)
    given = {"one.png": "out/new.png", "many": "there"}
    written = {"one.png": "out/new.png", "many": "there/b/x.png"}
    for name, out in given.items():
        config = configured(out=str(tmp_path / out), progress=0)
        ((_, shown),) = predict(config, None, str(tmp_path / name))
        with Image.open(tmp_path / written[name]) as file:
            np.testing.assert_array_equal(np.asarray(file), shown)


def test_masks_of_ones(tmp_path):
    found = open_photo(saved(tmp_path))
    mask = np.ones((14, 21), np.uint8)
    mask[2, 3] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    _, problem = fitted(
        configured(task="inpaint", mask=str(tmp_path / "mask.png")), found
    )
    np.testing.assert_array_equal(problem["mask"][0, :14, :21, 0], mask)


def test_the_flash_picture_is_z(tmp_path):
    found = open_photo(saved(tmp_path))
    config = configured()
    config.model.input = "image"
    with pytest.raises(UserError, match=r"--config.data.guide"):
        fitted(config, found)
    config.data.guide = str(saved(tmp_path, name="flash.png"))
    _, problem = fitted(config, found)
    flash = open_photo(tmp_path / "flash.png").image
    np.testing.assert_allclose(problem["guide"][0, :14, :21], flash, atol=1e-6)
    config.data.guide = str(saved(tmp_path, size=(22, 14), name="flash.png"))
    with pytest.raises(UserError, match=r"flash.png' is 22x14"):
        fitted(config, found)


def test_a_rule_stops_the_fit_that_shows_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOOK", 3)
    config = configured(rule="noise", progress=0, preview=0)
    config.task.sigma = 255.0
    config.stop.after = 0
    saved(tmp_path)
    made, problem = fitted(config, open_photo(tmp_path / "photo.png"))
    assert [at for at, *_ in module.fit(made, problem)] == [3]


@pytest.mark.parametrize("keep_known", [True, False])
def test_known_pixels_stay_as_they_were_given(tmp_path, keep_known):
    given = np.array(Image.open(saved(tmp_path)))
    given[4:8, 5:9] = 0
    Image.fromarray(given).save(tmp_path / "photo.png")
    config = configured(
        task="inpaint", steps=2, progress=0, preview=0, keep_known=keep_known
    )
    ((_, restored),) = predict(config, None, str(tmp_path / "photo.png"))
    known = given.any(-1)
    assert np.array_equal(restored[known], given[known]) == keep_known
    assert restored[~known].any()


@pytest.mark.slow
@pytest.mark.optimised
def test_a_hole_is_filled_from_around_it(tmp_path):
    """The hole of a smooth picture is filled with values near the true ones."""
    rows, columns = np.indices((32, 32)) / 32
    picture = np.stack([rows, columns, 1 - rows], -1) * 0.8 + 0.1
    given = np.round(255 * picture).astype(np.uint8)
    given[12:18, 12:18] = 0
    Image.fromarray(given).save(tmp_path / "hole.png")
    config = configured(task="inpaint", steps=300, progress=100, preview=0)
    *_, (_, restored) = predict(config, None, str(tmp_path / "hole.png"))
    error = np.abs(restored / 255 - picture)[12:18, 12:18].mean()
    assert error < 0.1
    jax.clear_caches()


def test_an_interrupted_fit_keeps_its_latest_picture(tmp_path):
    path = saved(tmp_path, size=(16, 16))
    made = predict(configured(progress=1, steps=9), None, str(path))
    assert "step 1 of 9" in next(made)
    name, picture = made.throw(KeyboardInterrupt)
    assert name == "photo.png stopped after 1 steps"
    assert picture.shape == (16, 16, 3)
    with pytest.raises(KeyboardInterrupt):
        next(made)


def test_an_array_is_restored_as_its_file_is(tmp_path):
    given = np.array(Image.open(saved(tmp_path)))
    known = np.ones(given.shape[:2], bool)
    known[4:8, 5:9] = False
    Image.fromarray(known).save(tmp_path / "mask.png")
    config = configured(task="inpaint", steps=2, progress=0, preview=0)
    result = restore(config, given, known)
    masked = configured(
        task="inpaint", steps=2, progress=0, preview=0, mask=str(tmp_path / "mask.png")
    )
    ((_, expected),) = predict(masked, None, str(tmp_path / "photo.png"))
    np.testing.assert_array_equal(result, expected)
    with pytest.raises(UserError, match="make them equal"):
        restore(config, given, known[1:])
