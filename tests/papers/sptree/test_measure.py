"""If these fail, the tables give another score than the one they name."""

import itertools

import numpy as np
import pytest

from common.text.parses import Parsed
from papers.sptree import measure
from papers.sptree.scoring import score
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Dropped,
    Entity,
    Relation,
)

PARSED = Parsed(tuple("abcdefgh"), ("",) * 8, (-1,) + (0,) * 7, ("",) * 8)


def said(entities: str, *relations: tuple[str, int, int]) -> AnnotatedSentence:
    """Entities of one word each, by their kind; "." is a word without."""
    found = tuple(Entity(i, i + 1, k) for i, k in enumerate(entities) if k != ".")
    return AnnotatedSentence(
        PARSED, found, tuple(Relation(*relation) for relation in relations), ""
    )


def test_a_right_relation_on_a_wrong_entity_is_one_wrong_and_one_missed():
    found = score([said("PL", ("in", 0, 1))], [said("PP", ("in", 0, 1))])
    assert found.relations.hits.total() == 0
    assert found.relations.predicted.total() == found.relations.gold.total() == 1
    assert found.entities.hits.total() == 1


def test_the_direction_counts():
    found = score([said("PL", ("in", 0, 1))], [said("PL", ("in", 1, 0))])
    assert found.relations.f1 == 0.0
    assert found.entities.f1 == 1.0


def test_what_the_reader_left_out_counts_as_missed():
    dropped = Dropped()
    dropped.entity("overlap", "P", 2)
    dropped.relation("other sentence", "in")
    plain = score([said("PL", ("in", 0, 1))], [said("PL", ("in", 0, 1))])
    found = measure.with_dropped(plain, dropped)
    assert (found.entities.precision, found.entities.recall) == (1.0, 0.5)
    assert (found.relations.precision, found.relations.recall) == (1.0, 0.5)
    assert plain.entities.recall == 1.0


def official(gold: list[str], predicted: list[str]) -> float:
    """The scorer's definition by hand: a confusion matrix of all directed labels, of
    whose rows and columns both directions are added."""
    labels = sorted({*gold, *predicted})
    matrix = np.zeros((len(labels), len(labels)))
    for g, p in zip(gold, predicted, strict=True):
        matrix[labels.index(g), labels.index(p)] += 1
    kinds = sorted({g.split("(")[0] for g in gold} - {"Other"})
    scores = []
    for kind in kinds:
        own = [i for i, label in enumerate(labels) if label.split("(")[0] == kind]
        hits = sum(matrix[i, i] for i in own)
        precision = hits / max(matrix[:, own].sum(), 1)
        recall = hits / matrix[own].sum()
        total = precision + recall
        scores.append(2 * precision * recall / total if total else 0.0)
    return sum(scores) / len(scores)


def test_semeval_s_score_is_the_official_one():
    rng = np.random.default_rng(0)
    labels = ["Other", *(f"{k}({d})" for k in "ABC" for d in ("e1,e2", "e2,e1"))]
    gold = [str(x) for x in rng.choice(labels, 300)]
    noise = rng.choice(labels, 300)
    mixed = [
        str(n) if rng.random() < 0.4 else g for g, n in zip(gold, noise, strict=True)
    ]
    assert measure.semeval_macro_f1(gold, mixed) == pytest.approx(official(gold, mixed))
    assert measure.semeval_macro_f1(gold, gold) == 1.0


def test_a_wrong_direction_hurts_precision_and_recall():
    gold = ["A(e1,e2)", "A(e1,e2)", "Other"]
    assert measure.semeval_macro_f1(gold, ["A(e1,e2)", "A(e2,e1)", "Other"]) == 0.5
    assert measure.semeval_macro_f1(gold, ["A(e1,e2)", "Other", "Other"]) == 2 / 3


def test_semeval_s_labels_have_their_direction():
    sentences = [said("NN", ("A", 0, 1)), said("NN", ("A", 1, 0)), said("NN")]
    assert measure.semeval_labels(sentences) == ["A(e1,e2)", "A(e2,e1)", "Other"]


def test_p_values_are_those_of_all_exchanges():
    rng = np.random.default_rng(1)
    first = rng.integers(0, 3, (8, 3)) + np.array([0, 2, 2])
    second = rng.integers(0, 3, (8, 3)) + np.array([1, 2, 2])
    observed = abs(measure.micro_f1(first.sum(0)) - measure.micro_f1(second.sum(0)))
    as_far = 0
    for choice in itertools.product((False, True), repeat=8):
        swap = np.array(choice)[:, None]
        a, b = np.where(swap, second, first), np.where(swap, first, second)
        apart = abs(measure.micro_f1(a.sum(0)) - measure.micro_f1(b.sum(0)))
        as_far += apart >= observed - 1e-12
    p = measure.approximate_randomisation(first, second, measure.micro_f1, 20_000)
    assert p == pytest.approx(as_far / 256, abs=0.02)


def test_equal_systems_differ_by_chance_and_distinct_ones_do_not():
    gold = [said("PL", ("in", 0, 1))] * 60
    wrong = [said("PL")] * 60
    assert measure.differ(gold, gold, gold, "relations", 999) == 1.0
    assert measure.differ(gold, gold, wrong, "relations", 999) == 0.001


def test_relations_are_told_apart_by_the_words_between():
    gold = [said("P..L.L", ("in", 0, 1), ("in", 0, 2))]
    found = measure.by_distance(gold, [said("P..L.L", ("in", 0, 1))], (2, 3))
    assert [name for name, _ in found] == ["0 to 2", "3 to 3", "4 or more"]
    assert [counts.hits.total() for _, counts in found] == [1, 0, 0]
    assert [counts.gold.total() for _, counts in found] == [1, 0, 1]
