"""Attention kernels: masks, scores, relative positions, and the ring of past keys.

Axes: batch, time (queries), key (what is attended to: past, then time), heads, d_head.
Query i sees key j at distance i + past - j, where past = key - time; keys at negative
distances are the future.
"""

import chex
import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int


def causal_mask(
    time: int, key: int, window: int | None = None
) -> Bool[Array, "time key"]:
    """True where query i may see key j: i + past - window < j <= i + past.

    `window` is the number of keys a query sees, itself included; None sees the whole
    past. Transformer-XL's `same_length` is window = memory length in PyTorch, one more
    in TensorFlow.
    """
    distance = jnp.arange(time)[:, None] + (key - time) - jnp.arange(key)
    mask = distance >= 0
    return mask if window is None else mask & (distance < window)


def masked_softmax(
    scores: Float[Array, "*batch key"], mask: Bool[Array, "*#batch key"]
) -> Float[Array, "*batch key"]:
    """Softmax over the keys where `mask` is True, in float32 at least; 0 elsewhere. A
    row without any valid key is all 0, with finite gradients."""
    scores = scores.astype(jnp.promote_types(scores.dtype, jnp.float32))
    scores = jnp.where(mask, scores, -1e30)
    highest = jax.lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True))
    weights = jnp.where(mask, jnp.exp(scores - highest), 0.0)
    # One reciprocal a row and a product a cell: a division a cell costs 9% of a step.
    # A sum is at least 1, its largest term, unless nothing is valid and it is 0.
    return weights * (1.0 / jnp.maximum(jnp.sum(weights, -1, keepdims=True), 0.5))


def dot_product_attention(
    query: Float[Array, "batch time heads d_head"],
    key: Float[Array, "batch key heads d_head"],
    value: Float[Array, "batch key heads d_head"],
    mask: Bool[Array, "#batch #heads time key"],
) -> Float[Array, "batch time heads d_head"]:
    """softmax(q k^T / sqrt(d_head)) v over the keys that `mask` allows."""
    scores = jnp.einsum("bthd,bkhd->bhtk", query, key) * query.shape[-1] ** -0.5
    return attend(masked_softmax(scores, mask), value)


def attend(
    weights: Float[Array, "batch heads time key"],
    value: Float[Array, "batch key heads d_head"],
) -> Float[Array, "batch time heads d_head"]:
    """The values' mean under the attention weights."""
    return jnp.einsum("bhtk,bkhd->bthd", weights.astype(value.dtype), value)


def sinusoids(
    positions: Float[Array, "key"], features: int
) -> Float[Array, "key features"]:
    """[sin(t w), cos(t w)], w = 10000^(-2i/features): the halves stand side by side,
    not interleaved (as in Transformer-XL; a permutation of Vaswani et al. 2017).
    `features` is even."""
    frequencies = 10000.0 ** (-jnp.arange(0, features, 2) / features)
    angles = positions[:, None] * frequencies
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)


def relative_shift(
    scores: Float[Array, "*batch time key"],
) -> Float[Array, "*batch time key"]:
    """From columns by distance to columns by key.

    Column c of the input belongs to distance key - 1 - c, so query i's score with key
    j stands at column j + (time - 1 - i), and out[i, j] = scores[i, j + time - 1 - i]
    wherever j <= i + past. Cells of the future hold leftovers that a causal mask must
    hide. One pad, one slice: in a row-major array whose rows are one cell too long,
    stepping `key` cells a row slides each row one column left of the row above.
    """
    *batch, time, key = scores.shape
    padded = jnp.pad(scores, [(0, 0)] * (scores.ndim - 1) + [(0, 1)])
    flat = padded.reshape(*batch, time * (key + 1))
    flat = jax.lax.slice_in_dim(flat, time - 1, time - 1 + time * key, axis=-1)
    return flat.reshape(*batch, time, key)


def relative_terms(
    query: Float[Array, "batch time heads d_head"],
    key: Float[Array, "batch key heads d_head"],
    position: Float[Array, "key heads d_head"],
    content_bias: Float[Array, "heads d_head"],
    position_bias: Float[Array, "heads d_head"],
) -> dict[str, Float[Array, "batch heads time key"]]:
    """The four terms of `relative_scores` one by one, each over sqrt(d_head)."""
    zero = jnp.zeros_like(content_bias)
    nothing = jnp.zeros_like(query)
    no_key, no_position = jnp.zeros_like(key), jnp.zeros_like(position)
    return {
        "(a) q k": relative_scores(query, key, no_position, zero, zero),
        "(b) q W_r R": relative_scores(query, no_key, position, zero, zero),
        "(c) u k": relative_scores(nothing, key, no_position, content_bias, zero),
        "(d) v W_r R": relative_scores(nothing, no_key, position, zero, position_bias),
    }


def relative_scores(
    query: Float[Array, "batch time heads d_head"],
    key: Float[Array, "batch key heads d_head"],
    position: Float[Array, "key heads d_head"],
    content_bias: Float[Array, "heads d_head"],
    position_bias: Float[Array, "heads d_head"],
) -> Float[Array, "batch heads time key"]:
    """The four terms of Dai et al. 2019, eq. in section 3.3, over sqrt(d_head):
    (a) q k + (c) u k, and (b) q W_r R + (d) v W_r R shifted onto their keys.

    `position` holds W_r R for distances key - 1 ... 0, u is `content_bias`, v is
    `position_bias`.
    """
    chex.assert_equal(key.shape[1], position.shape[0])
    by_key = jnp.einsum("bthd,bkhd->bhtk", query + content_bias, key)
    by_distance = jnp.einsum("bthd,khd->bhtk", query + position_bias, position)
    return (by_key + relative_shift(by_distance)) * query.shape[-1] ** -0.5


@struct.dataclass
class KVRing:
    """Projected keys and values of the last `slots` tokens; token t is in t % slots.

    Decoding token by token then copies nothing: one slot is written, and distances are
    read off the slot numbers. Heads stand before slots, as products over them want.
    """

    key: Float[Array, "batch heads slots d_head"]
    value: Float[Array, "batch heads slots d_head"]

    @classmethod
    def empty(cls, batch: int, slots: int, heads: int, d_head: int, dtype=jnp.float32):
        zeros = jnp.zeros((batch, heads, slots, d_head), dtype)
        return cls(zeros, zeros)

    def write(
        self,
        t: Int[Array, ""],
        key: Float[Array, "batch heads d_head"],
        value: Float[Array, "batch heads d_head"],
    ) -> "KVRing":
        """Puts token t over token t - slots."""
        slot = t % self.key.shape[2]
        put = jax.lax.dynamic_update_index_in_dim
        return KVRing(put(self.key, key, slot, 2), put(self.value, value, slot, 2))

    def distances(self, t: Int[Array, ""]) -> Int[Array, "slots"]:
        """How far behind token t each slot's token is: 0 for t's own. A distance above
        t means the slot is still empty."""
        slots = self.key.shape[2]
        return (t - jnp.arange(slots)) % slots
