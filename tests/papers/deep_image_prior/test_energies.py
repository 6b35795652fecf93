"""Energies, the Lanczos operator and degraded pictures. A failure means that the net
fits another energy than the paper's."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from papers.deep_image_prior import data, degrade, energies, lanczos, pictures
from papers.deep_image_prior.config import Config, Data, Model, Task, runs
from papers.deep_image_prior.variants import get_config
from tests.bucket import serve

RNG = np.random.default_rng(0)


def images(*shape):
    return jnp.asarray(RNG.random(shape), jnp.float32)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_the_kernel_is_symmetric_and_sums_to_one(factor):
    kernel = lanczos.kernel(factor)
    assert kernel.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-15)
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-15)


def test_the_operator_is_a_strided_convolution_of_the_repeated_border():
    factor = 4
    image = images(64, 48, 3)
    t = (np.arange(16) - 7.5) / factor
    weights = np.sinc(t) * np.sinc(t / 2)
    kernel = np.outer(weights, weights) / weights.sum() ** 2
    np.testing.assert_allclose(lanczos.kernel(factor), kernel, atol=1e-12)
    wide = np.pad(np.asarray(image), ((6, 6), (6, 6), (0, 0)), "edge")
    expected = np.zeros((16, 12, 3))
    for i, j in np.ndindex(16, 12):
        patch = wide[4 * i : 4 * i + 16, 4 * j : 4 * j + 16]
        expected[i, j] = np.einsum("ij,ijc->c", kernel, patch)
    found = lanczos.downsample(image, factor)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_constant_stays_a_constant(factor):
    flat = jnp.full((12, 24, 3), 0.7)
    np.testing.assert_allclose(lanczos.downsample(flat, factor), 0.7, atol=1e-6)


def test_what_is_masked_has_no_gradient():
    x = images(2, 8, 8, 3)
    x0 = images(2, 8, 8, 3)
    mask = jnp.asarray(RNG.random((2, 8, 8, 1)) < 0.5, jnp.float32)
    gradient = jax.grad(lambda x: energies.inpainting(x, x0, mask).sum())(x)
    hidden = np.broadcast_to(mask == 0, gradient.shape)
    assert (np.asarray(gradient)[hidden] == 0).all()
    assert (np.asarray(gradient)[~hidden] != 0).all()


def test_a_full_mask_is_no_mask():
    x = images(8, 8, 3)
    x0 = images(8, 8, 3)
    full = energies.inpainting(x, x0, jnp.ones((8, 8, 1)))
    assert full == energies.denoising(x, x0)


def test_super_resolution_vanishes_where_the_image_shrinks_to_what_is_given():
    x = images(16, 16, 3)
    small = lanczos.downsample(x, 2)
    assert energies.super_resolution(x, small, 2) == 0
    assert energies.super_resolution(x, small + 0.1, 2) == pytest.approx(0.01, rel=1e-4)


def problem(task: Task, row: int = 0, **fields):
    config = Config(data=Data(source="generated", size=(32, 32), **fields), task=task)
    return data.problem(config, row)


def test_noise_has_the_deviation_that_is_asked_for():
    found = problem(Task(sigma=10), batch_size=1)
    noise = (found["observed"] - found["truth"])[(found["truth"] > 0.2)
                                                 & (found["truth"] < 0.8)]  # fmt: skip
    assert noise.std() == pytest.approx(10 / 255, rel=0.1)


def test_each_target_is_what_figure_2_says():
    targets = ("image", "image_noise", "shuffled", "noise")
    image, noisy, shuffled, noise = (
        problem(Task(), row, targets=targets)["observed"] for row in range(4)
    )
    assert 0 < np.abs(noisy - image).mean() < 0.2
    pixels = [np.sort(x.reshape(-1, 3), axis=0) for x in (image, shuffled)]
    np.testing.assert_allclose(*pixels, atol=1e-7)
    assert np.abs(shuffled - image).mean() > 0.05
    assert np.abs(noise - image).mean() > 0.1


def test_masks_hide_what_they_should():
    half = problem(Task(name="restore", keep=0.5))
    assert half["mask"].mean() == pytest.approx(0.5, abs=0.05)
    assert (half["observed"][half["mask"][..., 0] == 0] == 0).all()
    text = degrade.text_mask((64, 64))
    assert 0.05 < 1 - text.mean() < 0.5


def grey_blocks(folder, name, rows, columns, seed=0):
    """A picture of blocks of 8 x 8 pixels, each black or white."""
    blocks = np.random.default_rng(seed).integers(0, 2, (rows // 8, columns // 8))
    picture = 255 * blocks.repeat(8, 0).repeat(8, 1).astype(np.uint8)
    Image.fromarray(picture).save(folder / name)
    return str(folder / name)


def beside(root, file):
    """A part of the picture `root`, with `file` as mask and as guide."""
    box = (8, 16, 64, 96)
    data = Data(source="files", root=root, pictures=(), box=box, size=(32, 32))
    data.guide = file
    task = Task(name="inpaint", mask=file)
    return Config(model=Model(input="image"), data=data, task=task)


def test_masks_and_guides_are_cut_and_scaled_as_their_picture(tmp_path):
    path = grey_blocks(tmp_path, "a.png", 80, 120)
    found = data.problem(beside(path, path), 0)
    np.testing.assert_array_equal(found["mask"], found["truth"][..., :1] > 0.5)
    np.testing.assert_array_equal(found["guide"], found["truth"])


@pytest.mark.parametrize("task", ["inpaint", "flash"])
def test_a_mask_or_guide_of_another_size_is_named(tmp_path, task):
    path = grey_blocks(tmp_path, "a.png", 80, 120)
    config = beside(path, grey_blocks(tmp_path, "b.png", 80, 128))
    config.task.name = task
    with pytest.raises(UserError, match=r"b.png' is 128x80 .*a.png' 120x80"):
        data.problem(config, 0)


def test_masks_of_ones_are_white_and_black_ones_say_so():
    ones = degrade.known(np.float32([[0, 1], [1, 0]]) / 255, "m.png")
    np.testing.assert_array_equal(ones, [[0, 1], [1, 0]])
    with pytest.raises(UserError, match=r"m.png.*black"):
        degrade.known(np.zeros((2, 2, 1)), "m.png")


def test_what_is_left_of_a_picture():
    small = problem(Task(name="sr", factor=4))
    expected = lanczos.downsample(jnp.asarray(small["truth"]), 4)
    assert small["observed"].shape == (8, 8, 3)
    assert np.abs(small["observed"] - expected).mean() < 0.02
    coarse, fine = (problem(Task(name="jpeg", quality=q)) for q in (5, 95))
    errors = [np.abs(p["observed"] - p["truth"]).mean() for p in (coarse, fine)]
    assert 0.1 > errors[0] > 3 * errors[1] > 0
    flash = problem(Task(name="flash", sigma=10))
    noise = flash["observed"] - flash["truth"]
    assert 5 / 255 < noise.std() < 10.5 / 255  # some of it clipped
    known = problem(Task(name="flash", degrade=False))
    np.testing.assert_array_equal(known["observed"], known["truth"])


def test_restarts_come_after_all_pictures():
    config = Config(data=Data(pictures=("astronaut", "coffee"), batch_size=4))
    assert data.restart(config.data).tolist() == [0, 0, 1, 1]
    names = [data.row_name(config, row) for row in range(4)]
    assert names == ["astronaut", "coffee", "astronaut 2", "coffee 2"]


def test_a_folder_of_pictures_is_read_in_order(tmp_path):
    for i, name in enumerate(("a.png", "b.png")):
        Image.fromarray(np.full((40, 50, 3), 100 * i, np.uint8)).save(tmp_path / name)
    config = Config(
        data=Data(source="files", root=str(tmp_path), pictures=(), size=(32, 32)),
        task=Task(degrade=False),
    )
    config.data.batch_size = 4
    assert data.restart(config.data).tolist() == [0, 0, 1, 1]
    values = [data.problem(config, row)["truth"].mean() for row in range(2)]
    np.testing.assert_allclose(values, [0, 100 / 255], atol=1e-6)


def test_a_picture_in_a_bucket_is_read_there(tmp_path, monkeypatch):
    pytest.importorskip("gcsfs", reason="a bucket needs gcsfs: pip install '.[gcs]'")
    Image.fromarray(np.full((40, 50, 3), 100, np.uint8)).save(tmp_path / "a.png")
    config = Config(
        data=Data(source="files", root="gs://bucket/a.png", pictures=(), size=(32, 32)),
        task=Task(degrade=False),
    )
    with serve() as (bucket, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        bucket.write("a.png", (tmp_path / "a.png").read_bytes())
        truth = data.problem(config, 0)["truth"]
    np.testing.assert_allclose(truth, 100 / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("section", "changes", "why"),
    [
        ("data", {"size": (60, 64)}, "16 divides"),
        ("data", {"targets": ("cat",)}, "targets"),
        ("data", {"targets": ()}, "targets"),
        ("data", {"source": "web"}, "data.source"),
        ("data", {"box": (0, 0, 64)}, "data.box"),
        ("data", {"box": (0, -1, 64, 64)}, "data.box"),
        ("task", {"factor": 0}, "task.factor=0: must be at least 1"),
        ("predict", {"factor": 0}, "predict.factor=0: must be at least 1"),
        ("predict", {"steps": -1}, "predict.steps=-1: must be at least 0"),
    ],
)
def test_what_cannot_work_is_one_line(section, changes, why):
    config = get_config()
    changed = dataclasses.replace(getattr(config, section), **changes)
    setattr(config, section, changed)
    with pytest.raises(UserError, match=why):
        runs(config)


@pytest.mark.parametrize("variant", ["sr_x4", "inpaint_text"])
def test_impedance_is_plain_denoising_whatever_the_variant(variant):
    config = get_config(variant)
    config.runs = ("impedance",)
    assert runs(config)["impedance"].config.task.name == "denoise"


def test_a_picture_a_little_larger_is_cropped_and_not_scaled(tmp_path):
    array = RNG.integers(0, 256, (70, 95, 3), dtype=np.uint8)
    Image.fromarray(array).save(tmp_path / "a.png")
    found = pictures.read(tmp_path / "a.png", (64, 64), 3)
    np.testing.assert_allclose(found, array[3:67, 15:79] / 255, atol=1e-6)


def test_a_box_that_reaches_outside_is_named(tmp_path):
    Image.new("RGB", (100, 90)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"data.box.*a.png.*90 x 100"):
        pictures.read(tmp_path / "a.png", (64, 64), 3, (30, 0, 64, 64))


def test_a_picture_that_is_too_small_is_named(tmp_path):
    Image.new("RGB", (20, 30)).save(tmp_path / "small.png")
    with pytest.raises(UserError, match=r"small.png.*30 x 20.*64 x 64"):
        pictures.read(tmp_path / "small.png", (64, 64), 3)
