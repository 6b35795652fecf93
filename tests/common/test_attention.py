"""Attention kernels against loops in numpy, references in JAX, and identities. A
failure means that a score meets another key or distance, or that hidden keys count."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.attention import (
    KVRing,
    causal_mask,
    dot_product_attention,
    masked_softmax,
    relative_scores,
    relative_shift,
    sinusoids,
)

BATCH, HEADS, D_HEAD = 2, 3, 4
SIZES = [(1, 1), (1, 5), (4, 4), (3, 7), (5, 6)]  # time, key


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def close(actual, expected, tolerance=1e-5):
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("time", "key"), [*SIZES, (3, 8)])
@pytest.mark.parametrize("window", [None, 1, 2, 5, 6, 100])
def test_causal_mask_shows_the_window_that_ends_at_the_query_itself(time, key, window):
    expected = np.zeros((time, key), bool)
    for i in range(time):
        for j in range(key):
            newest = i + key - time  # the query's own key
            oldest = 0 if window is None else newest - window + 1
            expected[i, j] = oldest <= j <= newest
    np.testing.assert_array_equal(causal_mask(time, key, window), expected)


def test_window_of_the_memory_length_is_pytorchs_same_length_one_more_tensorflows():
    time, memory = 4, 5
    i, j = np.ogrid[:time, : memory + time]
    pytorch = (i < j) & (j <= i + memory)
    tensorflow = (i <= j) & (j <= i + memory)
    key = memory + time
    np.testing.assert_array_equal(causal_mask(time, key, memory), pytorch)
    np.testing.assert_array_equal(causal_mask(time, key, memory + 1), tensorflow)


def softmax_by_rows(scores, mask):
    """The softmax of each row in float64, over its valid keys only."""
    out = np.zeros(scores.shape)
    for row in np.ndindex(*scores.shape[:-1]):
        valid = np.broadcast_to(mask, scores.shape)[row]
        if valid.any():
            exp = np.exp(np.float64(scores[row])[valid] - scores[row][valid].max())
            out[row][valid] = exp / exp.sum()
    return out


@pytest.mark.parametrize("mask_shape", [(4, 5, 7), (1, 5, 7), (5, 7), (1, 7)])
def test_masked_softmax_is_the_softmax_over_the_valid_keys(mask_shape):
    rng = np.random.default_rng(1)
    scores = 5 * normal(4, 5, 7)
    mask = rng.random(mask_shape) < 0.4
    weights = masked_softmax(jnp.asarray(scores), jnp.asarray(mask))
    close(weights, softmax_by_rows(scores, mask), 1e-6)
    assert not np.any(np.where(mask, 0, weights))


def test_masked_softmax_ignores_the_size_of_hidden_and_of_valid_scores():
    scores = jnp.array([[1e4, -1000.0, -1001.0], [1e4, 1e4 - 1, -1e4], [-1e9, 0, -1e9]])
    mask = jnp.array([[0, 1, 1], [1, 1, 1], [1, 0, 1]], bool)
    pair = 1 / (1 + np.exp(-1))
    expected = [[0, pair, 1 - pair], [pair, 1 - pair, 0], [0.5, 0, 0.5]]
    close(masked_softmax(scores, mask), expected, 1e-6)


def test_a_row_without_a_valid_key_is_zero_and_passes_no_gradient():
    scores = jnp.asarray(normal(3, 5))
    mask = jnp.ones((3, 5), bool).at[1].set(False)
    pull = jnp.asarray(1e9 * normal(3, 5, seed=1))  # large: 0 * inf would be nan

    def loss(scores):
        weights = masked_softmax(scores, mask)
        return jnp.sum(weights * pull), weights

    gradient, weights = jax.grad(loss, has_aux=True)(scores)
    assert np.all(weights[1] == 0)
    assert np.all(gradient[1] == 0)
    close(weights[0].sum(), 1)
    chex.assert_tree_all_finite(gradient)
    assert np.all(gradient[0] != 0)


@pytest.mark.parametrize("hide", [False, True])
def test_masked_softmax_has_the_value_and_gradient_of_jax_nn_softmax(hide):
    scores = jnp.asarray(3 * normal(6, 8))
    mask = np.random.default_rng(2).random((6, 8)) < (0.5 if hide else 1.0)
    mask[:, 3] = True  # a reference exists where a key is valid
    pull = jnp.asarray(normal(6, 8, seed=1))

    def ours(scores):
        return jnp.sum(masked_softmax(scores, jnp.asarray(mask)) * pull)

    def reference(scores):
        return jnp.sum(jax.nn.softmax(jnp.where(mask, scores, -jnp.inf)) * pull)

    chex.assert_trees_all_close(
        jax.value_and_grad(ours)(scores),
        jax.value_and_grad(reference)(scores),
        atol=1e-6,
    )


def test_masked_softmax_of_bfloat16_scores_is_computed_in_float32():
    scores = jnp.asarray(normal(4, 300), jnp.bfloat16)
    mask = jnp.ones((4, 300), bool)
    expected = softmax_by_rows(np.asarray(scores, np.float32), np.asarray(mask))
    np.testing.assert_allclose(masked_softmax(scores, mask), expected, rtol=1e-5)


def attention_by_loops(query, key, value, mask):
    out = np.zeros(query.shape)
    for b, t, h in np.ndindex(*query.shape[:3]):
        scores = np.array([query[b, t, h] @ k for k in key[b, :, h]])
        scores = scores / np.sqrt(query.shape[-1])
        out[b, t, h] = softmax_by_rows(scores, mask[b, h, t]) @ value[b, :, h]
    return out


def queries_keys_values(time, key):
    shapes = [(BATCH, n, HEADS, D_HEAD) for n in (time, key, key)]
    return [normal(*shape, seed=seed) for seed, shape in enumerate(shapes)]


def test_dot_product_attention_equals_loops_even_where_nothing_is_valid():
    query, key, value = queries_keys_values(4, 6)
    mask = np.random.default_rng(3).random((BATCH, HEADS, 4, 6)) < 0.5
    mask[1, 2, 3] = False
    out = dot_product_attention(query, key, value, jnp.asarray(mask))
    close(out, attention_by_loops(query, key, value, mask))
    assert np.all(out[1, 3, 2] == 0)


@pytest.mark.parametrize("mask_shape", [(BATCH, HEADS, 4, 6), (1, 1, 4, 6)])
def test_dot_product_attention_has_the_value_and_gradient_of_jaxs(mask_shape):
    arrays = tuple(map(jnp.asarray, queries_keys_values(4, 6)))
    mask = np.random.default_rng(3).random(mask_shape) < 0.5
    mask[..., 2] = True  # a reference exists where a key is valid
    pull = normal(BATCH, 4, HEADS, D_HEAD, seed=9)

    def value_and_grads(attention):
        def loss(arrays):
            return jnp.sum(attention(*arrays, mask=jnp.asarray(mask)) * pull)

        return jax.jit(jax.value_and_grad(loss))(arrays)

    chex.assert_trees_all_close(
        value_and_grads(dot_product_attention),
        value_and_grads(jax.nn.dot_product_attention),
        rtol=1e-5,
        atol=1e-5,
    )


def test_sinusoids_put_all_sines_before_all_cosines():
    positions = [0.0, 1.0, 2.5, 17.0, 400.0]
    features = 6
    expected = np.zeros((len(positions), features))
    for row, t in enumerate(positions):
        for i in range(features // 2):
            w = 10000 ** (-2 * i / features)
            expected[row, i] = np.sin(t * w)
            expected[row, features // 2 + i] = np.cos(t * w)
    close(sinusoids(jnp.array(positions), features), expected, 1e-4)


@pytest.mark.parametrize(("time", "key"), SIZES)
def test_relative_shift_equals_the_gather_and_the_pad_left_form(time, key):
    raw = normal(2, 3, time, key)
    visible = np.asarray(causal_mask(time, key))

    padded = np.pad(raw, [(0, 0), (0, 0), (0, 0), (1, 0)])  # [.., time, key + 1]
    pad_left = padded.reshape(2, 3, key + 1, time)[:, :, 1:].reshape(raw.shape)

    shifted = np.asarray(relative_shift(jnp.asarray(raw)))
    assert visible.any()
    for i, j in np.argwhere(visible):
        gathered = raw[..., i, j + (time - 1 - i)]
        np.testing.assert_array_equal(shifted[..., i, j], gathered)
        np.testing.assert_array_equal(shifted[..., i, j], pad_left[..., i, j])


@pytest.mark.parametrize(("time", "key"), SIZES)
def test_relative_shift_puts_every_distance_on_its_key(time, key):
    by_distance = np.tile(key - 1 - np.arange(key), (time, 1))  # a cell holds its own
    i, j = np.ogrid[:time, :key]
    distance = i + (key - time) - j
    shifted = np.asarray(relative_shift(jnp.asarray(by_distance, jnp.float32)))
    visible = distance >= 0
    np.testing.assert_array_equal(shifted[visible], distance[visible])


def relative_inputs(time, key):
    return (
        normal(BATCH, time, HEADS, D_HEAD, seed=0),
        normal(BATCH, key, HEADS, D_HEAD, seed=1),
        normal(key, HEADS, D_HEAD, seed=2),
        normal(HEADS, D_HEAD, seed=3),
        normal(HEADS, D_HEAD, seed=4),
    )


@pytest.mark.parametrize(("time", "key"), SIZES)
def test_relative_scores_are_the_four_terms_at_distance_i_minus_j(time, key):
    inputs = relative_inputs(time, key)
    q, k, r, u, v = (x.astype(np.float64) for x in inputs)
    scores = np.asarray(relative_scores(*map(jnp.asarray, inputs)))
    for b, h, i, j in np.ndindex(BATCH, HEADS, time, key):
        distance = i + (key - time) - j
        if distance < 0:
            continue
        position = r[key - 1 - distance, h]
        content = q[b, i, h] @ k[b, j, h] + u[h] @ k[b, j, h]
        place = q[b, i, h] @ position + v[h] @ position
        close(scores[b, h, i, j], (content + place) / np.sqrt(D_HEAD))


@pytest.mark.parametrize(("time", "key"), [(1, 5), (3, 7), (4, 4)])
def test_relative_scores_have_the_gradient_of_the_gathered_form(time, key):
    inputs = tuple(map(jnp.asarray, relative_inputs(time, key)))
    visible = causal_mask(time, key)
    distance = np.arange(time)[:, None] + (key - time) - np.arange(key)
    pull = normal(BATCH, HEADS, time, key, seed=5)

    def gathered(q, k, r, u, v):
        r = r[np.clip(key - 1 - distance, 0, key - 1)]  # [time, key, heads, d_head]
        scores = (
            jnp.einsum("bihd,bjhd->bhij", q, k)
            + jnp.einsum("bihd,ijhd->bhij", q, r)
            + jnp.einsum("hd,bjhd->bhj", u, k)[:, :, None]
            + jnp.einsum("hd,ijhd->hij", v, r)
        )
        return scores / jnp.sqrt(D_HEAD)

    def grads(scores_fn):
        def loss(inputs):
            return jnp.sum(jnp.where(visible, scores_fn(*inputs), 0) * pull)

        return jax.jit(jax.grad(loss))(inputs)

    chex.assert_trees_all_close(
        grads(relative_scores), grads(gathered), rtol=1e-4, atol=1e-5
    )


def test_relative_scores_refuse_positions_that_do_not_match_the_keys():
    q, k, r, u, v = relative_inputs(2, 5)
    with pytest.raises(AssertionError):
        relative_scores(q, k, r[1:], u, v)


@pytest.mark.parametrize("last", [0, 2, 3, 4, 7, 8, 22])
def test_the_ring_holds_the_last_tokens_at_the_distances_it_claims(last):
    slots = 4
    keys = normal(last + 1, BATCH, HEADS, D_HEAD)
    values = normal(last + 1, BATCH, HEADS, D_HEAD, seed=1)
    ring = KVRing.empty(BATCH, slots, HEADS, D_HEAD)
    write = jax.jit(KVRing.write)
    for t in range(last + 1):
        ring = write(ring, t, keys[t], values[t])

    distances = ring.distances(jnp.int32(last)).tolist()
    assert sorted(distances) == list(range(slots))
    for slot, distance in enumerate(distances):
        token = last - distance
        empty = np.zeros((BATCH, HEADS, D_HEAD))
        key, value = (keys[token], values[token]) if token >= 0 else (empty, empty)
        np.testing.assert_array_equal(ring.key[:, :, slot], key)
        np.testing.assert_array_equal(ring.value[:, :, slot], value)


def decoded(step, time, slots, keys, values):
    """`step(ring, t)` after writing each token t: [time, batch, heads, d_head]."""

    def body(ring, t):
        ring = ring.write(t, keys[:, t], values[:, t])
        return ring, step(ring, t)

    ring = KVRing.empty(BATCH, slots, HEADS, D_HEAD)
    return jax.jit(lambda: jax.lax.scan(body, ring, jnp.arange(time))[1])()


@pytest.mark.parametrize("slots", [1, 5, 20])
def test_decoding_over_the_ring_equals_windowed_attention_over_the_sequence(slots):
    time = 13
    q, k, v = map(jnp.asarray, queries_keys_values(time, time))

    def step(ring, t):
        valid = (ring.distances(t) <= t)[None, None, None]
        kept = (jnp.swapaxes(x, 1, 2) for x in (ring.key, ring.value))
        return dot_product_attention(q[:, t][:, None], *kept, valid)

    whole = dot_product_attention(q, k, v, causal_mask(time, time, slots)[None, None])
    close(jnp.moveaxis(decoded(step, time, slots, k, v)[:, :, 0], 0, 1), whole)


def test_decoding_with_relative_scores_equals_the_shifted_form():
    time, slots = 13, 5
    inputs = tuple(map(jnp.asarray, relative_inputs(time, time)))
    q, k, position, u, v = inputs
    by_distance = position[::-1]

    def step(ring, t):
        distance = ring.distances(t)
        scores = jnp.einsum("bhd,bhkd->bhk", q[:, t] + u, ring.key)
        scores += jnp.einsum("bhd,khd->bhk", q[:, t] + v, by_distance[distance])
        weights = masked_softmax(scores * D_HEAD**-0.5, distance <= t)
        return jnp.einsum("bhk,bhkd->bhd", weights, ring.value)

    weights = masked_softmax(relative_scores(*inputs), causal_mask(time, time, slots))
    whole = jnp.einsum("bhtk,bkhd->tbhd", weights, k)
    close(decoded(step, time, slots, k, k), whole)
