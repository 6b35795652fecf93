"""Lazy Adam, the decay and the mean of the parameters, against numpy, row by row."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from papers.sptree import optimiser
from papers.sptree.config import Config

LR, B1, B2, EPS = 0.1, 0.9, 0.999, 1e-8
STEPS = 4


def gradients():
    """Of a table whose row 1 is never read and row 2 at odd steps alone."""
    rng = np.random.default_rng(0)
    found = []
    for step in range(STEPS):
        table = rng.normal(size=(3, 2))
        table[1] = 0
        table[2] *= step % 2
        found.append(
            {
                "embedding": table,
                "kernel": rng.normal(size=(2, 2)),
                "bias": rng.normal(size=2),
            }
        )
    return found


def start():
    return {
        "embedding": np.ones((3, 2)),
        "kernel": np.ones((2, 2)),
        "bias": np.ones(2),
    }


def trained(**learning):
    config = Config()
    vars(config.learning).update(learning)
    params = jax.tree.map(jnp.asarray, start())
    state = optimiser.transform(config, lambda _: LR, jnp.array(0)).init(params)
    seen = []
    for step, grads in enumerate(gradients()):
        tx = optimiser.transform(config, lambda _: LR, jnp.array(step))
        updates, state = tx.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        seen.append(params)
    return params, state, seen


def adam(rows, start, decay):
    """One array's Adam over the gradients in `rows`, in numpy."""
    p, m, v = start.copy(), 0.0, 0.0
    for t, g in enumerate(rows, 1):
        m = B1 * m + (1 - B1) * g
        v = B2 * v + (1 - B2) * g**2
        step = m / (1 - B1**t) / (np.sqrt(v / (1 - B2**t)) + EPS)
        p = p - LR * step - decay * p
    return p


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def test_rows_have_the_adam_of_the_steps_that_read_them():
    decay = 0.01
    params, _, _ = trained(decay=decay, average=False)
    grads = gradients()
    every = [g["embedding"][0] for g in grads]
    odd = [g["embedding"][2] for g in grads[1::2]]
    table = params["embedding"]
    np.testing.assert_allclose(table[0], adam(every, np.ones(2), decay), rtol=1e-5)
    np.testing.assert_array_equal(table[1], np.ones(2))
    np.testing.assert_allclose(table[2], adam(odd, np.ones(2), decay), rtol=1e-5)
    kernel = adam([g["kernel"] for g in grads], np.ones((2, 2)), decay)
    np.testing.assert_allclose(params["kernel"], kernel, rtol=1e-5)
    bias = adam([g["bias"] for g in grads], np.ones(2), 0.0)
    np.testing.assert_allclose(params["bias"], bias, rtol=1e-5)


def test_dense_adam_moves_rows_that_were_not_read():
    params, _, _ = trained(decay=0.01, lazy_rows=False, average=False)
    table = adam([g["embedding"] for g in gradients()], np.ones((3, 2)), 0.01)
    np.testing.assert_allclose(params["embedding"], table, rtol=1e-6)
    assert (np.asarray(params["embedding"][1]) < 1).all()


def test_the_mean_is_that_of_all_parameters_since_the_start():
    from common.optim import ema_params

    params, state, seen = trained(decay=0.0)
    mean = jax.tree.map(lambda *x: np.mean(x, axis=0), *seen)
    jax.tree.map(np.testing.assert_allclose, ema_params(state, params), mean)


def test_clipping_comes_first():
    config = Config()
    config.optim.clip_norm = 1.0
    config.learning.decay = 0.0
    one = {"kernel": jnp.full((2, 2), 50.0)}
    tx = optimiser.transform(config, lambda _: LR, jnp.array(0))
    state = tx.init(one)
    _, state = tx.update(one, state, one)
    moments = next(
        s
        for s in jax.tree.leaves(
            state, is_leaf=lambda s: isinstance(s, optimiser.LazyAdam)
        )
        if isinstance(s, optimiser.LazyAdam)
    )
    np.testing.assert_allclose(moments.mu["kernel"], 0.1 * 0.5, rtol=1e-6)
