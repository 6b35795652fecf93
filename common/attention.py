"""Attention kernels: masks, scores, relative positions, and the ring of past keys.

Axes: batch, time (queries), key (what they attend to: the past, then time itself),
heads, d_head. The distance from query i to key j is i + past - j, where past = key -
time; a key at a negative distance lies in the future.
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

    `window` is the number of keys that a query sees, itself included; None means the
    whole past. Transformer-XL's `same_length` is a window of the memory's length in the
    PyTorch code, and of one more in the TensorFlow code.
    """
    distance = jnp.arange(time)[:, None] + (key - time) - jnp.arange(key)
    mask = distance >= 0
    return mask if window is None else mask & (distance < window)


def masked_softmax(
    scores: Float[Array, "*batch key"], mask: Bool[Array, "*#batch key"]
) -> Float[Array, "*batch key"]:
    """Softmax over the keys where `mask` is True, and 0 elsewhere. A row without any
    such key is all 0, and its gradient is 0. Computed in float32, or in the scores'
    dtype where that is wider."""
    scores = scores.astype(jnp.promote_types(scores.dtype, jnp.float32))
    scores = jnp.where(mask, scores, -1e30)
    highest = jax.lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True))
    weights = jnp.where(mask, jnp.exp(scores - highest), 0.0)
    # One reciprocal per row and one product per cell: dividing each cell would cost 9%
    # of a step. The largest term is 1, so a sum is at least 1, or 0 without valid keys.
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
    """Each query's mean of the values, weighted by its attention."""
    return jnp.einsum("bhtk,bkhd->bthd", weights.astype(value.dtype), value)


def sinusoids(
    positions: Float[Array, "key"], features: int
) -> Float[Array, "key features"]:
    """[sin(t w), cos(t w)] with w = 10000^(-2i/features), for an even `features`. All
    sines come first and then all cosines, as in Transformer-XL; Vaswani et al. 2017
    interleave them."""
    frequencies = 10000.0 ** (-jnp.arange(0, features, 2) / features)
    angles = positions[:, None] * frequencies
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)


def relative_shift(
    scores: Float[Array, "*batch time key"],
) -> Float[Array, "*batch time key"]:
    """Scores by distance -> scores by key (Dai et al. 2019, appendix B).

    Column c of the input belongs to distance key - 1 - c. The score of query i with key
    j therefore stands in column j + (time - 1 - i), and out[i, j] =
    scores[i, j + time - 1 - i] wherever j <= i + past. Cells of the future hold other
    cells' scores; a causal mask must hide them.

    One pad and one slice do this. The pad makes each row of the row-major array one
    cell longer. Read from cell time - 1 on in rows of `key` cells, row i then starts at
    column time - 1 - i of the input's row i.
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
    no_key = jnp.zeros_like(key)
    no_position = jnp.zeros_like(position)
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
    """The four terms of section 3.3 of Dai et al. 2019, over sqrt(d_head):

    (a) q k        what the query looks for in the key
    (b) q W_r R    what it looks for at the distance
    (c) u k        what every query looks for in the key
    (d) v W_r R    what every query looks for at the distance

    `position` is W_r R for distances key - 1 ... 0, `content_bias` is u and
    `position_bias` is v.
    """
    chex.assert_equal(key.shape[1], position.shape[0])
    # (a) + (c) = (q + u) k, and (b) + (d) = (q + v) W_r R, shifted onto the keys.
    a_c = jnp.einsum("bthd,bkhd->bhtk", query + content_bias, key)
    b_d = jnp.einsum("bthd,khd->bhtk", query + position_bias, position)
    return (a_c + relative_shift(b_d)) * query.shape[-1] ** -0.5


@struct.dataclass
class KVRing:
    """Projected keys and values of the last `slots` tokens. Token t is in slot
    t % slots.

    Decoding token by token then moves nothing: each token overwrites one slot, and the
    slot numbers give the distances. Heads come before slots, the order in which the
    products over slots read them.
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
        """The ring with token t in the slot that held token t - slots."""
        slot = t % self.key.shape[2]
        put = jax.lax.dynamic_update_index_in_dim
        return KVRing(put(self.key, key, slot, 2), put(self.value, value, slot, 2))

    def distances(self, t: Int[Array, ""]) -> Int[Array, "slots"]:
        """How far behind token t the token of each slot is: 0 in t's own slot. A
        distance above t means that the slot is still empty."""
        slots = self.key.shape[2]
        return (t - jnp.arange(slots)) % slots
