"""Numbers: AUC, F1, and how well each group's candidates are ranked; spreads and tests.

A group is an impression of MIND, a user of the authors' sample, a clicked film and its
negatives. Groups that lack one of both labels do not count.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from jaxtyping import Bool, Float, Int

Labels = Float[np.ndarray, "items"]  # 1: clicked; 0: not
Scores = Float[np.ndarray, "items"]


def auc(label: Labels, score: Scores) -> float:
    """The probability that a clicked item scores higher than another, equal scores
    counting half; 1/2 where one of the labels is missing."""
    positive = int(np.sum(label > 0))
    negative = len(label) - positive
    if not positive or not negative:
        return 0.5
    ranks = mid_ranks(score)
    total = float(np.sum(ranks[label > 0])) - positive * (positive + 1) / 2
    return total / (positive * negative)


def mid_ranks(score: Scores) -> Float[np.ndarray, "items"]:
    """Ranks from 1, the lowest score first; equal scores share their mean rank."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[place]


def auc_error(value: float, positive: int, negative: int) -> float:
    """The standard error of an AUC (Hanley and McNeil 1982)."""
    if not positive or not negative:
        return float("nan")
    q1 = value / (2 - value)
    q2 = 2 * value**2 / (1 + value)
    square = value * (1 - value)
    square += (positive - 1) * (q1 - value**2) + (negative - 1) * (q2 - value**2)
    return float(np.sqrt(max(square, 0) / (positive * negative)))


def f1(label: Labels, predicted: Bool[np.ndarray, "items"]) -> float:
    """The harmonic mean of precision and recall; 0 where nothing is right."""
    hits = np.sum((label > 0) & predicted)
    return float(2 * hits / max(np.sum(label > 0) + np.sum(predicted), 1))


def best_threshold(label: Labels, score: Scores) -> float:
    """The score from which on items count as clicked, so that F1 is largest."""
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(label[order] > 0)
    values = 2 * hits / (np.arange(1, len(label) + 1) + max(np.sum(label > 0), 1))
    # A threshold takes all equal scores, or none.
    last = np.append(np.diff(score[order]) != 0, True)
    return float(score[order][np.argmax(np.where(last, values, -1))])


def reciprocal_rank(label: Labels, score: Scores) -> float:
    """MIND's MRR of a group: the mean over its clicked items of 1 / rank."""
    worth = _by_rank(score, lambda rank: 1 / rank)
    return float(np.sum(worth[label > 0]) / np.sum(label > 0))


def ndcg(label: Labels, score: Scores, k: int) -> float:
    """Normalised discounted cumulative gain of the first k."""

    def discount(rank):
        return (rank <= k) / np.log2(1 + rank)

    clicked = int(np.sum(label > 0))
    ideal = np.sum(discount(1 + np.arange(clicked)))
    return float(np.sum(_by_rank(score, discount)[label > 0]) / ideal)


def _by_rank(score: Scores, worth: Callable) -> Float[np.ndarray, "items"]:
    """worth(rank) of each item, rank 1 being the highest score; equal scores share the
    mean over their ranks, so that a constant score earns no more than a random one."""
    _, place, count = np.unique(-score, return_inverse=True, return_counts=True)
    sums = np.add.reduceat(
        worth(np.arange(1.0, len(score) + 1)), np.cumsum(count) - count
    )
    return (sums / count)[place]


GROUPED: dict[str, Callable[[Labels, Scores], float]] = {
    "group AUC": auc,
    "MRR": reciprocal_rank,
    "nDCG@5": lambda label, score: ndcg(label, score, 5),
    "nDCG@10": lambda label, score: ndcg(label, score, 10),
}


@dataclasses.dataclass(frozen=True)
class Outputs:
    """One model's scores of a split."""

    label: Labels
    score: Scores
    group: Int[np.ndarray, "items"]
    time: Float[np.ndarray, "items"]

    def groups(self) -> Iterator[tuple[Labels, Scores]]:
        """The items of each group that has both labels."""
        order = np.argsort(self.group, kind="stable")
        starts = np.flatnonzero(np.diff(self.group[order])) + 1
        for place in np.split(order, starts):
            label = self.label[place]
            if 0 < np.sum(label > 0) < len(label):
                yield label, self.score[place]

    def metrics(self, threshold: float) -> dict[str, float]:
        """All of a split's numbers; "F1, best" at a threshold that validation chose."""
        groups = [*self.groups()]
        grouped = {
            name: float(np.mean([f(*group) for group in groups])) if groups else 0.5
            for name, f in GROUPED.items()
        }
        return {
            "AUC": auc(self.label, self.score),
            "F1": f1(self.label, self.score > 0),
            "F1, best": f1(self.label, self.score >= threshold),
            **grouped,
        }


def paired_p(a: Float[np.ndarray, "seeds"], b: Float[np.ndarray, "seeds"]):
    """The two-sided p of a paired t-test over seeds; None with fewer than two, or where
    all differences are equal."""
    from scipy import stats

    difference = np.asarray(a) - np.asarray(b)
    if len(difference) < 2 or np.ptp(difference) == 0:
        return None
    return float(stats.ttest_rel(a, b).pvalue)


def spread(values: Float[np.ndarray, "seeds"]) -> float | None:
    """The largest deviation from the mean, as the paper has it."""
    values = np.asarray(values)
    return float(np.max(np.abs(values - values.mean()))) if len(values) > 1 else None


def mean_of(metrics: list[Mapping[str, float]], name: str) -> float:
    return float(np.mean([m[name] for m in metrics]))
