"""One layer of Transformer-XL: attention to memory and segment, and feed-forward.

Axes: batch, time (the segment), past (the memory), key = past + time, heads, d_head,
d_model.
"""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from common.attention import KVRing, attend, masked_softmax, relative_scores
from papers.transformer_xl.config import Model
from papers.transformer_xl.encodings import (
    ENCODINGS,
    Given,
    Past,
    Scores,
    Segment,
    to_heads,
)
from papers.transformer_xl.memory import KeyValue

Mask = Bool[Array, "batch 1 time key"]
Token = Float[Array, "batch d_model"]
Projected = Float[Array, "key heads d_head"]  # W_r R, for distances key - 1 ... 0


class Attention(nn.Module):
    """Multi-head attention of a segment to its memory and itself."""

    config: Model

    def setup(self):
        c = self.config
        self.query = to_heads(c)
        self.key = to_heads(c)
        self.value = to_heads(c)
        self.encoding = ENCODINGS[c.attention](c)
        nn.share_scope(self, self.encoding)
        self.output = nn.DenseGeneral(
            c.d_model,
            axis=(-2, -1),
            use_bias=False,
            kernel_init=nn.initializers.normal(c.init_std),
            dtype=c.dtype,
        )
        self.dropout = nn.Dropout(c.attention_dropout)

    def key_value(self, x: Segment) -> KeyValue:
        """What queries attend to in x: of the segment, or of the memory."""
        return KeyValue(self.key(x), self.value(x))

    def __call__(
        self, h: Segment, keys: KeyValue, given: Given, mask: Mask, train: bool
    ) -> Segment:
        scores = self.encoding.scores(self.query(h), keys.key, given)
        return self._mean(scores, keys.value, mask, train)

    def cached(
        self, h: Segment, keys: KeyValue, position: Projected, given: Given, mask: Mask
    ) -> Segment:
        """As `__call__` in evaluation, for a caller who has kept W_r R."""
        u, v = given["u"], given["v"]
        scores = relative_scores(self.query(h), keys.key, position, u, v)
        return self._mean(scores, keys.value, mask, train=False)

    def _mean(self, scores: Scores, value: Array, mask: Mask, train: bool) -> Segment:
        """Softmax of the scores, the mean of the values under it, and W_o."""
        weights = masked_softmax(scores, mask)
        self.sow("intermediates", "weights", weights)
        weights = self.dropout(weights, deterministic=not train)
        return self.output(attend(weights, value))

    def decode(
        self,
        h: Token,
        ring: KVRing,
        t: Int[Array, ""],
        position: Float[Array, "heads slots d_head"],
        given: Given,
    ) -> tuple[Token, KVRing]:
        """Token t attends to itself and to its past in `ring`. `position` is W_r R for
        distances 0, 1, ... Also returns the ring with token t in it."""
        q = self.query(h)
        ring = ring.write(t, self.key(h), self.value(h))
        distance = ring.distances(t)
        by_key = jnp.einsum("bhd,bhsd->bhs", q + given["u"], ring.key)
        by_distance = jnp.einsum("bhd,hsd->bhs", q + given["v"], position)
        scores = (by_key + by_distance[..., distance]) * self.config.d_head**-0.5
        weights = masked_softmax(scores, distance <= t)
        values = jnp.einsum("bhs,bhsd->bhd", weights.astype(h.dtype), ring.value)
        return self.output(values), ring


class Layer(nn.Module):
    """Attention, then feed-forward, each with a residual connection and a LayerNorm:
    norm(x + f(x)), or x + f(norm(x)) with pre_norm."""

    config: Model

    def setup(self):
        c = self.config
        init = nn.initializers.normal(c.init_std)
        self.attention = Attention(c)
        self.attention_norm = nn.LayerNorm(c.norm_epsilon, dtype=c.dtype)
        self.ff_1 = nn.Dense(c.d_inner, kernel_init=init, dtype=c.dtype)
        self.ff_2 = nn.Dense(c.d_model, kernel_init=init, dtype=c.dtype)
        self.ff_norm = nn.LayerNorm(c.norm_epsilon, dtype=c.dtype)
        self.dropout = nn.Dropout(c.dropout)

    def __call__(
        self, h: Segment, past: Past, given: Given, mask: Mask, train: bool
    ) -> Segment:
        """The layer's output. `past` has its inputs in the segments before."""
        past, h = self.attention.encoding.inputs(past, h, given)
        normed = self._pre(self.attention_norm, h)
        new = self.attention.key_value(normed)
        # Separate from the segment's: no gradient enters the memory, so that none is
        # computed.
        old = self.attention.key_value(self._pre(self.attention_norm, past))
        out = self.attention(normed, old.then(new), given, mask, train)
        h = h + self.dropout(out, deterministic=not train)
        return self._feed_forward(self._post(self.attention_norm, h), train)

    def cached(
        self, h: Segment, old: KeyValue, position: Projected, given: Given, mask: Mask
    ) -> tuple[Segment, KeyValue]:
        """As `__call__` in evaluation, for a caller who has kept the memory's keys and
        values and W_r R. Also returns the segment's keys and values."""
        normed = self._pre(self.attention_norm, h)
        new = self.attention.key_value(normed)
        out = self.attention.cached(normed, old.then(new), position, given, mask)
        return self._feed_forward(self._post(self.attention_norm, h + out), False), new

    def decode(
        self,
        h: Token,
        ring: KVRing,
        t: Int[Array, ""],
        position: Float[Array, "heads slots d_head"],
        given: Given,
    ) -> tuple[Token, KVRing]:
        """The layer's output for token t, and the ring with the token in it."""
        normed = self._pre(self.attention_norm, h)
        out, ring = self.attention.decode(normed, ring, t, position, given)
        return self._feed_forward(self._post(self.attention_norm, h + out), False), ring

    def _feed_forward(
        self, h: Float[Array, "*token d_model"], train: bool
    ) -> Float[Array, "*token d_model"]:
        x = nn.relu(self.ff_1(self._pre(self.ff_norm, h)))
        x = self.ff_2(self.dropout(x, deterministic=not train))
        h = h + self.dropout(x, deterministic=not train)
        return self._post(self.ff_norm, h)

    def _pre(self, norm: nn.LayerNorm, x: Array) -> Array:
        return norm(x) if self.config.pre_norm else x

    def _post(self, norm: nn.LayerNorm, x: Array) -> Array:
        return x if self.config.pre_norm else norm(x)
