"""Sampling of tokens. A failure means that a filter keeps other tokens, or that tokens
are not drawn as often as their probabilities say."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.sampling import keep_top_k, keep_top_p, sample

DRAWS = 20_000
TOLERANCE = 0.015  # over four standard deviations of a frequency in DRAWS draws
PROBABILITIES = np.array([0.2, 0.4, 0.1, 0.3])


def surviving(filtered):
    return set(np.flatnonzero(np.isfinite(filtered)).tolist())


@pytest.mark.parametrize("k", [1, 3, 9])
def test_top_k_keeps_the_k_largest_of_every_row_unchanged(k):
    logits = np.random.default_rng(0).normal(size=(3, 4, 10)).astype(np.float32)
    filtered = np.asarray(keep_top_k(jnp.asarray(logits), k))
    for row in np.ndindex(3, 4):
        largest = np.argsort(logits[row])[-k:]
        assert surviving(filtered[row]) == set(largest.tolist())
        np.testing.assert_array_equal(filtered[row][largest], logits[row][largest])
        assert np.all(np.delete(filtered[row], largest) == -np.inf)


def test_top_k_keeps_ties_with_the_kth():
    logits = jnp.array([2.0, 3.0, 1.0, 2.0, 0.0])
    assert surviving(keep_top_k(logits, 1)) == {1}
    assert surviving(keep_top_k(logits, 2)) == {0, 1, 3}
    assert surviving(keep_top_k(logits, 3)) == {0, 1, 3}


@pytest.mark.parametrize("k", [0, 4, 100])
def test_top_k_of_nothing_or_of_everything_keeps_all(k):
    logits = jnp.log(PROBABILITIES)
    np.testing.assert_array_equal(keep_top_k(logits, k), logits)


@pytest.mark.parametrize(
    ("p", "nucleus"),
    [
        (0.0, {1}),
        (1e-9, {1}),
        (0.39, {1}),
        (0.41, {1, 3}),
        (0.69, {1, 3}),
        (0.71, {1, 3, 0}),
        (0.89, {1, 3, 0}),
        (0.91, {0, 1, 2, 3}),
        (1.0, {0, 1, 2, 3}),
    ],
)
def test_top_p_keeps_the_fewest_tokens_that_reach_p(p, nucleus):
    logits = np.log(PROBABILITIES).astype(np.float32) + 7  # not normalised
    peaked = np.array([9.0, 0.0, -9.0, -9.0], np.float32)  # another row, another cut
    filtered = np.asarray(keep_top_p(jnp.stack([peaked, logits]), p))
    assert surviving(filtered[1]) == nucleus
    np.testing.assert_array_equal(filtered[1][list(nucleus)], logits[list(nucleus)])
    assert surviving(filtered[0]) == ({0} if p < 1 else {0, 1, 2, 3})


def test_temperature_zero_takes_the_most_probable_token():
    logits = np.random.default_rng(0).normal(size=(5, 6, 11)).astype(np.float32)
    for seed in range(3):
        drawn = sample(jax.random.key(seed), jnp.asarray(logits), temperature=0.0)
        np.testing.assert_array_equal(drawn, logits.argmax(-1))


@pytest.mark.parametrize(
    ("settings", "weights"),
    [
        ({}, [2, 4, 1, 3]),
        ({"temperature": 0.5}, [4, 16, 1, 9]),
        ({"temperature": 2.0}, np.sqrt([2, 4, 1, 3])),
        ({"top_k": 2}, [0, 4, 0, 3]),
        ({"top_p": 0.6}, [0, 4, 0, 3]),
        ({"temperature": 0.5, "top_k": 3}, [4, 16, 0, 9]),
        # The order of the three: 0.4 misses p, but not once sharpened or cut to two.
        ({"top_p": 0.5}, [0, 4, 0, 3]),
        ({"temperature": 0.5, "top_p": 0.5}, [0, 1, 0, 0]),
        ({"top_k": 2, "top_p": 0.5}, [0, 1, 0, 0]),
    ],
)
def test_tokens_are_drawn_as_often_as_the_settings_say(settings, weights):
    logits = jnp.tile(jnp.log(PROBABILITIES) - 3, (DRAWS, 1))
    drawn = np.asarray(sample(jax.random.key(0), logits, **settings))
    frequencies = np.bincount(drawn, minlength=4) / DRAWS
    expected = np.asarray(weights) / np.sum(weights)
    np.testing.assert_allclose(frequencies, expected, atol=TOLERANCE)
    assert np.all(frequencies[expected == 0] == 0)


def test_rows_are_drawn_independently():
    keys = jax.random.split(jax.random.key(0), DRAWS)
    logits = jnp.log(jnp.stack([PROBABILITIES, PROBABILITIES[::-1]]))
    drawn = np.asarray(jax.vmap(lambda key: sample(key, logits))(keys))
    joint = np.zeros((4, 4))
    np.add.at(joint, (drawn[:, 0], drawn[:, 1]), 1 / DRAWS)
    expected = np.outer(PROBABILITIES, PROBABILITIES[::-1])
    np.testing.assert_allclose(joint, expected, atol=TOLERANCE)


def test_a_rows_draw_depends_neither_on_the_other_rows_nor_on_jit():
    settings = {"temperature": 0.8, "top_k": 3, "top_p": 0.9}
    logits = np.random.default_rng(0).normal(size=(DRAWS, 4)).astype(np.float32)
    changed = logits.copy()
    changed[1::2] = 10 * logits[1::2][:, ::-1]

    key = jax.random.key(1)
    jitted = jax.jit(partial(sample, **settings))
    before = np.asarray(jitted(key, logits))
    after = np.asarray(jitted(key, changed))
    np.testing.assert_array_equal(before[::2], after[::2])
    assert np.any(before[1::2] != after[1::2])
    np.testing.assert_array_equal(sample(key, jnp.asarray(logits), **settings), before)
