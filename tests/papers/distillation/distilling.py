"""Runs of a config, made and stepped in memory."""

import functools

import jax

from papers.distillation import train
from papers.distillation.runs import runs


def started(config):
    """{run: (its config, its first state)} of a config."""
    trained = {}
    for name, run in runs(config).items():
        trained[name] = run.config, first(run, trained)
    return trained


def first(run, trained):
    """The run's state before its first step. `trained` has the runs that it needs."""
    configs = {name: trained[name][0] for name in run.after}
    states = {name: trained[name][1] for name in run.after}

    @jax.jit
    def init(key, states):
        after = {name: (configs[name], state) for name, state in states.items()}
        return train.init(run.config, key, after=after)

    return init(jax.random.key(run.config.seed), states)


def stepped(config, state, batches):
    step = jax.jit(functools.partial(train.train_step, config))
    for batch in batches:
        state, metrics = step(state, batch)
    return state, metrics
