"""How parameters move: Adam whose tables move only the rows that were read, a decay
that the learning rate does not scale, and the mean of all parameters so far."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PyTree

from common import optim
from papers.sptree.config import Config


def transform(config: Config, rate: optax.Schedule, step: Any) -> Any:
    """The optimiser of one model at a step; its state is the same at all steps."""
    o = config.optim
    learning = config.learning
    after = []
    if learning.decay:
        after.append(decayed(learning.decay, learning.lazy_rows))
    if learning.average:
        # The mean of the parameters after steps 1 ... step + 1.
        after.append(optim.parameter_average(step / (step + 1)))
    if not learning.lazy_rows:
        return optim.optimiser(o, rate, after=after)
    clip = [optax.clip_by_global_norm(o.clip_norm)] if o.clip_norm else []
    before = [*clip, lazy_adam(o.b1, o.b2, o.eps)]
    # Nothing stands between these and the learning rate.
    bare = dataclasses.replace(o, name="sgd", momentum=0.0, clip_norm=0.0)
    return optim.optimiser(bare, rate, before=before, after=after)


def decayed(share: float, lazy: bool) -> optax.GradientTransformation:
    """Takes `share` of every matrix from it; if lazy, of the rows of tables that
    move."""

    def update(updates, state, params):
        def one(is_table, is_matrix, u, p):
            if not is_matrix:
                return u
            return u - share * p * (_read(u) if is_table and lazy else 1)

        marks = tables(params), optim.matrices(params)
        return jax.tree.map(one, *marks, updates, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def tables(params: PyTree) -> PyTree:
    """True for tables of embeddings."""

    def is_table(path, _):
        return path[-1].key == "embedding"

    return jax.tree_util.tree_map_with_path(is_table, params)


class LazyAdam(NamedTuple):
    """Moments, and how often each row of a table, or any other array, was updated."""

    count: PyTree
    mu: PyTree
    nu: PyTree


def lazy_adam(b1: float, b2: float, eps: float) -> optax.GradientTransformation:
    """Adam. The rows of a table that have no gradient keep their moments, and have step
    counts of their own."""

    def init(params):
        zeros = jax.tree.map(jnp.zeros_like, params)

        def count(is_table, p):
            return jnp.zeros((p.shape[0], 1) if is_table else (), jnp.float32)

        counts = jax.tree.map(count, tables(params), params)
        return LazyAdam(counts, zeros, jax.tree.map(jnp.zeros_like, params))

    def update(grads, state, params=None):
        del params

        def one(is_table, g, count, mu, nu):
            read = _read(g) if is_table else jnp.array(True)
            count = count + read
            mu = jnp.where(read, b1 * mu + (1 - b1) * g, mu)
            nu = jnp.where(read, b2 * nu + (1 - b2) * jnp.square(g), nu)
            t = jnp.maximum(count, 1)
            step = mu / (1 - b1**t) / (jnp.sqrt(nu / (1 - b2**t)) + eps)
            return jnp.where(read, step, 0), count, mu, nu

        found = jax.tree.map(one, tables(grads), grads, state.count, state.mu, state.nu)
        parts = [jax.tree.map(lambda _, x, i=i: x[i], grads, found) for i in range(4)]
        return parts[0], LazyAdam(*parts[1:])

    return optax.GradientTransformation(init, update)


def _read(x: Array) -> Array:
    return jnp.any(x != 0, -1, keepdims=True)
