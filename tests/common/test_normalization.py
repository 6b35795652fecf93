"""Norms against nn.BatchNorm, PyTorch's running variance and formulas. A failure means
other statistics, in training, in tests or over several devices."""

from functools import partial

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.normalization import BatchNorm, SampleNorm, instance_norm

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
    found = updated["batch_stats"]
    biased = stats["batch_stats"]
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
    stats = values["batch_stats"]
    params = values["params"]
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


def test_a_bias_alone_is_a_scale_of_one():
    """Numbers, statistics and gradients are the same, and `bias_init` is used."""
    values = variables()
    bias = {"bias": values["params"]["bias"]}
    one = {"scale": jnp.ones(4), **bias}

    def loss(params, x, **fields):
        y, stats = apply(x, {**values, "params": params}, **fields)
        return jnp.sum(jnp.sin(y)), (y, stats)

    grad = jax.grad(loss, argnums=(0, 1), has_aux=True)
    found, updated = grad(bias, X, use_scale=False)
    expected, stats = grad(one, X)
    del expected[0]["scale"]
    chex.assert_trees_all_close((found, updated), (expected, stats), rtol=1e-5)
    tested = [
        BatchNorm(train=False, use_scale=scaled).apply({**values, "params": params}, X)
        for scaled, params in ((False, bias), (True, one))
    ]
    np.testing.assert_allclose(*tested, rtol=1e-6)
    small = BatchNorm(True, use_scale=False, bias_init=nn.initializers.constant(0.25))
    made = small.init(jax.random.key(0), X)["params"]
    chex.assert_trees_all_equal(made, {"bias": jnp.full(4, 0.25)})


def instance_normal(x):
    """The formula in float64, with the biased variance."""
    x = np.asarray(x, np.float64)
    mean = x.mean((1, 2), keepdims=True)
    return (x - mean) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)


def sample_normal(x, scale=1.0, bias=0.0):
    """The formula in float64: epsilon is added to the unbiased deviation."""
    x = np.asarray(x, np.float64)
    mean = x.mean((1, 2, 3), keepdims=True)
    deviation = x.std((1, 2, 3), ddof=1, keepdims=True)
    scale, bias = (np.asarray(p, np.float64) for p in (scale, bias))
    return (x - mean) / (deviation + 1e-5) * scale + bias


def sample_params():
    start = SampleNorm().init(jax.random.key(2), X)["params"]
    assert 0 < start["scale"].min() < start["scale"].max() < 1
    assert not start["bias"].any()
    return {**start, "bias": jnp.arange(4.0)}


def sample_norm(x):
    return SampleNorm().apply({"params": sample_params()}, x)


# Around 1000 a mean of squares would lose the variance, which small ones share with
# epsilon.
PLACES = {"plain": X, "far": 1000 + X, "small": 1e-3 * X}


@pytest.mark.parametrize("place", PLACES)
def test_norms_of_an_image_are_their_formulas(place):
    x = PLACES[place]
    rtol = 2e-3 if place == "far" else 1e-4
    close = partial(np.testing.assert_allclose, rtol=rtol, atol=rtol)
    close(instance_norm(x), instance_normal(x))
    close(sample_norm(x), sample_normal(x, **sample_params()))


def test_norms_of_an_image_see_no_other():
    for norm in (instance_norm, sample_norm):
        alone = jnp.concatenate([norm(x[None]) for x in X])
        np.testing.assert_allclose(norm(X), alone, rtol=1e-5, atol=1e-6)


def test_an_instance_s_maps_do_not_see_one_another_a_sample_s_do():
    factors = jnp.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(
        instance_norm(factors * X + factors), instance_norm(X), rtol=1e-3, atol=1e-3
    )
    assert jnp.abs(sample_norm(factors * X) - sample_norm(X)).max() > 0.3
    np.testing.assert_allclose(
        sample_norm(3 * X - 2), sample_norm(X), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("norm", [instance_norm, sample_norm])
def test_gradients_of_an_image_s_norm_are_differences(norm):
    oracle = instance_normal
    if norm is sample_norm:
        oracle = partial(sample_normal, **sample_params())
    weights = np.asarray(jax.random.normal(jax.random.key(3), X.shape), np.float64)
    direction = np.asarray(jax.random.normal(jax.random.key(4), X.shape), np.float64)
    grad = jax.grad(lambda x: jnp.sum(weights * norm(x)))(X)
    step = 1e-4
    above, below = (oracle(np.asarray(X) + s * direction) for s in (step, -step))
    expected = np.sum(weights * (above - below)) / (2 * step)
    np.testing.assert_allclose(np.vdot(grad, direction), expected, rtol=1e-3)


@pytest.mark.parametrize("norm", [instance_norm, sample_norm])
def test_bfloat16_images_are_normalised_in_float32(norm):
    small = (100 + X).astype(jnp.bfloat16)
    y = norm(small)
    assert y.dtype == jnp.bfloat16
    exact = norm(small.astype(jnp.float32))
    np.testing.assert_array_equal(y, exact.astype(jnp.bfloat16))
