"""The loss, its gradient and a whole training. A failure means that a step minimises
something else, or, slowly, that training does not beat bicubic."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.sections import Optim, Schedule
from papers import espcn
from papers.espcn.config import RUNS
from papers.espcn.data import pairs
from papers.espcn.evaluate import quality
from papers.espcn.train import forward, squared_error
from papers.espcn.upscaling import bicubic_upscaler, upscaler
from tests import optimised


def test_an_output_out_of_range_is_pulled_back():
    """If training clamped the output, there would be no gradient."""
    config = espcn.get_config("smoke")
    state = espcn.init(config, jax.random.key(0))
    bias = state.params["layer3"]["bias"]
    state.params["layer3"]["bias"] = jnp.full_like(bias, 1.5)
    batch = next(espcn.batches(config, "train"))
    after, _ = jax.jit(partial(espcn.train_step, config))(state, batch)
    assert np.all(np.asarray(after.params["layer3"]["bias"]) < 1.5)


def test_the_loss_is_an_images_mean_square():
    high = np.random.default_rng(0).random((3, 6, 6, 1))
    target = np.random.default_rng(1).random((3, 6, 6, 1))
    expected = [np.mean((a - b) ** 2) for a, b in zip(high, target, strict=True)]
    np.testing.assert_allclose(squared_error(high, target), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("row", "channels"), [*((row, 1) for row in RUNS), ("espcn", 3), ("srcnn_9_1_5", 3)]
)
def test_a_fresh_network_leaves_a_mid_grey_image_as_it_is(row, channels):
    config = espcn.get_config("smoke")
    config.runs = (row,)
    config.model.channels = channels
    (run,) = espcn.runs(config).values()
    params = espcn.init(run.config, jax.random.key(0)).params
    grey = jnp.full((1, 24, 24, channels), 0.5)
    high = forward(run.config, params, grey)
    edge = 6 * run.config.model.scale  # where the zeros beyond the image are seen
    np.testing.assert_allclose(high[:, edge:-edge, edge:-edge], 0.5, atol=1e-6)


def test_the_last_layer_learns_ten_times_slower():
    config = espcn.get_config("smoke")
    config.optim = Optim("sgd", 0.1, Schedule("constant"), momentum=0.0)
    batch = next(espcn.batches(config, "train"))
    state = espcn.init(config, jax.random.key(0))
    plain, _ = jax.jit(partial(espcn.train_step, config))(state, batch)
    config.last_layer_rate = espcn.get_config("x3_sgd").last_layer_rate
    slow_state = state.replace(opt_state=espcn.init(config, state.key).opt_state)
    slow, _ = jax.jit(partial(espcn.train_step, config))(slow_state, batch)
    moved = [
        jax.tree.map(jnp.subtract, after.params, state.params)
        for after in (plain, slow)
    ]
    for layer, factor in (("layer1", 1), ("layer2", 1), ("layer3", 0.1)):
        expected = factor * np.asarray(moved[0][layer]["kernel"])
        np.testing.assert_allclose(moved[1][layer]["kernel"], expected, atol=1e-7)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_step_measures_what_the_table_does(channels):
    """It measures the PSNR of Y, clipped, without border or padding."""
    config = espcn.get_config("smoke")
    config.eval.most = 120
    config.model.channels = channels
    for run in espcn.runs(config).values():
        state = espcn.init(run.config, jax.random.key(0))
        bias = state.params["layer3"]["bias"]
        state.params["layer3"]["bias"] = jnp.full_like(bias, 0.5)
        (batch,) = espcn.batches(run.config, "valid")
        means = jax.jit(partial(espcn.eval_step, run.config))(state, batch)
        upscale = upscaler(run.config, state)
        tests = pairs(run.config, "test")
        expected = np.mean([quality(p, upscale(p.low))[0] for p in tests])
        np.testing.assert_allclose(means["psnr"].value, expected, atol=1e-3)
        errors = [np.mean((upscale(p.low) - p.high) ** 2) for p in tests]
        np.testing.assert_allclose(means["loss"].value, np.mean(errors), rtol=1e-4)


def photographs():
    """x3 on the packaged photographs, 17 x 17 patches 13 apart."""
    config = espcn.get_config("default")
    config.data.stride = 13
    return config


def test_bicubic_on_the_packaged_photographs():
    config = photographs()
    upscale = bicubic_upscaler(config.model)
    found = {p.name: quality(p, upscale(p.low))[0] for p in pairs(config, "test")}
    assert found["astronaut"] == pytest.approx(28.69, abs=0.01)
    assert found["chelsea"] == pytest.approx(32.90, abs=0.01)


@pytest.mark.slow
def test_training_beats_bicubic_by_the_specified_margin():
    """6000 steps of Adam, the rate halved every 2000: minutes. At 500 steps ESPCN is
    still below bicubic."""
    config = photographs()
    halved = Schedule("step", boundaries=(2000, 4000), factor=0.5)
    config.optim = Optim(lr=1e-3, schedule=halved)
    config.loop.steps = 6000
    state = espcn.init(config, jax.random.key(0))
    data = espcn.batches(config, "train")
    step = optimised.train_step(espcn, config)
    for _ in range(config.loop.steps):
        state, _ = step(state, next(data))
    ours = upscaler(config, state)
    bicubic = bicubic_upscaler(config.model)
    gains = {
        p.name: quality(p, ours(p.low))[0] - quality(p, bicubic(p.low))[0]
        for p in pairs(config, "test")
    }
    assert gains["astronaut"] >= 0.4
    assert gains["chelsea"] >= 0.2
