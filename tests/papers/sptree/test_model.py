"""The network: exact counts, and what each part must do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.text import spelling
from papers.sptree.config import Config, Model
from papers.sptree.model import Extractor, Reader
from papers.sptree.vocabulary import Sizes

ACE05 = Sizes(words=50, tags=10, arcs=20, kinds=7, relations=6)


def shapes(sizes=ACE05, **model):
    """Parameters of a network of the paper's sizes."""
    config = Config()
    vars(config.model).update(model)
    rows, words = 2, 9
    ids = jnp.zeros((rows, words), jnp.int32)
    batch = dict.fromkeys(("word", "tag", "arc", "label", "parent"), ids)
    batch["length"] = jnp.full(rows, words)
    batch["piece"] = jnp.zeros((rows, words, spelling.PIECES), jnp.int32)
    net = Extractor(config, sizes)
    return jax.eval_shape(net.init, jax.random.key(0), batch)["params"]


def count(tree):
    return sum(x.size for x in jax.tree.leaves(tree))


def test_counts_are_those_of_the_paper_s_sizes():
    params = shapes()
    assert count(params["reader"]["sequence"]) == 260_800
    assert count(params["relation"]["tree"]) == 280_800
    assert count(params["entity"]) == 25_529
    relation = params["relation"]
    assert count([relation["hidden"], relation["out"]]) == 71_413


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"structure": "subtree"}, 400_800),
        ({"structure": "fulltree"}, 400_800),
        ({"structure": "subtree", "distinction": False}, 280_800),
        ({"structure": "fulltree", "distinction": False}, 280_800),
        ({"cell": "child_sum"}, 280_800),
        ({"structure": "spseq"}, 300_800),
        ({"structure": "spxu"}, 280_800),
        ({"label_embedding": False}, 260_800),
    ],
)
def test_counts_of_the_structures(model, expected):
    assert count(shapes(**model)["relation"]["tree"]) == expected


def test_parameters_that_are_not_shared_are_a_second_reader():
    params = shapes(shared=False)
    assert count(params["relation_reader"]) == count(params["reader"])


def test_pieces_widen_the_words_and_nothing_else():
    """Four gates in two directions read 16 numbers more."""
    before, after = shapes(), shapes(d_piece=16)
    assert after["reader"].pop("pieces")["embedding"].shape == (spelling.ROWS, 16)
    assert count(after) - count(before) == 2 * 4 * 100 * 16


def reader_of(batch, **model):
    """`apply(batch, train)` of a reader with random parameters, which does not drop
    features."""
    net = Reader(Model(sequence=6, dropout_embedding=0.0, **model), ACE05)
    mask = jnp.ones(batch["word"].shape, bool)
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(lambda: net.init(jax.random.key(0), batch, mask, False))
    params = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(x.dtype), shapes)
    rngs = {"dropout": jax.random.key(1)}
    return lambda batch, train: net.apply(params, batch, mask, train, rngs=rngs)


def test_unknown_words_of_different_spellings_differ_by_their_pieces():
    """Three sentences of one word, which the table does not know."""
    ids = jnp.zeros((3, 1), jnp.int32)
    names = ("Kowalski", "Quincy", "Quincy")
    piece = jnp.array([[spelling.pieces(name)] for name in names])
    batch = {"word": ids, "tag": ids, "piece": piece}
    found = reader_of(batch, d_piece=8)(batch, False)
    assert (found[0] != found[1]).all()
    np.testing.assert_array_equal(found[1], found[2])
    alone = reader_of(batch)(batch, False)
    np.testing.assert_array_equal(alone[0], alone[1])


def test_words_are_dropped_in_training_alone():
    """Where all are, every word is read as an unknown one."""
    ids = jnp.arange(1, 5)[None]
    batch = {"word": ids, "tag": jnp.zeros_like(ids)}
    unknown = batch | {"word": jnp.zeros_like(ids)}
    read = reader_of(batch, dropout_word=1.0)
    np.testing.assert_array_equal(read(batch, True), read(unknown, False))
    assert (read(batch, False) != read(unknown, False)).any()
