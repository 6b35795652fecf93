"""Real fits, minutes each on a loaded machine. A failure means that the paper's effects
are gone: impedance, the peak and the fall, filled holes."""

from functools import partial

import jax
import numpy as np
import pytest

from papers import deep_image_prior as dip
from papers.deep_image_prior.config import runs
from papers.deep_image_prior.evaluate import methods
from papers.deep_image_prior.measure import gather, untrained
from tests import optimised

pytestmark = pytest.mark.slow


def fitted(row, steps, batch_size=1):
    """The run `row` of the default, after `steps` steps."""
    config = dip.get_config()
    config.runs = (row,)
    config.data.batch_size = batch_size
    config.loop.steps = steps
    config = runs(config)[row].config
    config.loop.steps = steps
    state = jax.jit(partial(dip.init, config))(jax.random.key(0))
    step = optimised.train_step(dip, config)
    batches = dip.batches(config, "train")
    for _ in range(steps):
        state, _ = step(state, next(batches))
    return gather(row, config, state)


def test_impedance():
    """The natural picture is easiest to fit, then the one with noise, then shuffled
    pixels, then noise. Each step is harder by a factor of at least 1.3."""
    fit = fitted("impedance", 101)
    losses = 10 ** (-fit.state.history["fit"][:, -1] / 10)
    assert (losses[1:] / losses[:-1] >= 1.3).all()


def test_a_denoised_picture_peaks_and_falls_while_the_loss_keeps_falling():
    fit = fitted("denoise", 1600)
    average = fit.history("average", 0)
    loss = -fit.history("fit", 0)
    noisy = fit.quality(untrained(fit))[0]
    peak = int(np.argmax(average))
    assert average[peak] >= noisy + 4
    assert average[-1] < average[peak] - 0.5
    assert loss[-10:].mean() < loss[peak : peak + 10].mean()


def test_missing_pixels():
    """Where half of the pixels are missing, the fit beats their mean by 5 dB."""
    fit = fitted("restore", 600)
    scores = {row[2]: row[-1] for row in methods(fit, None)}
    assert scores["running average"] >= scores["mean filling"] + 5
