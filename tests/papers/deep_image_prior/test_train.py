"""The input of the net at each step, and the average of its outputs. A failure means
that jitter repeats or that a result is not the average."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.config import changed
from common.contract import UserError
from papers import deep_image_prior as dip
from papers.deep_image_prior import train


def smoke(**fields):
    """The smoke config with four restarts of the family "pixels", which starts fast."""
    config = dip.get_config("smoke")
    config.model.family = "pixels"
    config.data.size = (16, 8)
    for name, value in fields.items():
        setattr(config.model, name, value)
    return config


def test_a_guide_that_no_run_reads_is_refused():
    config = changed(dip.get_config("smoke"), {"data.guide": "flash.png"})
    with pytest.raises(UserError, match=r"of main.* none reads it"):
        dip.runs(changed(config, {"runs": ("main",)}))
    assert dip.runs(changed(config, {"runs": ("main", "flash")}))


def test_z_is_noise_coordinates_or_the_guide():
    z = dip.init(smoke(), jax.random.key(0)).z
    assert z.shape == (4, 16, 8, 4)
    assert 0 <= z.min() < 0.002 < 0.098 < z.max() < 0.1
    assert float(jnp.abs(z[0] - z[1]).max()) > 0.05  # restarts differ
    z = dip.init(smoke(input="meshgrid"), jax.random.key(0)).z
    assert z.shape == (4, 16, 8, 2)
    np.testing.assert_allclose(z[3, 5, :, 0], np.linspace(0, 1, 8), atol=1e-6)  # x
    np.testing.assert_allclose(z[3, :, 5, 1], np.linspace(0, 1, 16), atol=1e-6)  # y
    state = dip.init(smoke(input="image"), jax.random.key(0))
    np.testing.assert_array_equal(state.z, state.problem["guide"])
    assert (state.z >= state.problem["truth"] - 0.3).all()
    assert state.z.mean() > state.problem["truth"].mean()


@pytest.fixture
def walked(monkeypatch):
    """(config, states) of three steps of a net whose output is its input."""
    monkeypatch.setattr(train, "output", lambda config, params, z: z)
    config = smoke(input_channels=3)
    config.task.jitter = 0.05
    config.stop.rule = "none"
    state = dip.init(config, jax.random.key(0))
    step = jax.jit(partial(dip.train_step, config))
    states = []
    for _ in range(3):
        state, _ = step(state, {"row": jnp.arange(4)})
        states.append(state)
    return config, states


def test_jitter_is_fresh_at_each_step_and_row(walked):
    _, states = walked
    noise = np.stack([state.output - state.z for state in states]).reshape(12, -1)
    assert noise.std() == pytest.approx(0.05, rel=0.05)
    together = np.corrcoef(noise) - np.eye(12)
    assert np.abs(together).max() < 0.25


def test_the_average_begins_at_the_first_output_and_moves_by_a_share(walked):
    config, states = walked
    decay = config.task.average
    average = states[0].output
    np.testing.assert_allclose(states[0].average, average, atol=1e-6)
    for state in states[1:]:
        average = decay * average + (1 - decay) * state.output
        np.testing.assert_allclose(state.average, average, atol=1e-6)


def test_results_are_the_average_the_last_output_or_that_without_jitter(walked):
    config, (*_, state) = walked
    wanted = {"average": state.average, "last": state.output, "clean": state.z}
    for result, image in wanted.items():
        config.task.result = result
        np.testing.assert_array_equal(dip.restored(config, state), image)
