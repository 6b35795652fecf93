"""Runs of the smoke variant that several tests read, made once."""

from functools import partial

import jax
import pytest

from papers import gpt

TRAINED = ("pretrain", "toy-kind")  # the others are as they start: steps take seconds


class Trained:
    """(config, state) of runs by name, each made when it is first asked for."""

    def __init__(self):
        config = gpt.get_config("smoke")
        config.runs = (*config.runs, "toy-choice_scratch", "pretrain_lstm")
        self.runs = gpt.runs(config)
        self._done = {}

    def __call__(self, name):
        if name not in self._done:
            config = self.runs[name].config
            after = {earlier: self(earlier) for earlier in self.runs[name].after}
            states = {earlier: state for earlier, (_, state) in after.items()}

            def init(key, states, config=config, after=after):
                given = {name: (after[name][0], s) for name, s in states.items()}
                return gpt.init(config, key, given)

            state = jax.jit(init)(jax.random.key(0), states)
            if name in TRAINED:
                state = self._trained(config, state)
            self._done[name] = config, state
        return self._done[name]

    def _trained(self, config, state):
        step = jax.jit(partial(gpt.train_step, config))
        batches = gpt.batches(config, "train")
        for _ in range(config.loop.steps):
            state, _ = step(state, next(batches))
        return state


@pytest.fixture(scope="session")
def trained():
    return Trained()
