"""If these fail, a parser's scores are not the paper's, or padding changes them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common import biaffine
from common.biaffine import Parser, Sizes

SIZES = Sizes(
    words=20, tags=5, pieces=30, arcs=4, d_word=6, d_tag=3, sequence=5, depth=1,
    d_arc=7, d_label=4,
)  # fmt: skip


def batch_of(seed: int, length: int, room: int) -> dict:
    rng = np.random.default_rng(seed)
    batch = {
        "word": rng.integers(0, 20, (1, room)),
        "tag": rng.integers(0, 5, (1, room)),
        "piece": rng.integers(0, 30, (1, room, 5)),
        "head": rng.integers(0, length, (1, room)),
        "arc": rng.integers(0, 4, (1, room)),
    }
    return batch | {"length": np.array([length])}


@pytest.fixture(scope="module")
def params():
    init = partial(Parser(SIZES).init, jax.random.key(0))
    shapes = jax.eval_shape(init, batch_of(0, 4, 4))["params"]
    leaves, tree = jax.tree.flatten(shapes)
    rng = np.random.default_rng(1)  # matrices of products begin as zeros
    leaves = [jnp.asarray(rng.normal(0, 0.5, x.shape), jnp.float32) for x in leaves]
    return jax.tree.unflatten(tree, leaves)


@pytest.fixture(scope="module")
def apply(params):
    return jax.jit(lambda batch: Parser(SIZES).apply({"params": params}, batch))


def test_room_behind_a_sentence_changes_no_score(apply):
    wide = batch_of(2, 4, 7)
    narrow = {n: x[:, :4] if x.ndim > 1 else x for n, x in wide.items()}
    a, b = apply(wide), apply(narrow)
    np.testing.assert_allclose(a.arc[:, :4, :4], b.arc, rtol=1e-5)
    assert (np.asarray(a.arc[:, :4, 4:]) == biaffine.NEVER).all()
    labels = biaffine.decoded(a).label[:, :4, :4]
    np.testing.assert_array_equal(labels, biaffine.decoded(b).label)


def test_no_word_is_its_own_head(apply):
    arc = np.asarray(apply(batch_of(3, 5, 5)).arc[0])
    assert (np.diag(arc) == biaffine.NEVER).all()
    assert (arc[~np.eye(5, dtype=bool)] > biaffine.NEVER).all()


def test_losses_are_the_equation_s():
    """eq. 2 and 3: log p of a head among all; of a label of the gold arc."""
    rng = np.random.default_rng(4)
    arc, dependents, heads = (
        rng.normal(size=shape) for shape in ((1, 3, 3), (1, 3, 4, 5), (1, 3, 5))
    )
    head, label = np.array([[0, 2, 0]]), np.array([[1, 3, 0]])
    found = biaffine.losses(
        biaffine.Scores(*map(jnp.asarray, (arc, dependents, heads))),
        {"head": head, "arc": label},
    )
    for word in range(3):
        own = arc[0, word]
        nats = np.log(np.exp(own).sum()) - own[head[0, word]]
        assert found["arc"][0, word] == pytest.approx(nats, rel=1e-5)
        own = [dependents[0, word, a] @ heads[0, head[0, word]] for a in range(4)]
        nats = np.log(np.exp(own).sum()) - own[label[0, word]]
        assert found["label"][0, word] == pytest.approx(nats, rel=1e-5)


def test_arc_scores_are_products_with_a_bias_of_heads(params, apply):
    """[x_d; 1]^T W x_h: with no dependent's part left, all words score a head alike."""
    alike = jax.tree.map(lambda x: x, params)
    alike["arc"] = alike["arc"].at[:-1].set(0)
    scores = Parser(SIZES).apply({"params": alike}, batch_of(5, 4, 4)).arc[0]
    for head in range(4):
        column = np.delete(np.asarray(scores[:, head]), head)
        np.testing.assert_allclose(column, column[0], rtol=1e-5)


def test_the_root_and_the_room_behind_a_sentence_are_no_words():
    real = biaffine.real_words(batch_of(6, 3, 5))
    assert real.tolist() == [[False, True, True, False, False]]
