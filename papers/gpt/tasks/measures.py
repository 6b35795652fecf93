"""What a task is reported by, from the predictions of a whole split."""

import warnings
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Num

from common.contract import UserError
from papers.gpt.tasks.soft_targets import expected
from papers.gpt.tasks.task import Task


def predictions(
    task: Task, logits: Float[np.ndarray, "rows outputs"]
) -> Num[np.ndarray, "rows"]:
    """The class or answer with the largest logit; in a scored task the mean score under
    the softmax. The logits of a choice are one for each answer."""
    logits = np.asarray(logits, np.float64)
    if not task.scored:
        return np.argmax(logits, axis=-1)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return expected(powers / powers.sum(axis=-1, keepdims=True))


def measure(
    task: Task, predicted: Num[np.ndarray, "rows"], labels: Num[np.ndarray, "rows"]
) -> dict[str, float]:
    """{metric: value} of the task's metrics, by scikit-learn and scipy.

    F1 is of class 1, or the mean over the classes where there are more than two. MCC
    and the correlations are 0 where all predictions, or all labels, are the same.

    Raises:
      UserError: there are no rows, or their numbers differ.
    """
    predicted = np.asarray(predicted)
    labels = np.asarray(labels)
    if len(predicted) != len(labels) or not len(labels):
        raise UserError(
            f"{task.name}: {len(predicted)} predictions for {len(labels)} labels"
        )
    return {name: _METRICS[name](task, labels, predicted) for name in task.metrics}


def agreement(task: Task, predicted: Num[np.ndarray, "rows"]) -> str:
    """A warning where all predictions are the same, "" otherwise."""
    predicted = np.asarray(predicted)
    if len(predicted) < 2 or np.ptp(predicted) > 1e-6:
        return ""
    value = predicted[0]
    name = task.classes[value] if task.classes and not task.scored else f"{value:.4g}"
    return (
        f"{task.name}: all {len(predicted):,} predictions are {name!r}: the network "
        "has not learned the task; try a lower learning rate or more epochs"
    )


def _accuracy(task: Task, labels: np.ndarray, predicted: np.ndarray) -> float:
    from sklearn.metrics import accuracy_score  # scikit-learn takes a second to import

    return float(accuracy_score(labels, predicted))


def _f1(task: Task, labels: np.ndarray, predicted: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    average = "binary" if len(task.classes) == 2 else "macro"
    return float(f1_score(labels, predicted, average=average, zero_division=0.0))


def _mcc(task: Task, labels: np.ndarray, predicted: np.ndarray) -> float:
    from sklearn.metrics import matthews_corrcoef

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a single class, which `agreement` names
        return float(matthews_corrcoef(labels, predicted))


def _pearson(task: Task, labels: np.ndarray, predicted: np.ndarray) -> float:
    from scipy import stats

    return _correlation(stats.pearsonr, labels, predicted)


def _spearman(task: Task, labels: np.ndarray, predicted: np.ndarray) -> float:
    from scipy import stats

    return _correlation(stats.spearmanr, labels, predicted)


def _correlation(
    coefficient: Callable, labels: np.ndarray, predicted: np.ndarray
) -> float:
    if len(labels) < 2 or np.ptp(labels) == 0 or np.ptp(predicted) == 0:
        return 0.0
    return float(coefficient(labels, predicted).statistic)


_METRICS = {
    "accuracy": _accuracy,
    "f1": _f1,
    "mcc": _mcc,
    "pearson": _pearson,
    "spearman": _spearman,
}
