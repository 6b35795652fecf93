"""The Transformer-XL network (Dai et al. 2019, section 3).

Axes: batch, time (the segment), past (the memory), key = past + time, heads, d_head,
d_model, layers.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from common.attention import causal_mask, sinusoids
from papers.transformer_xl.adaptive import AdaptiveVocabulary
from papers.transformer_xl.config import Model
from papers.transformer_xl.layer import Layer, newest
from papers.transformer_xl.memory import KeyValue, Memory


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
            table = newest(table, past + h.shape[1])
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
