"""Cross entropy against numpy and optax, at its extremes, and its gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from common.losses import cross_entropy

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
