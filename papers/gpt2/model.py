"""The GPT-2 network (Radford et al. 2019, section 2.3).

Axes: batch, time, slots (of a cache), d_model, vocab.
"""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from common.attention import causal_mask
from common.losses import cross_entropy
from common.repeat import repeat
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
        seen = causal_mask(time, time)[None, None]
        h = self.tokens(tokens) + self.positions(jnp.arange(time))
        h = self.dropout(h, deterministic=not train)

        def run(block, h, _):
            return block(h, seen, train), None

        h, _ = repeat(run, self.blocks, h, loop=c.scan, remat=c.remat)
        return self.norm(h)

    def logits(self, hidden: Hidden) -> Float[Array, "batch time vocab"]:
        """The logits of the token after each; the embeddings are tied (section 2.3)."""
        table = self.tokens.embedding.astype(hidden.dtype)
        return jnp.einsum(
            "btd,vd->btv", hidden, table, preferred_element_type=jnp.float32
        )

    def nll(
        self, tokens: Tokens, targets: Tokens, train: bool = False
    ) -> Float[Array, "batch time"]:
        """-log p(target) in nats."""
        return cross_entropy(self.logits(self(tokens, train)), targets)

    def cached(
        self, tokens: Tokens, caches: Caches, start: Int[Array, "batch"]
    ) -> tuple[Hidden, Caches]:
        """As `__call__`, for tokens that stand at the positions from start[b] on in row
        b, and follow those in the caches."""
        time = tokens.shape[1]
        seen = seen_through_cache(start, time, caches[0].key.shape[2])
        h = self.tokens(tokens) + self.positions(start[:, None] + jnp.arange(time))
        new = []
        for block, cache in zip(self.blocks, caches, strict=True):
            h, cache = block.cached(h, cache, start, seen)
            new.append(cache)
        return self.norm(h), tuple(new)
