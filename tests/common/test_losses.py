"""Cross entropy against numpy and optax, at its extremes, and its gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from common.losses import (
    cross_entropy,
    distillation,
    ensemble_logits,
    matching_gradient,
    soft_cross_entropy,
    soft_gradient,
)

CLASSES = 7


def example(scale=1.0):
    rng = np.random.default_rng(0)
    logits = scale * rng.normal(size=(3, 4, CLASSES)).astype(np.float32)
    return logits, rng.integers(0, CLASSES, (3, 4)).astype(np.int32)


def test_cross_entropy_is_minus_the_log_probability_of_the_label():
    logits, labels = example(3.0)
    expected = np.zeros(labels.shape)
    for row in np.ndindex(*labels.shape):
        exp = np.exp(logits[row].astype(np.float64))
        expected[row] = -np.log(exp[labels[row]] / exp.sum())
    loss = cross_entropy(jnp.asarray(logits), jnp.asarray(labels))
    np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-6)
    reference = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    np.testing.assert_allclose(loss, reference, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("logits", "expected", "gradient"),
    [
        ([1e4, 0.0], 0.0, [0, 0]),
        ([0.0, 1e4], 1e4, [-1, 1]),
        ([-1e30, 1e30], 2e30, [-1, 1]),
    ],
)
def test_huge_logits_cost_their_difference(logits, expected, gradient):
    loss = jax.value_and_grad(lambda x: cross_entropy(x, jnp.int32(0)))
    value, slope = loss(jnp.array(logits))
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(slope, gradient)


def test_the_gradient_is_softmax_minus_one_hot():
    logits, labels = example(2.0)
    weight = np.random.default_rng(1).normal(size=labels.shape)

    def loss(logits):
        return jnp.sum(cross_entropy(logits, jnp.asarray(labels)) * weight)

    softmax = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = (softmax - np.eye(CLASSES)[labels]) * weight[..., None]
    gradient = jax.grad(loss)(jnp.asarray(logits))
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


def test_bfloat16_logits_are_reduced_in_float32():
    logits, labels = example(3.0)
    rounded = jnp.asarray(logits, jnp.bfloat16)
    loss = cross_entropy(rounded, jnp.asarray(labels))
    expected = cross_entropy(rounded.astype(jnp.float32), jnp.asarray(labels))
    np.testing.assert_array_equal(loss, expected)
    assert np.any(loss != loss.astype(jnp.bfloat16).astype(jnp.float32))


@pytest.mark.parametrize("label", [-100, -1, CLASSES, 10_000])
def test_a_masked_label_out_of_range_leaves_the_loss_and_the_gradient_alone(label):
    logits, labels = example()
    logits, labels = jnp.asarray(logits), jnp.asarray(labels)
    mask = jnp.ones(labels.shape).at[1, 2].set(0.0)

    def loss(logits, labels):
        return jnp.sum(cross_entropy(logits, labels) * mask)

    expected = jax.value_and_grad(loss)(logits, labels)
    found = jax.value_and_grad(loss)(logits, labels.at[1, 2].set(label))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    np.testing.assert_array_equal(found[1], expected[1])
    assert np.all(found[1][1, 2] == 0)


def soft_example(scale=3.0, classes=10):
    rng = np.random.default_rng(1)
    z, v = scale * rng.normal(size=(2, 5, classes))
    return jnp.asarray(z), jnp.asarray(v), jnp.asarray(rng.integers(0, classes, 5))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5, 20.0])
def test_the_soft_gradient_is_q_minus_p_over_t(temperature):
    z, v, _ = soft_example()

    def loss(z, v):
        return jnp.sum(soft_cross_entropy(z, v, temperature))

    towards_z, towards_v = jax.grad(loss, (0, 1))(z, v)
    expected = soft_gradient(z, v, temperature)
    np.testing.assert_allclose(towards_z, expected, atol=1e-6)
    q, p = (jax.nn.softmax(x / temperature) for x in (z, v))
    np.testing.assert_allclose(expected, (q - p) / temperature, atol=1e-6)
    assert not towards_v.any()


def test_hot_targets_ask_for_matching_logits():
    """T^2 N times the gradient tends to z - v, with an error that falls as 1 / T."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        z, v = 3 * rng.normal(size=(2, 10))
        z, v = jnp.asarray(z - z.mean()), jnp.asarray(v - v.mean())
        errors = []
        for temperature in (1e2, 1e3, 1e4):
            gradient = jax.grad(soft_cross_entropy)(z, v, temperature)
            assert gradient.dtype == jnp.float64
            limit = matching_gradient(z, v, temperature)
            scale = 10 * temperature**2
            np.testing.assert_allclose(limit * scale, z - v, rtol=1e-9)
            errors.append(float(jnp.abs(gradient - limit).max() * scale))
        np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 10, rtol=0.05)
        assert 0.01 < errors[0] < 1.0
        shifted = matching_gradient(z + 7.0, v - 3.0, 5.0)
        np.testing.assert_allclose(shifted, matching_gradient(z, v, 5.0), atol=1e-12)


def test_labels_alone_are_plain_cross_entropy_bit_for_bit():
    z, v, labels = soft_example()
    plain = jax.value_and_grad(lambda z: cross_entropy(z, labels).sum())(z)
    mixed = jax.value_and_grad(lambda z: distillation(z, v, labels, 1.0, 1.0).sum())(z)
    np.testing.assert_array_equal(plain[0], mixed[0])
    np.testing.assert_array_equal(plain[1], mixed[1])


@pytest.mark.parametrize("temperature", [1.0, 3.0, 100.0])
def test_a_student_that_matches_its_teacher_is_left_alone(temperature):
    z, _, labels = soft_example()
    loss, slope = jax.value_and_grad(
        lambda z, v: distillation(z, v, labels, temperature).sum()
    )(z, z)
    np.testing.assert_allclose(loss, 0.0, atol=1e-3 * temperature**2)
    np.testing.assert_allclose(slope, 0.0, atol=1e-6 * temperature)


def test_the_objectives_are_weighed_and_the_soft_one_scaled_by_t_squared():
    z, v, labels = soft_example()
    weight, temperatures = 0.3, jnp.array([1.0, 2.0, 4.0, 8.0, 20.0])

    def slopes(loss):
        return jax.grad(lambda z: jnp.sum(loss(z)))(z)

    found = slopes(lambda z: distillation(z, v, labels, temperatures, weight))
    soft = temperatures[:, None] ** 2 * soft_gradient(z, v, temperatures)
    hard = slopes(lambda z: cross_entropy(z, labels))
    expected = (1 - weight) * soft + weight * hard
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    # Without the factor a soft gradient would all but vanish at T = 20.
    assert 0.1 < jnp.abs(soft[4]).max() / jnp.abs(soft[0]).max() < 10


def test_ensembles_average_probabilities_or_their_logarithms():
    z = 2 * jax.random.normal(jax.random.key(0), (4, 3, 6))
    p = np.asarray(jax.nn.softmax(z), np.float64)
    mean = jax.nn.softmax(ensemble_logits(z))
    np.testing.assert_allclose(mean, p.mean(1), rtol=1e-5)
    product = np.exp(np.log(p).mean(1))
    geometric = jax.nn.softmax(ensemble_logits(z, "geometric"))
    np.testing.assert_allclose(
        geometric, product / product.sum(-1, keepdims=True), rtol=1e-5
    )
    alone = ensemble_logits(z[:, :1])
    np.testing.assert_allclose(jax.nn.softmax(alone / 7), jax.nn.softmax(z[:, 0] / 7),
                               rtol=1e-5)  # fmt: skip
    with pytest.raises(ValueError, match="arithmetic or geometric"):
        ensemble_logits(z, "median")
