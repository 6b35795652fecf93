"""Labels of entities: no sequence of the decoder is illegal, and nothing is lost on the
way from brat's files to labels and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers.sptree import bilou
from papers.sptree.corpus import encode
from papers.sptree.entities import greedy
from papers.sptree.scoring import said
from papers.sptree.sources import brat, layout
from papers.sptree.vocabulary import Vocabulary

KINDS = 3
LABELS = bilou.count(KINDS)


def legal(labels) -> bool:
    may_follow = bilou.successors(KINDS)
    pairs = zip([bilou.OUTSIDE, *labels[:-1]], labels, strict=True)
    return all(may_follow[a, b] for a, b in pairs) and bilou.may_end(KINDS)[labels[-1]]


def test_the_labels_that_may_follow():
    """One kind: O B I L U."""
    outside, begin, inside, last, unit = range(5)
    opens = {outside, begin, unit}
    expected = {
        outside: opens,
        begin: {inside, last},
        inside: {inside, last},
        last: opens,
        unit: opens,
    }
    table = bilou.successors(1)
    assert {a: {*np.flatnonzero(table[a])} for a in expected} == expected
    assert {*np.flatnonzero(bilou.may_end(1))} == {outside, last, unit}
    assert not bilou.successors(2)[bilou.label(0, bilou.BEGIN), bilou.label(1, 3 - 1)]


def test_ten_thousand_random_score_sets_give_no_illegal_sequence():
    rng = np.random.default_rng(0)
    rows, words = 10_000, 7
    scores = jnp.asarray(rng.normal(size=(rows, words, LABELS)), jnp.float32)
    length = rng.integers(1, words + 1, rows)
    mask = np.arange(words) < length[:, None]
    gold = jnp.asarray(rng.integers(LABELS, size=(rows, words)), jnp.int32)
    shown = rng.random((rows, words)) < 0.5  # gold labels that are no sequence at all

    @jax.jit
    def decode(scores, gold, shown, mask):
        return greedy(
            lambda z, keep, before: z, scores, scores, gold, shown, mask, KINDS
        )

    found = np.asarray(decode(scores, gold, shown, mask))
    assert all(legal(row[:n]) for row, n in zip(found, length, strict=True))
    assert not found[~mask].any()
    told = np.mean(found[mask & shown] == np.asarray(gold)[mask & shown])
    assert told > 0.2  # where it may follow, the gold label is taken


def test_the_best_legal_labels_are_taken():
    """Scores that prefer a legal sequence give that sequence."""
    labels = bilou.encode([(0, 1, 2), (2, 5, 0)], 6)
    scores = 5.0 * jax.nn.one_hot(labels, LABELS)[None]
    nothing = jnp.zeros((1, 6), jnp.int32)
    mask = jnp.ones((1, 6), bool)
    found = greedy(
        lambda z, keep, before: z, scores, scores, nothing, ~mask, mask, KINDS
    )
    assert [*found[0]] == [*labels]


def test_spans_are_labels_and_back():
    spans = [(0, 1, 2), (1, 4, 0), (4, 6, 0), (7, 8, 1)]
    assert bilou.decode(bilou.encode(spans, 9)) == spans
    with pytest.raises(ValueError, match="share words"):
        bilou.encode([(0, 2, 0), (1, 3, 0)], 4)


def test_brat_to_labels_to_brat_changes_nothing(tmp_path):
    text = "Ann Lee runs Acme in New York. Bob lives in Rome.\n"
    ann = (
        "T1\tperson 0 7\tAnn Lee\nT2\tfirm 13 17\tAcme\nT3\tplace 21 29\tNew York\n"
        "T4\tperson 31 34\tBob\nT5\tplace 44 48\tRome\n"
        "R1\truns Arg1:T1 Arg2:T2\nR2\tin Arg1:T2 Arg2:T3\nR3\tlives Arg1:T4 Arg2:T5\n"
    )
    for i in range(10):  # of ten documents some are for each split
        (tmp_path / f"a{i}.txt").write_text(text)
        (tmp_path / f"a{i}.ann").write_text(ann)
    found = brat.read(str(tmp_path), layout.Trees(parser="chunks"))
    sentences = [s for split in found.sentences.values() for s in split][:2]
    vocabulary = Vocabulary.of(sentences, 1)
    again = []
    for sentence in sentences:
        numbers = encode(sentence, vocabulary)
        again.append(said(sentence, vocabulary, numbers.label, numbers.relations))
    assert again == sentences
    assert sorted(brat.written(again, text).split("\n")) == sorted(ann.split("\n"))
