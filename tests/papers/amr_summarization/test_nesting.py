"""The open node is the one that reading the brackets gives."""

import random

import jax
import jax.numpy as jnp
import numpy as np

from papers.amr_summarization import nesting
from papers.amr_summarization.vocabulary import CLOSE, OPEN, START

ROLE = 10
LABELS = range(20, 40)
LONGEST = 400
LABELS_OF = jax.jit(nesting.labels)


def written(drawn: random.Random, depth: int = 0) -> tuple[list[int], list[int]]:
    """Pieces of a random tree, and the label of the open node after each."""
    own = drawn.choice(LABELS)
    pieces, labels = [own], [own]
    for _ in range(drawn.randrange(0, 4 - depth)):
        inner, inside = written(drawn, depth + 1)
        if len(inner) == 1:
            pieces += [ROLE, *inner]
            labels += [own, own]
        else:
            pieces += [ROLE, OPEN, *inner, CLOSE]
            labels += [own, own, *inside, own]
    return pieces, labels


def test_the_open_node_is_the_one_that_brackets_give():
    drawn = random.Random(0)
    for _ in range(20):
        pieces, expected = written(drawn)
        # A second sample in the row begins anew.
        row = [START, *pieces, START, *pieces]
        padding = [START] * (LONGEST - len(row))
        label, depth = LABELS_OF(jnp.asarray([row + padding]))
        assert label[0].tolist() == 2 * [START, *expected] + padding
        assert depth[0, 0] == 0
        assert (np.asarray(depth[0, 1 : len(pieces) + 1]) > 0).all()


def test_any_pieces_keep_a_depth_that_exists():
    drawn = random.Random(1)
    for _ in range(20):
        row = [drawn.choice([OPEN, CLOSE, ROLE, 20]) for _ in range(60)]
        _, depth = LABELS_OF(jnp.asarray([row]))
        assert (np.asarray(depth) >= 0).all()


def test_nodes_deeper_than_the_stack_are_left_again():
    deep = [START, 20]
    for i in range(nesting.DEPTH + 4):
        deep += [ROLE, OPEN, 21 + i]
    closed = [CLOSE] * (nesting.DEPTH + 4)
    label, _ = nesting.labels(jnp.asarray([deep + closed]))
    assert label[0, -1] == 20
