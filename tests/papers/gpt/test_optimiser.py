"""The released code's Adam, beside a numpy loop of its arithmetic."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from common.sections import Optim
from papers.gpt.optimiser import factor, released_adam

STEPS, WARMUP = 50, 0.1
CONFIG = Optim(lr=0.05, weight_decay=0.3, clip_norm=1.0, eps=1e-3)
SHAPES = {"kernel": (3, 2), "bias": (4,), "specials": (2, 5)}


def normal(seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return {name: scale * rng.normal(size=shape) for name, shape in SHAPES.items()}


def released(params, gradients):
    """float64; t counts from 1, and the schedule reads t - 1."""
    params = {name: p.copy() for name, p in params.items()}
    mean = {name: np.zeros_like(p) for name, p in params.items()}
    square = {name: np.zeros_like(p) for name, p in params.items()}
    for t, grads in enumerate(gradients, start=1):
        norm = np.sqrt(sum(np.sum(g * g) for g in grads.values()))
        x = (t - 1) / STEPS
        schedule = (x / WARMUP if x <= WARMUP else 1.0) * (1 - x)
        rate = CONFIG.lr * schedule * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        for name, g in grads.items():
            g = g / max(norm, 1.0)
            mean[name] = 0.9 * mean[name] + 0.1 * g
            square[name] = 0.999 * square[name] + 0.001 * g * g
            move = mean[name] / (np.sqrt(square[name]) + 1e-3)
            if params[name].ndim > 1:
                move = move + 0.3 * params[name]
            params[name] -= rate * move
    return params


def run(tx, params, gradients):
    state = tx.init(params)
    for grads in gradients:
        updates, state = tx.update(grads, state, params)
        params = optax.apply_updates(params, updates)
    return params


def test_updates_are_those_of_the_released_code():
    """Of gradients that are clipped, and of some that are not."""
    gradients = [normal(i, scale=10.0 if i % 2 else 0.01) for i in range(1, 9)]
    with jax.enable_x64(True):
        params = jax.tree.map(jnp.asarray, normal(0))
        tx = released_adam(CONFIG, STEPS, WARMUP)
        found = run(tx, params, jax.tree.map(jnp.asarray, gradients))
    expected = released(normal(0), gradients)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6, atol=1e-8)
        assert np.abs(value - normal(0)[name]).max() > 1e-2


def test_the_first_update_moves_nothing():
    params = jax.tree.map(jnp.asarray, normal(0))
    moved = run(released_adam(CONFIG, STEPS, WARMUP), params, [normal(1)])
    jax.tree.map(np.testing.assert_array_equal, moved, params)


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 0.0), (1, 0.5 * 0.999), (2, 0.998), (3, 0.997), (500, 0.5), (1000, 0.0)],
)
def test_the_rate_rises_to_the_share_of_the_warmup_and_falls_to_0(step, expected):
    """At step = 0.002 T it is 1 - 0.002."""
    assert float(factor(step, 1000, 0.002)) == pytest.approx(expected, abs=1e-6)


def test_without_a_warmup_only_the_first_update_is_0():
    assert float(factor(0, 10, 0.0)) == 0
    assert float(factor(1, 10, 0.0)) == pytest.approx(0.9)


def test_members_are_clipped_by_themselves():
    """A member with a huge gradient does not hold the other one back."""
    tx = released_adam(CONFIG, STEPS, WARMUP)
    params = [jax.tree.map(jnp.asarray, normal(i)) for i in (0, 1)]
    gradients = [
        [normal(5 + i, scale=100.0**member) for i in range(4)] for member in (0, 1)
    ]
    alone = [run(tx, p, g) for p, g in zip(params, gradients, strict=True)]

    def stacked(trees):
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)

    together = stacked(params)
    state = jax.vmap(tx.init)(together)
    for grads in zip(*gradients, strict=True):
        updates, state = jax.vmap(tx.update)(stacked(grads), state, together)
        together = optax.apply_updates(together, updates)
    for i, expected in enumerate(alone):
        for name, value in expected.items():
            np.testing.assert_allclose(together[name][i], value, rtol=1e-5, atol=1e-6)
