"""The network: counts, causality, the head and its inputs, the one table, the cache.

A failure means that fine-tuning reads the wrong state, or trains another network than
the paper's.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.losses import cross_entropy
from common.transformer import empty_caches
from launch.runs import Runs, parameter_count
from papers import gpt
from papers.gpt.config import Model
from papers.gpt.model import GPT

SMALL = Model(vocab_size=20, context=12, n_layers=2, d_model=16, n_heads=2)
LSTM = dataclasses.replace(SMALL, network="lstm", lstm_units=24)
DROPPED = dataclasses.replace(SMALL, dropout=0.3, head_dropout=0.5)


@pytest.fixture(scope="module")
def variables():
    """Of a network with a head of three outputs, moved away from its start."""

    def init(key):
        rows = jnp.zeros((1, 1, 4), jnp.int32)
        return GPT(SMALL, 3).init(key, rows, rows[..., 0], "similarity", method="task")

    return jax.tree.map(
        lambda x: x + 0.1 * jnp.sin(jnp.arange(x.size)).reshape(x.shape),
        jax.jit(init)(jax.random.key(0)),
    )


def drawn(shape, key=1):
    return jax.random.randint(jax.random.key(key), shape, 0, 20)


def applied(network, variables, *arrays, **how):
    """Compiled: one by one, the operations of a network take seconds."""
    return jax.jit(lambda v, *x: network.apply(v, *x, **how))(variables, *arrays)


def task(variables, tokens, extract, form, config=SMALL, outputs=3, **how):
    network, how = GPT(config, outputs), {"form": form, "method": "task", **how}
    return applied(network, variables, tokens, extract, **how)


def one_output(variables):
    """The same parameters with the first output of the head."""
    head = jax.tree.map(lambda x: x[..., :1], variables["params"]["head"])
    return {"params": {**variables["params"], "head": head}}


def test_the_papers_count_is_that_of_the_released_shapes():
    """40,478 d + 512 d + 12 (12 d^2 + 13 d)."""
    d = 768
    counted = 40_478 * d + 512 * d + 12 * (12 * d * d + 13 * d)
    assert counted == gpt.PARAM_COUNTS["bookcorpus"] == 116_534_784


@pytest.mark.parametrize(
    ("variant", "outputs"), [("cola", 2), ("race", 1), ("stsb", 6)]
)
def test_fine_tuning_adds_three_rows_and_a_head(variant, outputs):
    config = gpt.get_config(variant)
    config.weights = "unread"
    runs = Runs(gpt, config)
    init = runs.initialiser(variant, weights=False)
    state = jax.eval_shape(init, jax.random.key(0), {})
    assert parameter_count(state) == 116_534_784 + 3 * 768 + 769 * outputs


@pytest.mark.parametrize("config", [SMALL, LSTM], ids=["transformer", "lstm"])
def test_a_later_token_changes_no_earlier_logits(config):
    network = GPT(config)
    tokens = drawn((2, 10))
    variables = jax.jit(network.init)(jax.random.key(0), tokens)

    def logits(tokens):
        hidden = applied(network, variables, tokens)
        return applied(network, variables, hidden, method="logits")

    before, after = logits(tokens), logits((tokens.at[:, 6].add(1)) % 20)
    np.testing.assert_array_equal(before[:, :6], after[:, :6])
    assert not np.allclose(before[:, 6:], after[:, 6:])


def test_what_stands_behind_extract_changes_nothing(variables):
    tokens = drawn((2, 1, 9)).at[:, :, 4].set(22)
    extract = jnp.full((2, 1), 4)
    others = tokens.at[:, :, 5:].set(drawn((2, 1, 4), key=2))
    before, nll = task(variables, tokens, extract, "classification")
    after, other_nll = task(variables, others, extract, "classification")
    np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(nll[..., :4], other_nll[..., :4])
    moved, _ = task(variables, tokens, extract - 1, "classification")
    assert not np.allclose(before, moved)


def test_the_head_is_a_linear_layer_on_the_state_at_extract(variables):
    tokens, extract = drawn((2, 1, 6)), jnp.array([[3], [5]])
    logits, _ = task(variables, tokens, extract, "classification")
    hidden = applied(GPT(SMALL, 3), variables, tokens[:, 0])
    head = variables["params"]["head"]
    states = np.stack([hidden[0, 3], hidden[1, 5]])
    np.testing.assert_allclose(
        logits, states @ head["kernel"] + head["bias"], rtol=2e-5, atol=2e-5
    )


def test_the_order_of_a_pair_does_not_change_its_logits(variables):
    tokens, extract = drawn((3, 2, 8)), jnp.array([[7, 6], [5, 5], [7, 7]])
    logits, _ = task(variables, tokens, extract, "similarity")
    swapped, _ = task(variables, tokens[:, ::-1], extract[:, ::-1], "similarity")
    np.testing.assert_allclose(logits, swapped, atol=1e-5)
    alone, _ = task(variables, tokens[:, :1], extract[:, :1], "similarity")
    assert not np.allclose(logits, alone, atol=1e-3)


@pytest.mark.parametrize("answers", [2, 3, 5])
def test_any_number_of_answers_has_the_same_parameters(variables, answers):
    own = one_output(variables)
    tokens, extract = drawn((2, answers, 7)), jnp.full((2, answers), 6)
    logits, nll = task(own, tokens, extract, "choice", outputs=1)
    assert logits.shape == (2, answers)
    assert nll.shape == (2, answers, 6)
    swapped, _ = task(own, tokens[:, ::-1], extract, "choice", outputs=1)
    np.testing.assert_allclose(logits, swapped[:, ::-1], atol=1e-5)


def test_dropout_before_the_head_drops_the_same_features_of_all_answers(variables):
    """As in the released code: equal answers get equal logits."""
    config = dataclasses.replace(SMALL, head_dropout=0.5)
    own = one_output(variables)
    tokens = jnp.repeat(drawn((2, 1, 6)), 3, axis=1)
    rngs = {"dropout": jax.random.key(3)}
    how = {"config": config, "outputs": 1, "train": True, "rngs": rngs}
    logits, _ = task(own, tokens, jnp.full((2, 3), 5), "choice", **how)
    np.testing.assert_allclose(logits, logits[:, :1].repeat(3, axis=1), atol=1e-6)
    quiet, _ = task(own, tokens, jnp.full((2, 3), 5), "choice", outputs=1)
    assert not np.allclose(logits, quiet)


def test_dropout_drops_entries_of_the_one_table_that_is_read_and_predicted_with(
    variables,
):
    network = GPT(DROPPED, 3)
    tokens = drawn((2, 7))
    rngs = {"dropout": jax.random.key(5)}

    def by_hand(module):
        table = module.table(6, train=True)
        hidden = module.read(tokens[:, :-1], table, train=True)
        logits = module.logits(hidden, table)
        return table, cross_entropy(logits, tokens[:, 1:])

    table, expected = network.apply(variables, rngs=rngs, method=by_hand)
    pair = tokens[:, :-1], tokens[:, 1:]
    how = {"train": True, "rngs": rngs, "method": "nll"}
    nll = applied(network, variables, *pair, **how)
    np.testing.assert_allclose(nll, expected, rtol=1e-6)
    whole = network.apply(variables, 6, method="table")
    assert whole.shape == (20 + 3 + 6, 16)
    kept = np.asarray(table) != 0
    assert 0.6 < kept.mean() < 0.8
    np.testing.assert_allclose(table[kept], whole[kept] / 0.7, rtol=1e-5)


def test_the_released_softmax_has_the_positions_too(variables):
    """And its loss is the larger one."""
    config = dataclasses.replace(SMALL, softmax_over="table")
    tokens, extract = drawn((2, 1, 8)), jnp.full((2, 1), 7)
    _, nll = task(variables, tokens, extract, "classification")
    _, over_table = task(variables, tokens, extract, "classification", config=config)
    assert np.all(over_table > nll)
    hidden = applied(GPT(SMALL, 3), variables, tokens[:, 0])[:, :-1]
    table = GPT(SMALL, 3).apply(variables, 8, method="table")
    products = np.einsum("btd,vd->btv", hidden, table)
    expected = cross_entropy(jnp.asarray(products), tokens[:, 0, 1:])
    np.testing.assert_allclose(over_table[:, 0], expected, rtol=1e-4)
    np.testing.assert_array_equal(table[20:23], variables["params"]["specials"])
    positions = variables["params"]["positions"]["embedding"]
    np.testing.assert_array_equal(table[23:], positions[:8])


def test_the_cache_gives_the_logits_of_every_step(variables):
    """Rows of unequal lengths, then token by token; a fine-tuned network too."""
    network = GPT(SMALL, 3)
    tokens = drawn((2, 10))
    whole = applied(network, variables, tokens)
    lengths = np.array([3, 6])
    prompt = jnp.where(np.arange(6) < lengths[:, None], tokens[:, :6], 0)
    caches, start = empty_caches(SMALL, batch=2, slots=12), jnp.zeros(2, jnp.int32)
    hidden, caches = applied(network, variables, prompt, caches, start, method="cached")
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(hidden[row, :length], whole[row, :length], atol=2e-5)
    at = jnp.asarray(lengths)
    for _ in range(3):
        token = jnp.take_along_axis(tokens, at[:, None], 1)
        hidden, caches = applied(network, variables, token, caches, at, method="cached")
        expected = jnp.take_along_axis(whole, at[:, None, None], 1)
        np.testing.assert_allclose(hidden, expected, atol=2e-5)
        at = at + 1


def test_weights_start_as_the_paper_says():
    config = dataclasses.replace(SMALL, d_model=128, vocab_size=300, context=64)

    def init(key):
        rows = jnp.zeros((1, 1, 4), jnp.int32)
        return GPT(config, 9).init(key, rows, rows[..., 0], "choice", method="task")

    params = jax.jit(init)(jax.random.key(0))["params"]
    block = params["blocks_1"]
    for x in (
        params["tokens"]["embedding"],
        params["positions"]["embedding"],
        params["specials"],
        params["head"]["kernel"],
        block["attention"]["output"]["kernel"],
        block["mlp"]["down"]["kernel"],
    ):
        assert np.std(x) == pytest.approx(0.02, rel=0.1)
    assert not np.any(block["mlp"]["up"]["bias"])
    assert not np.any(params["head"]["bias"])
    assert np.all(block["mlp_norm"]["scale"] == 1)
