"""If these fail, a parser's trees are not the best that its scores allow, or none."""

import itertools

import networkx
import numpy as np
import pytest

from common import arborescence
from common.arborescence import best_tree


def drawn(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, count))


def total(scores: np.ndarray, heads) -> float:
    return sum(scores[word, heads[word]] for word in range(1, len(scores)))


def is_tree(heads) -> bool:
    for word in range(1, len(heads)):
        at = word
        for _ in heads:
            at = heads[at]
        if at != 0:
            return False
    return True


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_of_all_trees_with_one_root_it_is_the_best(count):
    for seed in range(20):
        scores = drawn(seed, count)
        trees = [
            (0, *heads)
            for heads in itertools.product(range(count), repeat=count - 1)
            if heads.count(0) == 1 and is_tree((0, *heads))
        ]
        best = max(trees, key=lambda heads: total(scores, heads))
        assert tuple(best_tree(scores)) == best


@pytest.mark.parametrize("count", [6, 12, 25])
def test_without_the_rule_of_one_root_it_is_networkx_s(count):
    for seed in range(5):
        scores = drawn(seed, count)
        graph = networkx.DiGraph()
        for word, head in itertools.product(range(1, count), range(count)):
            if word != head:
                graph.add_edge(head, word, weight=scores[word, head])
        theirs = networkx.maximum_spanning_arborescence(graph)
        expected = [0] * count
        for head, word in theirs.edges:
            expected[word] = head
        assert arborescence._tree(scores.copy()).tolist() == expected


def test_scores_that_all_lead_to_the_root_still_make_one_root():
    scores = np.zeros((7, 7))
    scores[:, 0] = 1e6
    heads = best_tree(scores)
    assert is_tree(heads)
    assert (heads[1:] == 0).sum() == 1


def test_a_long_sentence_of_equal_scores_is_a_tree():
    heads = best_tree(np.zeros((300, 300)))
    assert is_tree(heads)
    assert (heads[1:] == 0).sum() == 1


def test_a_sentence_of_one_word_and_of_none():
    assert best_tree(np.zeros((2, 2))).tolist() == [0, 0]
    assert best_tree(np.zeros((1, 1))).tolist() == [0]


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="finite"):
        best_tree(np.full((3, 3), np.nan))
