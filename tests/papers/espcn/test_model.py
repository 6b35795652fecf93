"""The networks. A failure means other counts than the paper's, or another image for
parameters whose result is known."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.config import changed
from common.contract import UserError
from common.pixels import mirrored_to
from common.resize import enlarge
from papers import espcn
from papers.espcn.config import RUNS, Config, Model
from papers.espcn.cost import operations
from papers.espcn.model import Upscaler

SMALL = Model(features=(6, 5))


def of_run(run: str, model: Model) -> Model:
    return changed(Config(model=model), RUNS[run]).model


SRCNN = of_run("srcnn_9_1_5", SMALL)


def start(model: Model, shape=(1, 12, 10)):
    low = jax.random.uniform(jax.random.key(1), (*shape, model.channels))
    params = jax.jit(Upscaler(model).init)(jax.random.key(0), low)["params"]
    # A last layer of N(0, 0.001) would hide what the others do.
    return low, jax.tree.map(lambda p: p + 0.1 * jnp.cos(jnp.arange(p.size)).reshape(
        p.shape
    ), params)  # fmt: skip


def run(model: Model, params, low, sizes=None):
    return np.asarray(Upscaler(model).apply({"params": params}, low, sizes))


@pytest.mark.parametrize(
    ("model", "count"),
    [
        (Model(scale=2), 21_284),
        (Model(scale=3), 22_729),
        (Model(scale=4), 24_752),
        (Model(scale=8), 38_624),
        (Model(scale=3, channels=3), 31_131),
        (of_run("srcnn_9_1_5", Model()), 8_032 + 97),
        (of_run("srcnn_9_5_5", Model()), 57_184 + 97),
    ],
)
def test_parameters_are_counted(model, count):
    low = jnp.zeros((1, 8, 8, model.channels))
    params = jax.eval_shape(Upscaler(model).init, jax.random.key(0), low)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count


@pytest.mark.parametrize(
    ("run", "scale", "ratio"),
    [
        ("srcnn_9_1_5", 3, 3.20),
        ("srcnn_9_1_5", 4, 5.22),
        ("srcnn_9_5_5", 3, 22.7),
        ("srcnn_9_5_5", 4, 37.1),
    ],
)
def test_operations_are_the_papers(run, scale, ratio):
    ours = operations(Model(scale=scale))
    weights = 25 * 64 + 9 * 64 * 32 + 9 * 32 * scale**2
    assert ours == weights / scale**2
    other = operations(of_run(run, Model(scale=scale)))
    assert other / ours == pytest.approx(ratio, abs=0.05)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_a_zero_last_layer_is_its_bias(scale):
    model = dataclasses.replace(SMALL, scale=scale)
    low, params = start(model)
    params["layer3"]["kernel"] = jnp.zeros_like(params["layer3"]["kernel"])
    params["layer3"]["bias"] = jnp.full_like(params["layer3"]["bias"], 0.4)
    high = run(model, params, low)
    assert high.shape == (1, 12 * scale, 10 * scale, 1)
    np.testing.assert_array_equal(high, np.float32(0.4))


@pytest.mark.parametrize("model", [SMALL, dataclasses.replace(SMALL, channels=3)])
def test_a_shift_of_one_is_a_shift_of_the_scale(model):
    low, params = start(model, (1, 16, 16))
    high = run(model, params, low)
    moved = run(model, params, jnp.roll(low, (1, 1), (1, 2)))
    edge = 5 * model.scale  # the receptive field reaches 4 pixels, and 1 has moved
    expected = np.roll(high, (model.scale,) * 2, (1, 2))
    np.testing.assert_allclose(
        moved[:, edge:-edge, edge:-edge], expected[:, edge:-edge, edge:-edge], atol=1e-5
    )


def deltas(params):
    """Parameters with which each layer passes its first channel on unchanged."""

    def delta(kernel):
        k = kernel.shape[0] // 2
        return jnp.zeros_like(kernel).at[k, k, 0].set(1.0)

    return {
        name: {"kernel": delta(p["kernel"]), "bias": jnp.zeros_like(p["bias"])}
        for name, p in params.items()
    }  # fmt: skip


def test_srcnn_that_hands_on_is_bicubic():
    low, params = start(SRCNN)
    expected = enlarge(np.asarray(low), 3)
    positive = np.maximum(expected, 0)
    high = run(SRCNN, deltas(params), low)
    np.testing.assert_allclose(high, positive, atol=1e-6)


def test_espcn_that_hands_on_repeats_pixels():
    model = dataclasses.replace(SMALL, activation="relu")
    low, params = start(model)
    expected = np.asarray(low).repeat(3, 1).repeat(3, 2)
    np.testing.assert_allclose(run(model, deltas(params), low), expected, atol=1e-6)


def test_activations_are_what_they_are_called():
    low, params = start(SMALL)
    relu = dataclasses.replace(SMALL, activation="relu")
    assert not np.allclose(run(SMALL, params, low), run(relu, params, low))
    shrunk = jax.tree.map(lambda p: p, params)
    for name in ("layer1", "layer2"):  # tanh of little is itself
        shrunk[name] = {
            "kernel": 1e-2 * params[name]["kernel"],
            "bias": 0 * params[name]["bias"],
        }
    twice = run(SMALL, shrunk, 2 * low) - run(SMALL, shrunk, 0 * low)
    once = run(SMALL, shrunk, low) - run(SMALL, shrunk, 0 * low)
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("model", [SMALL, SRCNN])
def test_a_padded_image_is_what_it_is_alone(model):
    """Mirrored beyond its end, in a batch with other images."""
    _, params = start(model)
    images = [np.random.default_rng(i).random((h, w, 1), np.float32)
              for i, (h, w) in enumerate([(9, 14), (16, 7), (16, 16)])]  # fmt: skip
    batch = np.stack([mirrored_to(image, (16, 16)) for image in images])
    sizes = np.array([image.shape[:2] for image in images], np.int32)
    together = run(model, params, batch, sizes)
    for image, high in zip(images, together, strict=True):
        alone = run(model, params, image[None])[0]
        height, width = alone.shape[:2]
        np.testing.assert_allclose(high[:height, :width], alone, atol=1e-5)


def test_bfloat16_computes_in_it_and_answers_in_float32():
    model = dataclasses.replace(SMALL, dtype="bfloat16")
    low, params = start(model)
    ours = run(model, params, low)
    exact = run(SMALL, params, low)
    assert ours.dtype == np.float32
    assert 0 < np.abs(ours - exact).max() < 0.05


def test_wrong_values_are_one_line():
    for field, value, message in [
        ("model.channels", 2, "choose one of 1, 3"),
        ("model.kernels", (4, 3, 3), "odd"),
        ("model.features", (8,), "one size more"),
        ("model.scale", 1, "at least 2"),
        ("eval.most", 12, "smaller than a patch"),
        ("runs", ("tnrd",), "there are: espcn"),
    ]:
        config = espcn.get_config("smoke")
        section, _, name = field.rpartition(".")
        setattr(getattr(config, section) if section else config, name, value)
        with pytest.raises(UserError, match=message):
            espcn.runs(config)
