"""BatchNorm against nn.BatchNorm, PyTorch's rule for the running variance, and itself
on four devices."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.normalization import BatchNorm

X = 3.0 + 2.0 * jax.random.normal(jax.random.key(0), (8, 3, 5, 4))
COUNT = 8 * 3 * 5


def variables(seed=1):
    """Parameters and statistics that are not the initial ones."""
    start = BatchNorm(train=False).init(jax.random.key(0), X)
    leaves, tree = jax.tree.flatten(start)
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    drawn = [jax.random.uniform(k, p.shape, minval=0.5) for k, p in zip(keys, leaves)]  # noqa: B905
    return jax.tree.unflatten(tree, drawn)


def apply(x, values, **fields):
    norm = BatchNorm(train=True, **fields)
    return norm.apply(values, x, mutable="batch_stats")


def test_trains_as_flax_does_but_for_the_unbiased_running_variance():
    values = variables()
    theirs = nn.BatchNorm(use_running_average=False, momentum=0.9, epsilon=1e-5)
    expected, stats = theirs.apply(values, X, mutable="batch_stats")
    found, updated = apply(X, values)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    found, biased = updated["batch_stats"], stats["batch_stats"]
    np.testing.assert_allclose(found["mean"], biased["mean"], rtol=1e-5)
    old = 0.9 * values["batch_stats"]["var"]
    unbiased = old + (biased["var"] - old) * COUNT / (COUNT - 1)
    np.testing.assert_allclose(found["var"], unbiased, rtol=1e-4)
    np.testing.assert_allclose(
        unbiased - old, 0.1 * np.var(X, (0, 1, 2), ddof=1), rtol=1e-4
    )


def test_gradients_are_those_of_flax():
    values = variables()
    theirs = nn.BatchNorm(use_running_average=False, epsilon=1e-5)

    def loss(norm, params, x):
        y, _ = norm.apply({**values, "params": params}, x, mutable="batch_stats")
        return jnp.sum(jnp.sin(y))

    found, expected = (
        jax.grad(loss, argnums=(1, 2))(norm, values["params"], X)
        for norm in (BatchNorm(train=True), theirs)
    )
    chex.assert_trees_all_close(found, expected, rtol=1e-4, atol=1e-4)


def test_tests_with_the_running_statistics():
    values = variables()
    stats, params = values["batch_stats"], values["params"]
    found = BatchNorm(train=False).apply(values, X)
    normal = (X - stats["mean"]) / np.sqrt(stats["var"] + 1e-5)
    expected = normal * params["scale"] + params["bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("transform", [jax.vmap, jax.pmap])
def test_the_statistics_of_an_axis_are_those_of_all_its_rows(transform):
    values = variables()
    expected, stats = apply(X, values)
    shards = X.reshape(4, 2, *X.shape[1:])
    found, updated = transform(
        lambda x: apply(x, values, axis_name="device"), axis_name="device"
    )(shards)
    np.testing.assert_allclose(found.reshape(X.shape), expected, rtol=1e-4, atol=1e-5)
    first = jax.tree.map(lambda leaf: leaf[0], updated)
    chex.assert_trees_all_close(first, stats, rtol=1e-5)


def test_bfloat16_images_have_float32_statistics():
    values = variables()
    small = X.astype(jnp.bfloat16)
    y, updated = apply(small, values)
    assert y.dtype == jnp.bfloat16
    exact, stats = apply(small.astype(jnp.float32), values)
    chex.assert_trees_all_close(updated, stats, rtol=1e-5)
    np.testing.assert_allclose(y.astype(jnp.float32), exact, rtol=0.02, atol=0.02)
