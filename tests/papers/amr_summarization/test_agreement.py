"""Smatch beside the package's own reading of PENMAN, BLEU beside nltk's."""

import itertools
import warnings

import numpy as np
import pytest
import smatch
from nltk.translate.bleu_score import corpus_bleu

from papers.amr_summarization import agreement, generated
from papers.amr_summarization.amr import read, write

PAIRS = generated.pairs(40, seed=3)


def test_smatch_counts_the_triples_that_the_package_counts_in_text(monkeypatch):
    # So many starts that both find the best pairing.
    monkeypatch.setattr(smatch, "iteration_num", 40)
    graphs = [pair.amr for pair in PAIRS]
    for a, b in itertools.pairwise(graphs):
        lines = [" ".join(write(graph).split()) for graph in (a, b)]
        smatch.match_triple_dict.clear()
        assert agreement.smatch([(a, b)]) == smatch.get_amr_match(*lines)


def test_a_graph_agrees_with_itself_whatever_its_constants_are():
    amr = read('(d / date-entity :time "16:30" :year 1994 :mod (x / "a b"))')
    assert agreement.smatch([(amr, amr)]).f1 == 1


def test_unrelated_graphs_agree_below_one_half():
    a = read("(w / want-01 :ARG0 (b / boy) :ARG1 (g / go-02 :ARG0 b))")
    b = read('(c / city :name (n / name :op1 "Rome") :location (i / island))')
    assert agreement.smatch([(a, b)]).f1 < 0.5


def test_triples_of_all_pairs_are_counted_together():
    a = read("(b / boy)")
    b = read("(w / want-01 :ARG0 (g / girl) :ARG1 (d / dog))")
    both = agreement.smatch([(a, a), (b, b), (a, b)])
    assert both.found == 2 + 6 + 2
    assert both.wanted == 2 + 6 + 6
    # The last two share that their first variable is the top.
    assert both.hits == 2 + 6 + 1


@pytest.mark.parametrize("seed", range(4))
def test_bleu_is_nltks(seed):
    drawn = np.random.default_rng(seed)
    letters = list("abcd")
    pairs = []
    for _ in range(6):
        wanted = list(drawn.choice(letters, drawn.integers(5, 12)))
        found = [w if drawn.random() < 0.8 else "a" for w in wanted]
        pairs.append((found[: drawn.integers(4, 12)], wanted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = corpus_bleu([[w] for _, w in pairs], [f for f, _ in pairs])
    assert agreement.bleu(pairs) == pytest.approx(expected, abs=1e-6)


def test_bleu_of_nothing_is_0():
    assert agreement.bleu([([], ["a"])]) == 0
    assert agreement.bleu([]) == 0
