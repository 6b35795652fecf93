"""Scores beside those of `scoring`: with what the reader left out, SemEval's official
one, and whether two systems differ by more than chance."""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from papers.sptree.scoring import Counts, Score, score
from papers.sptree.sources.annotated_sentence import AnnotatedSentence, Dropped

Sentences = Sequence[AnnotatedSentence]
OTHER = "Other"


def with_dropped(found: Score, dropped: Dropped) -> Score:
    """The scores where the entities and relations that the reader left out count as
    missed, as the paper scores them."""
    return Score(
        _missed(found.entities, dropped.entities),
        _missed(found.relations, dropped.relations),
    )


def _missed(counts: Counts, dropped: Counter) -> Counts:
    missed: Counter[str] = Counter()
    for (_, kind), count in dropped.items():
        missed[kind] += count
    return dataclasses.replace(counts, gold=counts.gold + missed)


def semeval_labels(sentences: Sentences) -> list[str]:
    """Each sentence's label, such as "Cause-Effect(e2,e1)", or "Other": of its first
    relation, between its first entity (e1) and its second (e2)."""
    found = []
    for sentence in sentences:
        label = OTHER
        for relation in sentence.relations[:1]:
            ends = "(e1,e2)" if relation.head < relation.tail else "(e2,e1)"
            label = relation.kind + ends
        found.append(label)
    return found


def semeval_score(gold: Sentences, predicted: Sentences) -> float:
    """`semeval_macro_f1` of sentences with one relation each, or none."""
    return semeval_macro_f1(semeval_labels(gold), semeval_labels(predicted))


def semeval_macro_f1(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """SemEval-2010 Task 8's official score, in [0, 1]: the mean F1 of the relations in
    `gold`, both directions of each together, without Other.

    A label is right with its direction alone; the wrong direction counts against
    precision and recall of its relation ("(9+1)-way evaluation taking directionality
    into account"). Hendrickx et al. 2010, https://aclanthology.org/S10-1006
    """
    hits: Counter[str] = Counter()
    said: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    for right, label in zip(gold, predicted, strict=True):
        wanted[_relation(right)] += 1
        said[_relation(label)] += 1
        hits[_relation(right)] += right == label
    scores = [
        2 * hits[kind] / (wanted[kind] + said[kind]) for kind in wanted if kind != OTHER
    ]
    return float(np.mean(scores)) if scores else 0.0


def _relation(label: str) -> str:
    return label.partition("(")[0]


def approximate_randomisation(
    first: Sequence[float],
    second: Sequence[float],
    statistic: Callable[[np.ndarray], np.ndarray],
    shuffles: int = 10_000,
    seed: int = 0,
) -> float:
    """How probable it is, were two systems alike, that a statistic differs as much as
    it does: two-sided, in (0, 1].

    first, second: rows (items, numbers), what each system has of an item, such as its
    hits, predictions and gold; statistic: of the sums over the items (..., numbers).
    Each shuffle exchanges the systems' rows of each item with probability 1/2; the
    smallest answer is 1 / (shuffles + 1). Noreen 1989; Yeh 2000,
    https://aclanthology.org/C00-2137
    """
    a = np.asarray(first, np.float64)
    b = np.asarray(second, np.float64)
    if a.shape != b.shape or a.ndim != 2:
        raise ValueError(f"rows of both systems: {a.shape} and {b.shape}")
    observed = abs(float(statistic(a.sum(0)) - statistic(b.sum(0))))
    rng = np.random.default_rng(seed)
    change = b - a
    as_far = 0
    part = max(1, 2**22 // max(len(a), 1))  # rows of choices in memory at once
    for start in range(0, shuffles, part):
        size = min(part, shuffles - start)
        moved = rng.integers(2, size=(size, len(a))).astype(np.float64) @ change
        apart = statistic(a.sum(0) + moved) - statistic(b.sum(0) - moved)
        as_far += int(np.sum(np.abs(apart) >= observed - 1e-12))
    return (as_far + 1) / (shuffles + 1)


def micro_f1(sums: np.ndarray) -> np.ndarray:
    """F1 of (..., 3) sums of hits, predictions and gold items."""
    hits, predicted, gold = np.moveaxis(np.asarray(sums, np.float64), -1, 0)
    return 2 * hits / np.maximum(predicted + gold, 1)


def differ(
    gold: Sentences, first: Sentences, second: Sentences, of: str, shuffles: int
) -> float:
    """The p value of two systems' difference in micro F1, `of` "entities" or
    "relations", over sentences."""
    rows = [
        [_row(g, said, of) for g, said in zip(gold, system, strict=True)]
        for system in (first, second)
    ]
    return approximate_randomisation(*rows, micro_f1, shuffles)


def _row(gold: AnnotatedSentence, said: AnnotatedSentence, of: str) -> list[int]:
    counts = vars(score([gold], [said]))[of]
    return [c.total() for c in (counts.hits, counts.predicted, counts.gold)]


def by_distance(
    gold: Sentences, predicted: Sentences, ends: Sequence[int]
) -> list[tuple[str, Counts]]:
    """Relation counts by the words between both last words of the entities: up to each
    of `ends`, and beyond the last."""
    bounds = [(0, ends[0])]
    bounds += [(a + 1, b) for a, b in itertools.pairwise(ends)]
    bounds.append((ends[-1] + 1, 10**6))
    found = []
    for low, high in bounds:
        name = f"{low} to {high}" if high < 10**6 else f"{low} or more"
        parts = [
            [_only(sentence, low, high) for sentence in sentences]
            for sentences in (gold, predicted)
        ]
        found.append((name, score(*parts).relations))
    return found


def _only(sentence: AnnotatedSentence, low: int, high: int) -> AnnotatedSentence:
    """The sentence with those of its relations that have [low, high] words between."""
    ends = [entity.end for entity in sentence.entities]
    kept = tuple(
        r
        for r in sentence.relations
        if low <= abs(ends[r.head] - ends[r.tail]) - 1 <= high
    )
    return dataclasses.replace(sentence, relations=kept)
