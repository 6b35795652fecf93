"""The blocks of the encoder and the decoder: Transformer's, with norms before parts.

Axes: batch, time (pieces), key (what they see), beams, heads, d_head, d_model.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float

from common.attention import dot_product_attention, masked_softmax
from common.transformer import MLP, Decoder, norm, product

Hidden = Float[Array, "batch time d_model"]
Mask = Bool[Array, "batch 1 time key"]


@struct.dataclass
class Cache:
    """Keys and values of the pieces that a beam has written, of one block."""

    key: Float[Array, "batch beams time heads d_head"]
    value: Float[Array, "batch beams time heads d_head"]


class Attention(nn.Module):
    """Multi-head attention to the same sequence or to another."""

    config: Decoder
    output_std: float

    def setup(self):
        c = self.config
        self.query = product(c, c.d_model, c.init_std)
        self.key_value = product(c, 2 * c.d_model, c.init_std)
        self.output = product(c, c.d_model, self.output_std)

    def __call__(self, x: Hidden, seen: Hidden, mask: Mask) -> Hidden:
        key, value = self.keys(seen)
        mean = dot_product_attention(self._heads(self.query(x)), key, value, mask)
        return self.output(mean.reshape(*x.shape))

    def keys(self, seen: Float[Array, "*batch d_model"]) -> tuple[Array, Array]:
        """Keys and values [*batch, heads, d_head]."""
        key, value = jnp.split(self.key_value(seen), 2, axis=-1)
        return self._heads(key), self._heads(value)

    def cached(
        self, x: Float[Array, "batch beams d_model"], cache: Cache, length: Array
    ) -> tuple[Float[Array, "batch beams d_model"], Cache]:
        """The piece number `length` of each beam, which sees those before it."""
        key, value = self.keys(x)
        put = jax.lax.dynamic_update_index_in_dim
        cache = Cache(
            put(cache.key, key, length, 2), put(cache.value, value, length, 2)
        )
        scores = jnp.einsum("bkhd,bkthd->bkht", self._heads(self.query(x)), cache.key)
        scores *= cache.key.shape[-1] ** -0.5
        weights = masked_softmax(scores, jnp.arange(cache.key.shape[2]) <= length)
        mean = jnp.einsum("bkht,bkthd->bkhd", weights.astype(x.dtype), cache.value)
        return self.output(mean.reshape(*x.shape)), cache

    def _heads(self, x: Float[Array, "*batch d_model"]) -> Array:
        return x.reshape(*x.shape[:-1], self.config.n_heads, -1)


class Block(nn.Module):
    """Attention to itself, to the source if there is one, and an MLP."""

    config: Decoder
    output_std: float
    reads_source: bool

    def setup(self):
        c = self.config
        self.own_norm = norm(c)
        self.own = Attention(c, self.output_std)
        if self.reads_source:
            self.source_norm = norm(c)
            self.source = Attention(c, self.output_std)
        self.mlp_norm = norm(c)
        self.mlp = MLP(c, self.output_std)
        self.dropout = nn.Dropout(c.dropout)

    def __call__(
        self,
        x: Hidden,
        mask: Mask,
        memory: Hidden | None = None,
        memory_mask: Mask | None = None,
        train: bool = False,
    ) -> Hidden:
        normed = self.own_norm(x)
        x += self.dropout(self.own(normed, normed, mask), deterministic=not train)
        if memory is not None:
            out = self.source(self.source_norm(x), memory, memory_mask)
            x += self.dropout(out, deterministic=not train)
        return x + self.dropout(self.mlp(self.mlp_norm(x)), deterministic=not train)

    def cached(
        self, x: Hidden, cache: Cache, length: Array, memory: Hidden, memory_mask: Mask
    ) -> tuple[Hidden, Cache]:
        out, cache = self.own.cached(self.own_norm(x), cache, length)
        x += out
        # The beams of a row read one source, as the pieces of a text do.
        x += self.source(self.source_norm(x), memory, memory_mask)
        return x + self.mlp(self.mlp_norm(x)), cache
