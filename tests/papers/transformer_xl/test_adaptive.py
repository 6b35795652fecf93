"""The adaptive vocabulary. A failure means that its probabilities do not sum to one, or
that its two forms of the loss differ."""

import dataclasses
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from papers.transformer_xl import adaptive
from papers.transformer_xl.adaptive import AdaptiveVocabulary
from papers.transformer_xl.config import Model

BINS = Model(vocab_size=50, d_model=16, cutoffs=(10, 20, 40), init_std=0.5,
             projection_init_std=0.5, capacity=(0.5, 0.5, 0.5))  # fmt: skip
LAYOUTS = {
    "one table": {},
    "one table, projected": {"d_embed": 8},
    "shrinking": {"div_value": 2},
    "shrinking, tails tied": {
        "div_value": 2, "tied_projections": (False, True, True, True)
    },
    "shrinking, no square projection": {"div_value": 2, "project_same": False},
}  # fmt: skip


def bound(config):
    """(apply, hidden states, targets, parameters)."""
    vocabulary = AdaptiveVocabulary(config)
    rng = np.random.default_rng(0)
    hidden = jnp.asarray(rng.standard_normal((4, 6, config.d_model)), jnp.float32)
    targets = jnp.asarray(rng.integers(0, config.vocab_size, (4, 6)))
    params = vocabulary.init(jax.random.key(0), hidden, targets, method="nll")
    return partial(vocabulary.apply, params), hidden, targets, params["params"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_probabilities_sum_to_one_and_give_the_loss(layout):
    apply, hidden, targets, _ = bound(dataclasses.replace(BINS, **LAYOUTS[layout]))
    log_probs = apply(hidden, method="log_probs")
    np.testing.assert_allclose(jax.nn.logsumexp(log_probs, -1), 0.0, atol=1e-5)
    nll = apply(hidden, targets, method="nll")
    picked = np.take_along_axis(
        np.asarray(log_probs), np.asarray(targets)[..., None], -1
    )
    np.testing.assert_allclose(nll, -picked[..., 0], atol=1e-4)


def test_without_cutoffs_it_is_a_tied_softmax():
    config = Model(vocab_size=30, d_model=16, init_std=0.5)
    apply, hidden, targets, params = bound(config)
    logits = hidden @ params["table_0"].T + params["bias_0"]
    expected = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
    np.testing.assert_allclose(
        apply(hidden, targets, method="nll"), expected, atol=1e-4
    )
    embedded = apply(targets, method="embed")
    np.testing.assert_allclose(embedded, 4.0 * params["table_0"][targets], rtol=1e-6)


@pytest.mark.parametrize("capacity", [(0.5,) * 3, (0.1,) * 3], ids=["fits", "beyond"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_capacity_and_dense_agree(layout, capacity, monkeypatch):
    monkeypatch.setattr(adaptive, "GROUP_TOKENS", 12)  # two groups of two rows
    config = dataclasses.replace(BINS, **LAYOUTS[layout], capacity=capacity)
    vocabulary = AdaptiveVocabulary(config)
    _, hidden, targets, params = bound(config)

    def loss(params, dense):
        nll = vocabulary.apply(
            {"params": params}, hidden, targets, dense=dense, method="nll"
        )
        return nll.sum(), nll

    gradient = jax.jit(jax.grad(loss, has_aux=True), static_argnums=1)
    dense = gradient(params, True)
    capacity = gradient(params, False)
    chex.assert_trees_all_close(dense, capacity, atol=1e-3, rtol=1e-4)


def test_more_tail_words_than_capacity_lose_nothing():
    config = dataclasses.replace(BINS, capacity=(0.1, 0.1, 0.1))
    apply, hidden, _, _ = bound(config)
    targets = jnp.full((4, 6), 45)  # all in the last bin: twice ten times too many
    dense = apply(hidden, targets, method="nll")
    capacity = apply(hidden, targets, dense=False, method="nll")
    np.testing.assert_allclose(dense, capacity, atol=1e-5)


@pytest.mark.parametrize(
    ("rows", "length", "groups"),
    [(128, 384, 32), (512, 32, 16), (8, 2048, 8), (3, 16, 1), (60, 150, 6)],
)
def test_groups_are_whole_rows_with_tokens_enough(rows, length, groups):
    assert adaptive._groups(rows, length) == groups


def test_every_word_is_embedded_by_its_own_bin():
    config = dataclasses.replace(BINS, div_value=2)
    apply, _, _, params = bound(config)
    words = jnp.array([0, 9, 10, 19, 20, 39, 40, 49])
    embedded = apply(words, method="embed")
    for word, vector in zip(np.asarray(words), embedded, strict=True):
        i = int(np.searchsorted([10, 20, 40], word, side="right"))
        row = params[f"table_{i}"][word - (0, 10, 20, 40)[i]]
        np.testing.assert_allclose(
            vector, 4.0 * row @ params[f"in_projection_{i}"], atol=1e-4
        )


def test_tied_projections_are_one_parameter():
    *_, tied = bound(dataclasses.replace(BINS, **LAYOUTS["shrinking, tails tied"]))
    outputs = [name for name in tied if name.startswith("out_projection")]
    assert outputs == ["out_projection_0"]
    *_, free = bound(dataclasses.replace(BINS, **LAYOUTS["shrinking"]))
    assert sum(name.startswith("out_projection") for name in free) == 4
