"""The Transformer-XL network (Dai et al. 2019, section 3).

Axes: batch, time (the segment), past (the memory), key = past + time, heads, d_head,
d_model, layers.
"""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from common.attention import KVRing, causal_mask
from common.repeat import repeat
from papers.transformer_xl.adaptive import AdaptiveVocabulary
from papers.transformer_xl.config import Model
from papers.transformer_xl.encodings import ENCODINGS, Given, Segment, distance_sines
from papers.transformer_xl.layer import Layer, Mask, Projected
from papers.transformer_xl.memory import Memory, ProjectedMemory

Tokens = Int[Array, "batch time"]
LogProbs = Float[Array, "batch time vocab"]


class TransformerXL(nn.Module):
    """Tokens and memory in, hidden states and the next memory out."""

    config: Model

    def setup(self):
        c = self.config
        self.vocabulary = AdaptiveVocabulary(c)
        self.layers = [Layer(c) for _ in range(c.n_layers)]
        self.dropout = nn.Dropout(c.dropout)
        init = nn.initializers.normal(c.init_std)
        self.tables = {
            name: self.param(name, init, shape)
            for name, shape in ENCODINGS[c.attention].tables(c).items()
        }

    def __call__(
        self, tokens: Tokens, memory: Memory, train: bool = False
    ) -> tuple[Segment, Memory]:
        c = self.config
        encoding = ENCODINGS[c.attention]
        read = jnp.concatenate([memory.tokens, tokens], axis=1)
        mask = self._mask(memory, read.shape[1])
        shared = {
            name: self.dropout(x, deterministic=not train)
            for name, x in encoding.shared(c, mask.shape[-1]).items()
        }
        h = encoding.embedded(self.vocabulary.embed(read))
        h = self.dropout(h, deterministic=not train)

        def run(layer, h, own):
            past, given = own
            return layer(h, past, shared | given, mask, train), h

        own = [*zip(memory.layers, self._given(), strict=True)]
        h, inputs = repeat(run, self.layers, h, own, loop=c.scan, remat=c.remat)
        h = h[:, memory.tokens.shape[1] :]
        return self.dropout(h, deterministic=not train), memory.extend(inputs, read)

    def _mask(self, memory: Memory, time: int) -> Mask:
        """True where a query sees a key: in its past, within the window, and where the
        memory, and the tokens that are read again, have been filled."""
        keys = memory.length + time
        causal = causal_mask(time, keys, self.config.window or None)
        empty = jnp.arange(keys) < memory.length - memory.valid[:, None]
        return (causal & ~empty[:, None, :])[:, None]

    def _given(self) -> list[Given]:
        """Each layer's rows of the network's tables."""
        return [
            {name: table[min(i, len(table) - 1)] for name, table in self.tables.items()}
            for i in range(self.config.n_layers)
        ]

    def nll(
        self,
        tokens: Tokens,
        targets: Tokens,
        memory: Memory,
        train: bool = False,
        dense: bool = True,
    ) -> tuple[Float[Array, "batch time"], Memory]:
        """-log p(target) in nats, and the next memory."""
        hidden, memory = self(tokens, memory, train)
        return self.vocabulary.nll(hidden, targets, dense=dense), memory

    def log_probs(self, tokens: Tokens, memory: Memory) -> tuple[LogProbs, Memory]:
        """log p of the token after each of the segment's, and the next memory."""
        hidden, memory = self(tokens, memory)
        return self.vocabulary.log_probs(hidden), memory

    def last_log_probs(
        self, tokens: Tokens, memory: Memory
    ) -> Float[Array, "batch vocab"]:
        """log p of the token after the segment."""
        hidden, _ = self(tokens, memory)
        return self.vocabulary.log_probs(hidden[:, -1])

    # Below: evaluation that keeps its projections, for attention="relative" only.

    def project_positions(self, keys: int) -> tuple[Projected, ...]:
        """W_r R of every layer, for distances keys - 1 ... 0."""
        sines = distance_sines(self.config, keys)
        return tuple(layer.attention.encoding.position(sines) for layer in self.layers)

    def cached_log_probs(
        self,
        tokens: Tokens,
        memory: ProjectedMemory,
        positions: tuple[Projected, ...],
    ) -> tuple[LogProbs, ProjectedMemory]:
        """As `log_probs`, with keys and values in the memory, and `positions` from
        `project_positions`."""
        mask = self._mask(memory, tokens.shape[1])
        h = self.vocabulary.embed(tokens)
        own = zip(memory.layers, positions, self._given(), strict=True)
        new = []
        for layer, (old, position, given) in zip(self.layers, own, strict=True):
            h, keys = layer.cached(h, old, position, given, mask)
            new.append(keys)
        return self.vocabulary.log_probs(h), memory.extend(new, tokens)

    def decode(
        self,
        token: Int[Array, "batch"],
        rings: tuple[KVRing, ...],
        t: Int[Array, ""],
        positions: tuple[Float[Array, "heads slots d_head"], ...],
    ) -> tuple[Float[Array, "batch vocab"], tuple[KVRing, ...]]:
        """Reads token t; returns log p of the next token, and the rings with t in them.
        Each layer has a ring, and W_r R for distances 0, 1, ... in `positions`. Equals
        evaluation by segments with a window of as many keys as a ring has slots."""
        h = self.vocabulary.embed(token)
        own = zip(rings, positions, self._given(), strict=True)
        new = []
        for layer, (ring, position, given) in zip(self.layers, own, strict=True):
            h, ring = layer.decode(h, ring, t, position, given)
            new.append(ring)
        return self.vocabulary.log_probs(h), tuple(new)
