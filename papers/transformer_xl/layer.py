"""One layer of Transformer-XL: attention to memory and segment, and feed-forward.

Axes: batch, time (the segment), past (the memory), key = past + time, heads, d_head,
d_model.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from common.attention import (
    KVRing,
    attend,
    masked_softmax,
    relative_scores,
    relative_shift,
)
from papers.transformer_xl.config import Model
from papers.transformer_xl.memory import KeyValue


class Attention(nn.Module):
    """Multi-head attention of a segment to its memory and itself; `config.attention`
    says how position enters (table 6 of the paper)."""

    config: Model

    def setup(self):
        c = self.config
        init = nn.initializers.normal(c.init_std)

        def heads(*shape):
            features = (*shape, c.n_heads, c.d_head)
            return nn.DenseGeneral(
                features, use_bias=False, kernel_init=init, dtype=c.dtype
            )

        self.query, self.key, self.value = heads(), heads(), heads()
        if c.attention == "relative":
            self.position = heads()
        if c.attention == "shaw":
            shape = (c.max_keys, c.n_heads)
            self.r_embedding = self.param("r_embedding", init, (*shape, c.d_head))
            self.r_bias = self.param("r_bias", init, shape)
        self.output = nn.DenseGeneral(
            c.d_model, axis=(-2, -1), use_bias=False, kernel_init=init, dtype=c.dtype
        )
        self.dropout = nn.Dropout(c.attention_dropout)

    def key_value(self, x: Float[Array, "batch time d_model"]) -> KeyValue:
        return KeyValue(self.key(x), self.value(x))

    def __call__(self, h, keys: KeyValue, position, u, v, mask, train):
        """h [batch, time, d_model] attends to `keys` [batch, key, heads, d_head]."""
        q = self.query(h)
        scores = self._scores(q, keys.key, position, u, v)
        weights = masked_softmax(scores, mask)
        # For whoever asks for intermediates; otherwise nothing is kept.
        self.sow("intermediates", "scored", (q, keys.key, position, u, v))
        self.sow("intermediates", "weights", weights)
        weights = self.dropout(weights, deterministic=not train)
        return self.output(attend(weights, keys.value))

    def _scores(self, q, k, position, u, v) -> Float[Array, "batch heads time key"]:
        c = self.config
        if c.attention == "relative":
            return relative_scores(q, k, position, u, v)
        if c.attention == "shaw":
            n = k.shape[1]
            by_key = jnp.einsum("bthd,bkhd->bhtk", q + u, k)
            table, bias = newest(self.r_embedding, n), newest(self.r_bias, n)
            by_distance = jnp.einsum("bthd,khd->bhtk", q, table) + bias.T[:, None]
            return (by_key + relative_shift(by_distance)) * c.d_head**-0.5
        return jnp.einsum("bthd,bkhd->bhtk", q, k) * c.d_head**-0.5

    def decode(self, h, ring: KVRing, t, position, u, v):
        """One token: h [batch, d_model], its past in `ring`; `position` [heads, slots,
        d_head] by distance 0, 1, ..."""
        q = self.query(h)
        ring = ring.write(t, self.key(h), self.value(h))
        distance = ring.distances(t)
        by_key = jnp.einsum("bhd,bhsd->bhs", q + u, ring.key)
        by_distance = jnp.einsum("bhd,hsd->bhs", q + v, position)
        scores = (by_key + by_distance[..., distance]) * self.config.d_head**-0.5
        weights = masked_softmax(scores, distance <= t)
        values = jnp.einsum("bhs,bhsd->bhd", weights.astype(h.dtype), ring.value)
        return self.output(values), ring


def newest(table: Float[Array, "size *features"], n: int):
    """The last n rows of a table ordered from far to near; what lies farther than the
    table reaches takes its first row."""
    rows = jnp.arange(n) + table.shape[0] - n
    return table[jnp.maximum(rows, 0)]


class Layer(nn.Module):
    """Attention and feed-forward, each with residual and LayerNorm (post or pre)."""

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

    def __call__(self, h, past, position, u, v, mask, train):
        """h [batch, time, d_model] -> (the next h, this segment's keys and values)."""
        normed = self._pre(self.attention_norm, h)
        new = self.attention.key_value(normed)
        if not isinstance(past, KeyValue):
            # Apart from the segment's: no gradient enters the memory, none is computed.
            past = self.attention.key_value(self._pre(self.attention_norm, past))
        keys = jax.tree.map(lambda a, b: jnp.concatenate([a, b], 1), past, new)
        out = self.attention(normed, keys, position, u, v, mask, train)
        h = h + self.dropout(out, deterministic=not train)
        return self._feed_forward(self._post(self.attention_norm, h), train), new

    def decode(self, h, ring, t, position, u, v):
        """One token [batch, d_model] and its ring of past keys."""
        normed = self._pre(self.attention_norm, h)
        out, ring = self.attention.decode(normed, ring, t, position, u, v)
        return self._feed_forward(self._post(self.attention_norm, h + out), False), ring

    def _feed_forward(self, h, train):
        x = nn.relu(self.ff_1(self._pre(self.ff_norm, h)))
        x = self.ff_2(self.dropout(x, deterministic=not train))
        h = h + self.dropout(x, deterministic=not train)
        return self._post(self.ff_norm, h)

    def _pre(self, norm, x):
        return norm(x) if self.config.pre_norm else x

    def _post(self, norm, x):
        return x if self.config.pre_norm else norm(x)
