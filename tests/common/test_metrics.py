"""Means over ragged batches, weights, and devices."""

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.metrics import Mean, in_top

VALUES = np.arange(23, dtype=np.float32) ** 1.5
RAGGED = np.split(VALUES, [1, 9, 12])  # 1, 8, 3 and 11 values


def added(means):
    return functools.reduce(operator.add, means)


def test_adding_ragged_batches_gives_the_mean_over_all():
    mean = added(map(Mean.of, RAGGED))
    np.testing.assert_allclose(mean.value, VALUES.mean(), rtol=1e-6)
    assert mean.count == len(VALUES)
    means_of_means = np.mean([batch.mean() for batch in RAGGED])
    assert abs(mean.value - means_of_means) > 1


def test_padding_counts_for_nothing():
    batches = np.full((len(RAGGED), 11), 1e6, np.float32)
    mask = np.zeros(batches.shape, np.float32)
    for row, values in enumerate(RAGGED):
        batches[row, : len(values)] = values
        mask[row, : len(values)] = 1
    mean = added(map(Mean.of, batches, mask))
    np.testing.assert_allclose(mean.value, VALUES.mean(), rtol=1e-6)
    whole = Mean.of(batches, mask.astype(bool))
    np.testing.assert_allclose(whole.value, VALUES.mean(), rtol=1e-6)


@pytest.mark.parametrize("padding", [np.nan, np.inf])
def test_padding_that_is_not_finite_counts_for_nothing(padding):
    mean = Mean.of(jnp.array([2.0, padding, 4.0]), jnp.array([1, 0, 1]))
    assert mean.value == 3


def test_a_mask_may_hold_weights():
    values, weights = jnp.array([1.0, 10.0, 7.0]), jnp.array([0.5, 2.0, 0.0])
    mean = Mean.of(values, weights)
    np.testing.assert_allclose(mean.value, (0.5 * 1 + 2 * 10) / 2.5, rtol=1e-6)
    np.testing.assert_allclose(mean.count, 2.5)


def test_hits_are_counted_whatever_their_dtype():
    hits = jnp.array([[True, False, True], [True, True, False]])
    mask = jnp.array([[1, 1, 0], [1, 1, 1]])
    assert Mean.of(hits, mask).value == pytest.approx(3 / 5)
    assert Mean.of(hits.astype(jnp.int32)).value == pytest.approx(4 / 6)
    many = jnp.ones(1001, jnp.bfloat16)  # bfloat16 has no 1001
    assert float(Mean.of(many, many).count) == 1001
    assert float(Mean.of(many, many).total) == 1001


def test_nothing_counted_gives_zero_and_adds_nothing():
    nothing = Mean.of(VALUES, np.zeros_like(VALUES))
    assert nothing.value == 0
    mean = nothing + Mean.of(VALUES)
    np.testing.assert_allclose(mean.value, VALUES.mean(), rtol=1e-6)


def test_across_adds_up_the_devices_of_an_axis():
    values = VALUES[:20].reshape(4, 5)
    mask = np.tril(np.ones((4, 5), np.float32))  # 1, 2, 3 and 4 values

    def on_device(values, mask):
        return Mean.of(values, mask).across("device")

    found = jax.vmap(on_device, axis_name="device")(values, mask)
    np.testing.assert_array_equal(found.count, np.full(4, 10))
    expected = values[mask == 1].mean()
    np.testing.assert_allclose(found.value, np.full(4, expected), rtol=1e-6)


def test_across_no_axis_changes_nothing():
    mean = Mean.of(VALUES)
    assert mean.across(None).value == mean.value


def test_a_mean_can_be_carried_through_a_scan():
    def body(mean, row):
        return mean + Mean.of(row), None

    start = Mean(jnp.zeros(()), jnp.zeros(()))
    rows = VALUES[:20].reshape(4, 5)
    mean, _ = jax.jit(lambda rows: jax.lax.scan(body, start, rows))(rows)
    np.testing.assert_allclose(mean.value, rows.mean(), rtol=1e-6)


LOGITS = jnp.array([[0.1, 3.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0], [0.0, jnp.nan, 1, 2]])


@pytest.mark.parametrize(
    ("labels", "k", "expected"),
    [
        ([1, 0, 3], 1, [True, True, True]),
        ([2, 1, 2], 1, [False, False, False]),
        ([2, 1, 2], 2, [True, True, True]),
        ([3, 3, 0], 3, [True, False, True]),
        ([0, 3, 1], 5, [True, True, False]),
    ],
)
def test_in_top_counts_larger_logits_and_of_equal_ones_the_first(labels, k, expected):
    np.testing.assert_array_equal(in_top(LOGITS, jnp.array(labels), k), expected)
