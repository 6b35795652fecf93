"""Predictions against labels, and scores as distributions."""

import warnings

import numpy as np
import pytest

from common.contract import UserError
from papers.gpt import tasks
from papers.gpt.tasks import Example, Task


def task_of(*metrics, classes=("no", "yes"), form="classification"):
    scored = "pearson" in metrics
    return Task("toy", form, classes, metrics, (), scored=scored)


def test_class_metrics_are_their_equations():
    labels = np.array([1, 1, 1, 0, 0, 1, 0, 0])
    predicted = np.array([1, 0, 1, 0, 1, 1, 0, 1])
    tp, fp, fn, tn = 3, 2, 1, 2
    root = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    values = tasks.measure(task_of("mcc", "f1", "accuracy"), predicted, labels)
    assert values == pytest.approx(
        {
            "mcc": (tp * tn - fp * fn) / root,
            "f1": 2 * tp / (2 * tp + fp + fn),
            "accuracy": 5 / 8,
        }
    )
    assert [*values] == ["mcc", "f1", "accuracy"]


def test_f1_of_many_classes_is_the_mean_over_them():
    labels = np.array([0, 1, 1, 0])
    predicted = np.array([0, 1, 0, 0])
    three = task_of("f1", classes=("a", "b", "c"))
    assert tasks.measure(three, predicted, labels)["f1"] == pytest.approx(
        (4 / 5 + 2 / 3) / 2
    )


def test_correlations_are_their_equations():
    rng = np.random.default_rng(0)
    labels = rng.uniform(0, 5, 40)
    predicted = np.exp(labels) + rng.normal(0, 5, 40)
    values = tasks.measure(task_of("pearson", "spearman"), predicted, labels)
    assert values["pearson"] == pytest.approx(np.corrcoef(labels, predicted)[0, 1])
    ranks = [np.argsort(np.argsort(x)) for x in (labels, predicted)]
    assert values["spearman"] == pytest.approx(np.corrcoef(*ranks)[0, 1])


@pytest.mark.parametrize("metrics", [("mcc",), ("pearson", "spearman")])
def test_constant_predictions_score_0_without_a_warning_of_scipy(metrics):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = tasks.measure(task_of(*metrics), np.ones(4), np.array([0, 1, 1, 0]))
    assert values == dict.fromkeys(metrics, 0.0)


def test_predictions_that_all_agree_are_warned_of():
    task = task_of("mcc", classes=("bad", "good"))
    words = tasks.agreement(task, np.ones(1043, int))
    assert "all 1,043 predictions are 'good'" in words
    assert tasks.agreement(task, np.array([1, 1, 0])) == ""
    scored = task_of("pearson", classes=tuple("012345"))
    assert "are '2.5'" in tasks.agreement(scored, np.full(9, 2.5))
    assert "are '1'" in tasks.agreement(
        task_of("accuracy", classes=()), np.ones(5, int)
    )


def test_predictions_that_do_not_fit_the_labels_are_refused():
    with pytest.raises(UserError, match="toy: 3 predictions for 4 labels"):
        tasks.measure(task_of("mcc"), np.ones(3), np.ones(4))
    with pytest.raises(UserError, match="toy: 0 predictions for 0 labels"):
        tasks.measure(task_of("mcc"), np.ones(0), np.ones(0))


def test_the_largest_logit_is_predicted_and_of_scores_the_mean():
    logits = np.array([[1.0, 2.0], [3.0, -1.0]])
    assert tasks.predictions(task_of("accuracy"), logits).tolist() == [1, 0]
    scored = task_of("pearson", classes=tuple("012345"))
    uniform = tasks.predictions(scored, np.full((1, 6), 1000.0))
    assert uniform == pytest.approx([2.5])
    soft = tasks.soft_target(np.array([3.25]))
    assert tasks.predictions(scored, np.log(soft + 1e-30)) == pytest.approx([3.25])


@pytest.mark.parametrize(
    ("score", "target"),
    [
        (0.0, [1, 0, 0, 0, 0, 0]),
        (2.75, [0, 0, 0.25, 0.75, 0, 0]),
        (4.0, [0, 0, 0, 0, 1, 0]),
        (5.0, [0, 0, 0, 0, 0, 1]),
    ],
)
def test_a_score_is_split_between_the_two_whole_scores_beside_it(score, target):
    np.testing.assert_allclose(tasks.soft_target(score), target, atol=1e-7)


def test_the_mean_of_a_soft_target_is_its_score():
    scores = np.linspace(0, 5, 101)
    soft = tasks.soft_target(scores)
    assert soft.shape == (101, 6)
    np.testing.assert_allclose(soft.sum(-1), 1, atol=1e-6)
    np.testing.assert_allclose(tasks.expected(soft), scores, atol=1e-6)


def test_a_bag_of_bigrams_reads_the_order_of_two_words():
    """Both classes have the same words."""
    texts = [("not good but bad", 0), ("not bad but good", 1)] * 10
    splits = ("train", "test")
    examples = tuple(Example((t,), y, split) for split in splits for t, y in texts)
    task = Task("toy", "classification", ("no", "yes"), ("accuracy",), examples)
    assert tasks.bag_of_bigrams(task) == {"accuracy": 1.0}
    with pytest.raises(UserError, match="classifies single texts; toy is entailment"):
        tasks.bag_of_bigrams(task_of("accuracy", form="entailment"))
