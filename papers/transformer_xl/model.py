"""The Transformer-XL network (Dai et al. 2019, section 3).

Axes: batch, time (the segment), past (the memory), key = past + time, heads, d_head,
d_model, layers.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from common.attention import (
    KVRing,
    attend,
    causal_mask,
    masked_softmax,
    relative_scores,
    relative_shift,
    sinusoids,
)
from papers.transformer_xl.adaptive import AdaptiveVocabulary
from papers.transformer_xl.config import Model
from papers.transformer_xl.memory import KeyValue, Memory


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
            table, bias = _newest(self.r_embedding, n), _newest(self.r_bias, n)
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


def _newest(table: Float[Array, "size *features"], n: int):
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


class TransformerXL(nn.Module):
    """Tokens and memory in, hidden states and the next memory out."""

    config: Model

    def setup(self):
        c = self.config
        self.vocabulary = AdaptiveVocabulary(c)
        layer = Layer
        if c.remat:  # recompute each layer in the backward pass; `train` is static
            layer = nn.remat(Layer, static_argnums=(7,))
        self.layers = [layer(c) for _ in range(c.n_layers)]
        self.dropout = nn.Dropout(c.dropout)
        init = nn.initializers.normal(c.init_std)
        shape = (c.n_layers if c.untied_biases else 1, c.n_heads, c.d_head)
        if c.attention in ("relative", "shaw"):
            self.u = self.param("u", init, shape)
        if c.attention == "relative":
            self.v = self.param("v", init, shape)
        if c.attention == "al_rfou":
            shape = (c.n_layers, c.max_keys, c.d_model)
            self.position_table = self.param("position_table", init, shape)

    def __call__(
        self,
        tokens: Int[Array, "batch time"],
        memory: Memory,
        positions: tuple | None = None,
        train: bool = False,
    ) -> tuple[Float[Array, "batch time d_model"], Memory]:
        """`positions` from `project_positions`, when the caller keeps them."""
        c = self.config
        time, past = tokens.shape[1], memory.length
        mask = causal_mask(time, past + time, c.window or None)
        empty = jnp.arange(past + time) < past - memory.valid[:, None]
        mask = (mask & ~empty[:, None, :])[:, None]  # batch 1 time key
        sines = None
        if positions is None and c.attention == "relative":
            sines = self.dropout(self._sines(past + time), deterministic=not train)
        h = self.vocabulary.embed(tokens)
        if c.attention == "vaswani":
            h = h + sinusoids(jnp.arange(time, dtype=jnp.float32), c.d_model)
        h = self.dropout(h, deterministic=not train)
        stack = self._unrolled
        if c.scan and positions is None and not self.is_initializing():
            stack = self._scanned
        h, new = stack(h, memory.layers, positions or sines, mask, train)
        return self.dropout(h, deterministic=not train), memory.extend(new)

    def _unrolled(self, h, memory: tuple, positions, mask, train):
        """The layers one after the other -> (h, what the memory takes in of each)."""
        new = []
        for i, layer in enumerate(self.layers):
            position = positions
            if isinstance(positions, tuple):
                position = positions[i]
            elif positions is not None:
                position = layer.attention.position(positions)
            xs = (memory[i], *self._biases(i), self._table(i))
            h, kept = self._layer(layer, h, xs, position, mask, train)
            new.append(kept)
        return h, new

    def _scanned(self, h, memory: tuple, sines, mask, train):
        """As `_unrolled`, in one loop over the layers' stacked parameters: XLA compiles
        one layer, and holds one layer's gathered parameters at a time. Dropout draws
        other masks."""
        c = self.config
        layer = Layer(c, parent=None)
        key = self.make_rng("dropout") if train and c.drops else jax.random.key(0)

        def body(h, xs):
            params, key, *xs = xs

            def run(layer, h):
                position = None if sines is None else layer.attention.position(sines)
                return self._layer(layer, h, xs, position, mask, train)

            return nn.apply(run, layer)({"params": params}, h, rngs={"dropout": key})

        def inputs(i):
            params, own = self.layers[i].variables["params"], jax.random.fold_in(key, i)
            return params, own, memory[i], *self._biases(i), self._table(i)

        layers = map(inputs, range(c.n_layers))
        xs = jax.tree.map(lambda *leaves: jnp.stack(leaves), *layers)
        h, kept = jax.lax.scan(jax.checkpoint(body) if c.remat else body, h, xs)
        return h, [jax.tree.map(lambda x, i=i: x[i], kept) for i in range(c.n_layers)]

    def _layer(self, layer: Layer, h, xs: tuple, position, mask, train):
        """One layer, given its memory, biases and position table."""
        old, u, v, table = xs
        inputs = h
        if table is not None:
            past = old.shape[1]
            table = _newest(table, past + h.shape[1])
            old, h = old + table[:past], h + table[past:]
        h, keys = layer(h, old, position, u, v, mask, train)
        return h, keys if isinstance(old, KeyValue) else inputs

    def _table(self, i: int):
        """al_rfou's positions of layer i, for memory and segment."""
        if self.config.attention != "al_rfou":
            return None
        return self.position_table[i]

    def _sines(self, keys: int) -> Float[Array, "key d_model"]:
        """R for distances keys - 1 ... 0, none above clamp_len."""
        distance = jnp.arange(keys - 1, -1, -1, dtype=jnp.float32)
        if self.config.clamp_len:
            distance = jnp.minimum(distance, self.config.clamp_len)
        return sinusoids(distance, self.config.d_model).astype(self.config.dtype)

    def _biases(self, i: int):
        """u and v of layer i: one pair a layer, or one for all."""
        row = i if self.config.untied_biases else 0
        u = self.u[row] if hasattr(self, "u") else None
        return u, self.v[row] if hasattr(self, "v") else None

    def project_positions(
        self, keys: int
    ) -> tuple[Float[Array, "key heads d_head"], ...]:
        """W_r R of every layer for distances keys - 1 ... 0: evaluation keeps it."""
        sines = self._sines(keys)
        return tuple(layer.attention.position(sines) for layer in self.layers)

    def decode(self, token: Int[Array, "batch"], rings: tuple, t, positions: tuple):
        """Reads token t; returns log p [batch, vocab] of the next, and the rings.
        `rings` and `positions` (distances 0, 1, ...) are per layer. Equals segment
        evaluation with a window of as many keys as a ring has slots."""
        h, new = self.vocabulary.embed(token), []
        for i, layer in enumerate(self.layers):
            h, ring = layer.decode(h, rings[i], t, positions[i], *self._biases(i))
            new.append(ring)
        return self.vocabulary.log_probs(h), tuple(new)

    def nll(self, tokens, targets, memory, positions=None, train=False, dense=True):
        """(-log p(target) [batch, time] in nats, the next memory)."""
        hidden, memory = self(tokens, memory, positions, train)
        return self.vocabulary.nll(hidden, targets, dense=dense), memory

    def log_probs(self, tokens, memory, positions=None):
        """(log p [batch, time, vocab], the next memory)."""
        hidden, memory = self(tokens, memory, positions)
        return self.vocabulary.log_probs(hidden), memory

    def last_log_probs(self, tokens, memory):
        """log p [batch, vocab] of the token after the segment."""
        hidden, _ = self(tokens, memory)
        return self.vocabulary.log_probs(hidden[:, -1])
