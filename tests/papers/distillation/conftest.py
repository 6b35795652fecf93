"""Smoke runs before their first step, one a row."""

import functools

import jax
import pytest

from papers.distillation import train
from papers.distillation.config import runs
from papers.distillation.variants import get_config


def started(config, names=None):
    """{row: (its config, its first state)} of a variant's runs."""
    made = {}
    for name, run in runs(config).items():
        after = {other: made[other] for other in run.after}
        state = train.init(run.config, jax.random.key(run.config.seed), after=after)
        made[name] = run.config, state
    return made


def stepped(config, state, batches):
    step = jax.jit(functools.partial(train.train_step, config))
    for batch in batches:
        state, metrics = step(state, batch)
    return state, metrics


@pytest.fixture(scope="session")
def smoke():
    return started(get_config("smoke"))
