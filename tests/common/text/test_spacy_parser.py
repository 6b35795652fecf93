"""If these fail, spaCy's trees have other heads than those of treebanks."""

import importlib.util

import pytest

from common.contract import UserError
from common.text import parses, spacy_parser


def test_prepositions_hang_on_their_nouns():
    # Ann lives in a house of Rome: spaCy's heads, house on in, Rome on of.
    heads = [1, -1, 1, 4, 2, 4, 5]
    arcs = ["nsubj", "root", "prep", "det", "pobj", "prep", "pobj"]
    tags = ["NNP", "VBZ", "IN", "DT", "NN", "IN", "NNP"]
    spacy_parser._turn_prepositions(tags, heads, arcs)
    assert heads == [1, -1, 4, 4, 1, 6, 4]
    assert arcs == ["nsubj", "root", "case", "det", "obl", "case", "nmod"]


def test_the_copula_hangs_on_what_it_says():
    # Bob is a good teacher .
    heads = [1, -1, 4, 4, 1, 1]
    arcs = ["nsubj", "root", "det", "amod", "xcomp", "punct"]
    spacy_parser._turn_copulas(["Bob", "be", "a", "good", "teacher", "."], heads, arcs)
    assert heads == [4, 4, 4, 4, -1, 4]
    assert arcs == ["nsubj", "cop", "det", "amod", "root", "punct"]


def test_lists_hang_on_their_first():
    # A , B and C sing
    heads = [5, 0, 0, 2, 2, -1]
    arcs = ["nsubj", "punct", "conj", "cc", "conj", "root"]
    spacy_parser._turn_lists(heads, arcs)
    assert heads == [5, 0, 0, 4, 0, -1]


@pytest.mark.skipif(importlib.util.find_spec("spacy") is not None, reason="it is here")
def test_without_spacy_it_says_what_to_install():
    with pytest.raises(UserError, match="pip install spacy"):
        parses.parser("spacy")(["Hello"])
    assert parses.chosen("best") == "chunks"


@pytest.mark.skipif(spacy_parser.model() is None, reason="spaCy has no model here")
def test_spacy_makes_a_tree_of_any_words():
    for text in ("Ann , who lives in Rome , is a teacher .", "and", "of in to", "' '"):
        parses.check(parses.parser("spacy")(text.split()))
