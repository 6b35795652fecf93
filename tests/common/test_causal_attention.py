"""Attention by blocks of queries beside the whole square."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common import causal_attention as kernel
from common.attention import causal_mask, dot_product_attention

LENGTHS = [1, 7, 64, 4 * kernel.SHORTEST, 4 * kernel.SHORTEST + 2, 256]


def drawn(time: int, dtype=jnp.float32):
    keys = jax.random.split(jax.random.key(time), 4)
    return [jax.random.normal(key, (2, time, 3, 8)).astype(dtype) for key in keys]


def whole(query, key, value):
    time = query.shape[1]
    mask = causal_mask(time, time)[None, None]
    return dot_product_attention(query, key, value, mask)


@pytest.mark.parametrize("time", LENGTHS)
def test_values_and_gradients_are_those_of_the_whole_square(time):
    *inputs, d_output = drawn(time)
    expected, pull = jax.vjp(whole, *inputs)
    found, pull_found = jax.vjp(kernel.causal_attention, *inputs)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    for ours, theirs in zip(pull_found(d_output), pull(d_output), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_long_text_is_cut_and_five_eighths_of_its_pairs_are_computed():
    blocks = [*kernel._blocks(256)]
    assert [tuple(block) for block in blocks] == [
        (0, 64),
        (64, 128),
        (128, 192),
        (192, 256),
    ]
    pairs = sum((end - start) * end for start, end in blocks)
    assert pairs == 256 * 256 * 5 // 8
    assert [tuple(block) for block in kernel._blocks(63)] == [(0, 63)]


@pytest.mark.parametrize("time", [8, 128])
def test_dropout_multiplies_the_weights(time):
    query, key, value, d_output = drawn(time)
    dropout = 2.0 * jax.random.bernoulli(jax.random.key(9), shape=(2, 3, time, time))

    def plain(query, key, value):
        scores = jnp.einsum("bthd,bkhd->bhtk", query, key) / jnp.sqrt(8.0)
        scores = jnp.where(causal_mask(time, time), scores, -jnp.inf)
        weights = jax.nn.softmax(scores) * dropout
        return jnp.einsum("bhtk,bkhd->bthd", weights, value)

    expected, pull = jax.vjp(plain, query, key, value)
    found, pull_found = jax.vjp(
        lambda *x: kernel.causal_attention(*x, dropout), query, key, value
    )
    np.testing.assert_allclose(found, expected, atol=2e-6)
    for ours, theirs in zip(pull_found(d_output), pull(d_output), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_later_token_changes_nothing_before_it():
    query, key, value, _ = drawn(128)
    before = kernel.causal_attention(query, key, value)
    after = kernel.causal_attention(query, key.at[:, 70].add(1), value.at[:, 70].add(1))
    np.testing.assert_array_equal(before[:, :70], after[:, :70])
    assert not np.allclose(before[:, 70:], after[:, 70:])


def test_bfloat16_stays_and_is_close():
    *inputs, _ = drawn(128)
    found = kernel.causal_attention(*(x.astype(jnp.bfloat16) for x in inputs))
    assert found.dtype == jnp.bfloat16
    np.testing.assert_allclose(
        found.astype(jnp.float32), kernel.causal_attention(*inputs), atol=0.03
    )
