"""Scheduled sampling, the sums, and which class a pair has."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers.sptree import objective, relations
from papers.sptree.model import Outputs
from papers.sptree.relations import Pairs


def test_the_schedule_is_the_inverse_sigmoid():
    assert float(objective.shown_rate(jnp.array(0), 10.0)) == pytest.approx(10 / 11)
    expected = 10 / (10 + np.exp(3.2))
    assert float(objective.shown_rate(jnp.array(32), 10.0)) == pytest.approx(expected)
    assert not objective.shown_rate(jnp.arange(40), 0.0).any()


def test_a_sentence_s_draws_do_not_depend_on_its_batch():
    key = jax.random.key(0)
    batch = {
        "word": jnp.zeros((4, 9), jnp.int32),
        "row": jnp.array([3, 1, 4, 2]),
        "epoch": jnp.zeros(4, jnp.int32),
    }
    whole = objective.shown(key, batch, 10.0)
    one = objective.shown(key, {n: x[2:3] for n, x in batch.items()}, 10.0)
    np.testing.assert_array_equal(whole[2:3], one)
    assert 0 < np.mean(whole) < 1


def test_reverse_swaps_the_directions_of_a_type():
    assert [*relations.reverse(jnp.arange(5))] == [0, 2, 1, 4, 3]


@pytest.mark.parametrize(
    ("forward", "backward", "expected"),
    [
        ([0, 5, 1], [0, 1, 5], 1),  # both say type 0, in this direction
        ([5, 0, 0], [0, 4, 0], 2),  # forward says none: backward's, turned around
        ([0, 5, 0], [5, 0, 0], 1),  # backward says none
        ([0, 5, 0], [0, 6, 0], 2),  # both say a relation: the higher logit
        ([0, 7, 0], [0, 6, 0], 1),
        ([1, 0, 0], [1, 0, 0], 0),
    ],
)
def test_one_class_is_decided_of_two_directions(forward, backward, expected):
    found = relations.decide(jnp.array(forward, float), jnp.array(backward, float))
    assert int(found) == expected


def one_pair(labels):
    pairs = Pairs(
        first=jnp.array([[1]]),
        last=jnp.array([[3]]),
        real=jnp.array([[True]]),
        whole=jnp.array([[True]]),
        starts=jnp.array([[[0], [3]]]),
        lost=jnp.array([0]),
    )
    logits = jnp.zeros((1, 1, 3))
    words = jnp.zeros((1, 5, 9))
    return Outputs(jnp.array([labels]), words, pairs, logits, logits)


GOLD = [1, 3, 0, 8, 0]  # B L of kind 0, U of kind 1
BATCH = {
    "label": jnp.array([GOLD]),
    "length": jnp.array([4]),
    "relation": jnp.zeros((1, 5, 5), jnp.int8).at[0, 1, 3].set(2),
}


@pytest.mark.parametrize(
    ("labels", "cell", "negative"),
    [
        (GOLD, 2, 2),
        ([0, 4, 0, 8, 0], 2, 0),  # the last word is right, the entity is not
        ([1, 3, 0, 4, 0], 2, 0),  # the kind of the other is wrong
        ([1, 3, 4, 8, 0], 2, 2),  # a wrong entity that is not of the pair
    ],
)
def test_the_class_of_a_pair_with_a_wrong_entity(labels, cell, negative):
    outputs = one_pair(labels)
    assert int(objective.gold_classes(outputs, BATCH, "cell")[0, 0]) == cell
    assert int(objective.gold_classes(outputs, BATCH, "negative")[0, 0]) == negative


def test_losses_are_sums_over_words_and_both_directions():
    found = objective.losses(one_pair(GOLD), BATCH, "cell")
    assert float(found["entities"][0]) == pytest.approx(4 * np.log(9))
    assert float(found["relations"][0]) == pytest.approx(2 * np.log(3))
