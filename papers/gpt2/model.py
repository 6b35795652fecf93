"""The GPT-2 network (Radford et al. 2019, section 2.3).

Axes: batch, time, slots (of a cache), d_model, vocab.
"""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from common.losses import tied_cross_entropy, tied_logits
from common.repeat import repeat
from common.sharding import whole
from common.transformer import (
    Block,
    Caches,
    Hidden,
    Tokens,
    norm,
    seen_through_cache,
)
from papers.gpt2.config import Model


class GPT2(nn.Module):
    """Tokens in, hidden states out; logits are their products with the embeddings."""

    config: Model

    def setup(self):
        c = self.config
        normal = nn.initializers.normal
        self.tokens = nn.Embed(
            c.vocab_size,
            c.d_model,
            embedding_init=normal(c.init_std),
            dtype=c.dtype,
        )
        self.positions = nn.Embed(
            c.context,
            c.d_model,
            embedding_init=normal(c.position_init_std),
            dtype=c.dtype,
        )
        self.blocks = [Block(c, True, c.output_std) for _ in range(c.n_layers)]
        self.norm = norm(c)
        self.dropout = nn.Dropout(c.dropout)

    def __call__(self, tokens: Tokens, train: bool = False) -> Hidden:
        c = self.config
        time = tokens.shape[1]
        h = self._embedded(tokens, jnp.arange(time))
        h = self.dropout(h, deterministic=not train)

        def run(block, h, _):
            return block(h, train), None

        h, _ = repeat(run, self.blocks, h, loop=c.scan, remat=c.remat)
        return self.norm(h)

    def _embedded(self, tokens: Tokens, positions: Int[Array, "*batch time"]) -> Hidden:
        h = self._table()[tokens] + self.positions(positions)
        return h.astype(self.config.dtype)

    def _table(self) -> Float[Array, "vocab d_model"]:
        return whole(self.tokens.embedding.astype(self.config.dtype))

    def logits(self, hidden: Hidden) -> Float[Array, "batch time vocab"]:
        """The logits of the token after each; the embeddings are tied (section 2.3)."""
        return tied_logits(hidden, self._table())

    def nll(
        self, tokens: Tokens, targets: Tokens, train: bool = False
    ) -> Float[Array, "batch time"]:
        """-log p(target) in nats."""
        hidden = self(tokens, train)
        at_once = self.config.logits_at_once
        return tied_cross_entropy(hidden, self._table(), targets, at_once)

    def cached(
        self, tokens: Tokens, caches: Caches, start: Int[Array, "batch"]
    ) -> tuple[Hidden, Caches]:
        """As `__call__`, for tokens that stand at the positions from start[b] on in row
        b, and follow those in the caches."""
        time = tokens.shape[1]
        seen = seen_through_cache(start, time, caches[0].key.shape[2])
        h = self._embedded(tokens, start[:, None] + jnp.arange(time))
        new = []
        for block, cache in zip(self.blocks, caches, strict=True):
            h, cache = block.cached(h, cache, start, seen)
            new.append(cache)
        return self.norm(h), tuple(new)
