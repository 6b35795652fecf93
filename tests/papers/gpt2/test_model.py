"""The network: counts, causality, initial values, and the cache."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.transformer import empty_caches
from papers.gpt2 import model as gpt2_model
from papers.gpt2.config import Model
from papers.gpt2.variants import PARAM_COUNTS, VARIANTS

SMALL = Model(vocab_size=50, context=16, n_layers=2, d_model=16, n_heads=2)


@pytest.fixture(scope="module")
def network():
    return gpt2_model.GPT2(SMALL)


@pytest.fixture(scope="module")
def variables(network):
    """With biases and gains that are not those of the start."""
    drawn = network.init(jax.random.key(0), jnp.zeros((1, 2), jnp.int32))
    return jax.tree.map(
        lambda x: x + 0.1 * jnp.sin(jnp.arange(x.size)).reshape(x.shape), drawn
    )


@pytest.fixture(scope="module")
def tokens():
    return jax.random.randint(jax.random.key(1), (3, 12), 0, 50)


def all_logits(network, variables, tokens):
    hidden = network.apply(variables, tokens)
    return network.apply(variables, hidden, method="logits")


@pytest.mark.parametrize("size", ["small", "medium", "large", "xl"])
def test_sizes_have_the_counts_of_the_released_networks(size):
    """V d + 1024 d + L (12 d^2 + 13 d) + 2 d."""
    m = VARIANTS[size]().model
    d = m.d_model
    counted = 50_257 * d + 1024 * d + m.n_layers * (12 * d * d + 13 * d) + 2 * d
    assert counted == PARAM_COUNTS[size]


def test_a_later_token_changes_no_earlier_logits(network, variables, tokens):
    before = all_logits(network, variables, tokens)
    after = all_logits(network, variables, tokens.at[:, 7].add(1) % 50)
    np.testing.assert_array_equal(before[:, :7], after[:, :7])
    assert not np.allclose(before[:, 7], after[:, 7])


def test_nll_is_minus_the_log_softmax_at_the_target(network, variables, tokens):
    nll = network.apply(variables, tokens[:, :-1], tokens[:, 1:], method="nll")
    log_p = jax.nn.log_softmax(all_logits(network, variables, tokens)[:, :-1])
    at = tokens[:, 1:, None]
    np.testing.assert_allclose(
        nll, -jnp.take_along_axis(log_p, at, 2)[..., 0], rtol=1e-5
    )


def test_the_cache_gives_the_logits_of_every_step(network, variables, tokens):
    """Prompts of unequal lengths in one batch, then token by token."""
    whole = all_logits(network, variables, tokens)
    lengths = np.array([2, 5, 9])
    caches = empty_caches(SMALL, batch=3, slots=16)
    prompt = jnp.where(np.arange(9) < lengths[:, None], tokens[:, :9], 0)
    hidden, caches = network.apply(
        variables, prompt, caches, jnp.zeros(3, jnp.int32), method="cached"
    )
    logits = network.apply(variables, hidden, method="logits")
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(logits[row, :length], whole[row, :length], atol=2e-5)
    at = jnp.asarray(lengths)
    for _ in range(3):
        token = jnp.take_along_axis(tokens, at[:, None], 1)
        hidden, caches = network.apply(variables, token, caches, at, method="cached")
        logits = network.apply(variables, hidden, method="logits")[:, 0]
        expected = jnp.take_along_axis(whole, at[:, None, None], 1)[:, 0]
        np.testing.assert_allclose(logits, expected, atol=2e-5)
        at = at + 1


def test_what_blocks_add_is_drawn_smaller_the_deeper_the_network():
    m = Model(vocab_size=50, context=8, n_layers=8, d_model=128, position_init_std=0.01)
    params = gpt2_model.GPT2(m).init(jax.random.key(0), jnp.zeros((1, 2), jnp.int32))[
        "params"
    ]
    block = params["blocks_3"]
    for kernel in (
        block["attention"]["output"]["kernel"],
        block["mlp"]["down"]["kernel"],
    ):
        assert np.std(kernel) == pytest.approx(0.02 / 4, rel=0.05)
    for kernel in block["attention"]["qkv"]["kernel"], block["mlp"]["up"]["kernel"]:
        assert np.std(kernel) == pytest.approx(0.02, rel=0.05)
    assert np.std(params["tokens"]["embedding"]) == pytest.approx(0.02, rel=0.05)
    assert np.std(params["positions"]["embedding"]) == pytest.approx(0.01, rel=0.1)
    plain = dataclasses.replace(m, scale_residuals=False)
    assert plain.output_std == 0.02


def test_a_loop_over_the_blocks_is_the_same_network(network, variables, tokens):
    looped = gpt2_model.GPT2(dataclasses.replace(SMALL, scan=True, remat=True))
    np.testing.assert_allclose(
        looped.apply(variables, tokens), network.apply(variables, tokens), atol=1e-5
    )
