"""Metrics over ragged batches, against scikit-learn's where it has them. A failure
means that padding counts, or that batches or devices do not add up to the whole."""

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from common.metrics import AUC, F1, Gathered, Mean, in_top, over

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
    values = jnp.array([1.0, 10.0, 7.0])
    weights = jnp.array([0.5, 2.0, 0.0])
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


def labelled(n=500, seed=0):
    """(scores in [0, 1], labels, mask); scores and labels agree more often than not."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.3).astype(np.int32)
    scores = np.clip(0.3 * labels + rng.random(n) * 0.7, 0, 1).astype(np.float32)
    return scores, labels, (rng.random(n) < 0.8).astype(np.float32)


def ragged(*arrays):
    return zip(*(np.split(array, [7, 7, 200]) for array in arrays), strict=True)


def test_f1_precision_and_recall_are_those_of_all_batches_together():
    scores, labels, mask = labelled()
    parts = [F1.of(s > 0.5, y, m) for s, y, m in ragged(scores, labels, mask)]
    f1 = added(parts)
    valid = mask > 0
    expected = precision_recall_fscore_support(
        labels[valid], scores[valid] > 0.5, average="binary"
    )
    found = f1.precision.value, f1.recall.value, f1.value
    np.testing.assert_allclose(found, expected[:3], rtol=1e-6)
    means = np.mean([part.value for part in parts])
    assert abs(means - f1.value) > 0.01


def test_f1_of_nothing_is_zero():
    nothing = F1.of(np.zeros(3), np.zeros(3))
    assert (nothing.value, nothing.precision.value, nothing.recall.value) == (0, 0, 0)


def test_auc_is_scikit_learns_to_the_width_of_a_bin():
    scores, labels, mask = labelled()
    auc = added(AUC.of(*part) for part in ragged(scores, labels, mask))
    valid = mask > 0
    expected = roc_auc_score(labels[valid], scores[valid])
    assert 0.6 < expected < 0.95
    np.testing.assert_allclose(auc.value, expected, atol=1e-4)


def test_auc_counts_equal_scores_half():
    assert AUC.of(jnp.full(10, 0.25), jnp.arange(10) % 2).value == 0.5
    scores = np.round(labelled()[0] * 8) / 8
    labels = labelled()[1]
    expected = roc_auc_score(labels, scores)
    np.testing.assert_allclose(AUC.of(scores, labels).value, expected, atol=1e-6)


@pytest.mark.parametrize("labels", [np.zeros(5), np.ones(5)])
def test_auc_of_one_kind_alone_says_nothing(labels):
    assert AUC.of(jnp.linspace(0, 1, 5), labels).value == 0.5


def test_gathered_rows_lose_their_padding_and_keep_their_order():
    a = Gathered({"id": jnp.array([3, 1, 0])}, jnp.array([1, 1, 0]))
    b = Gathered({"id": jnp.array([0, 2])}, jnp.array([0, 1]))
    np.testing.assert_array_equal((a + b).value["id"], [3, 1, 2])


def test_over_reads_every_kind_and_adds_in_float64():
    scores, labels, mask = labelled()
    batches = [*ragged(scores, labels, mask)]

    @jax.jit
    def step(batch):
        scores, labels, mask = batch
        f1 = F1.of(scores > 0.5, labels, mask)
        rows = Gathered({"score": scores}, mask)
        mean = Mean.of(scores, mask)
        return {"mean": mean, "f1": f1, "recall": f1.recall, "rows": rows}

    found = over(step, batches)
    np.testing.assert_array_equal(found["rows"]["score"], scores[mask > 0])
    expected = precision_recall_fscore_support(
        labels[mask > 0], scores[mask > 0] > 0.5, average="binary"
    )
    assert found["recall"] == pytest.approx(expected[1], rel=1e-12)
    assert found["f1"] == pytest.approx(expected[2], rel=1e-12)
    many = over(lambda n: {"n": Mean(jnp.float32(n), jnp.float32(1))}, [2**24, 1, 1])
    assert many["n"] == (2**24 + 2) / 3


def test_metrics_of_a_devices_axis_are_those_of_the_whole():
    scores, labels, mask = (x.reshape(4, -1) for x in labelled())

    def of(scores, labels, mask, axis_name=None):
        metrics = F1.of(scores > 0.5, labels, mask), AUC.of(scores, labels, mask)
        metrics = *metrics, Gathered({"score": scores}, mask)
        return [metric.across(axis_name) for metric in metrics]

    mapped = jax.vmap(functools.partial(of, axis_name="device"), axis_name="device")
    each = [jax.tree.map(lambda x: x[0], m) for m in mapped(scores, labels, mask)]
    whole = of(scores.ravel(), labels.ravel(), mask.ravel())
    for one, other in zip(each[:2], whole[:2], strict=True):
        np.testing.assert_allclose(one.value, other.value, rtol=1e-6)
    np.testing.assert_array_equal(each[2].value["score"], whole[2].value["score"])
