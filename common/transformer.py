"""The Transformer's decoder block, with its norms before or after what they feed.

A block reads rows of text in two ways that agree: whole, for training, and through a
cache of the keys and values of what was read before. With the cache, one call reads a
prompt or a single token, and every row of a batch may stand at another position.

Axes: batch, time (tokens that are read now), key or slots (tokens that they may see),
heads, d_head, d_model.
"""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from common.attention import masked_softmax
from common.causal_attention import causal_attention
from common.config import at_least, between, dtype
from common.gelu import gelu
from common.row_products import row_product

Tokens = Int[Array, "batch time"]
Hidden = Float[Array, "batch time d_model"]
Heads = Float[Array, "batch time heads d_head"]
Seen = Bool[Array, "#batch 1 time key"]


@dataclasses.dataclass
class Decoder:
    """`config.model` of a decoder: the sizes, and how parameters are drawn."""

    vocab_size: int = at_least(1, 256)
    context: int = at_least(1, 64)  # positions: no token sees further back
    n_layers: int = at_least(1, 4)
    d_model: int = at_least(1, 128)
    n_heads: int = at_least(1, 4)
    d_inner: int = at_least(0)  # 0: four times d_model
    bias: bool = True  # in products and norms
    dropout: float = between(0.0, 1.0)  # of embeddings and of what a block adds
    attention_dropout: float = between(0.0, 1.0)
    init_std: float = at_least(0.0, 0.02)
    position_init_std: float = at_least(0.0, 0.02)
    norm_epsilon: float = at_least(0.0, 1e-5)
    dtype: str = dtype()
    remat: bool = False  # recompute blocks in the backward pass
    scan: bool = False  # one loop over the blocks: deep networks compile in less time

    @property
    def inner(self) -> int:
        return self.d_inner or 4 * self.d_model


@struct.dataclass
class Cache:
    """The keys and values of one block, a slot for each position of a row's text.

    Heads come before slots, the order in which the products over slots read them. A
    slot at or beyond what a row has read holds anything; no query sees it.
    """

    key: Float[Array, "batch heads slots d_head"]
    value: Float[Array, "batch heads slots d_head"]

    @classmethod
    def empty(cls, config: Decoder, batch: int, slots: int) -> "Cache":
        width = config.d_model // config.n_heads
        shape = batch, config.n_heads, slots, width
        return cls(jnp.zeros(shape, config.dtype), jnp.zeros(shape, config.dtype))

    def write(self, start: Int[Array, "batch"], key: Heads, value: Heads) -> "Cache":
        """Row b's tokens go to the slots from start[b] on. They must fit: a start that
        is too large is moved back, without an error."""
        return Cache(_write(self.key, start, key), _write(self.value, start, value))


Caches = tuple[Cache, ...]  # one a block


def empty_caches(config: Decoder, batch: int, slots: int) -> Caches:
    """The caches of texts of which nothing is read."""
    return tuple(Cache.empty(config, batch, slots) for _ in range(config.n_layers))


def _write(cache, start, new):
    def row(cache, start, new):
        return jax.lax.dynamic_update_slice_in_dim(cache, new, start, axis=1)

    return jax.vmap(row)(cache, start, jnp.swapaxes(new, 1, 2).astype(cache.dtype))


def seen_through_cache(start: Int[Array, "batch"], time: int, slots: int) -> Seen:
    """True where token start + i of a row sees the slot j: j <= start + i."""
    position = start[:, None] + jnp.arange(time)
    return (jnp.arange(slots) <= position[..., None])[:, None]


class Attention(nn.Module):
    """Multi-head attention of a text to itself (Vaswani et al. 2017, section 3.2).

    output_std: the standard deviation from which the output's weights are drawn.
    """

    config: Decoder
    output_std: float

    def setup(self):
        c = self.config
        self.qkv = product(c, 3 * c.d_model, c.init_std)
        self.output = product(c, c.d_model, self.output_std)
        self.dropout = nn.Dropout(c.attention_dropout)

    def __call__(self, x: Hidden, train: bool) -> Hidden:
        query, key, value = self._heads(x)
        kept = None
        if train and self.config.attention_dropout:
            batch, time, heads, _ = query.shape
            kept = self.dropout(jnp.ones((batch, heads, time, time)), False)
        return self._joined(causal_attention(query, key, value, kept))

    def cached(
        self, x: Hidden, cache: Cache, start: Int[Array, "batch"], seen: Seen
    ) -> tuple[Hidden, Cache]:
        query, key, value = self._heads(x)
        cache = cache.write(start, key, value)
        scores = jnp.einsum("bthd,bhkd->bhtk", query, cache.key)
        scores *= query.shape[-1] ** -0.5
        weights = masked_softmax(scores, seen).astype(cache.value.dtype)
        mean = jnp.einsum("bhtk,bhkd->bthd", weights, cache.value)
        return self._joined(mean), cache

    def _heads(self, x: Hidden) -> tuple[Heads, Heads, Heads]:
        """Queries, keys and values."""
        heads = self.config.n_heads
        parts = jnp.split(self.qkv(x), 3, axis=-1)
        query, key, value = (p.reshape(*p.shape[:2], heads, -1) for p in parts)
        return query, key, value

    def _joined(self, x: Heads) -> Hidden:
        return self.output(x.reshape(*x.shape[:2], -1))


class MLP(nn.Module):
    """Two products with GELU between, in its tanh form."""

    config: Decoder
    output_std: float

    def setup(self):
        c = self.config
        self.up = product(c, c.inner, c.init_std)
        self.down = product(c, c.d_model, self.output_std)

    def __call__(self, x: Hidden) -> Hidden:
        return self.down(gelu(self.up(x)))


class Block(nn.Module):
    """Attention and MLP, each added to what it reads.

    pre_norm: GPT-2's x + f(norm(x)); False: GPT's norm(x + f(x)).
    output_std: of the two products whose results are added.
    """

    config: Decoder
    pre_norm: bool
    output_std: float

    def setup(self):
        c = self.config
        self.attention_norm = norm(c)
        self.attention = Attention(c, self.output_std)
        self.mlp_norm = norm(c)
        self.mlp = MLP(c, self.output_std)
        self.dropout = nn.Dropout(c.dropout)

    def __call__(self, x: Hidden, train: bool = False) -> Hidden:
        def attend_to_itself(x):
            return self.attention(x, train)

        x = self._added(self.attention_norm, attend_to_itself, x, train)
        return self._added(self.mlp_norm, self.mlp, x, train)

    def cached(
        self, x: Hidden, cache: Cache, start: Int[Array, "batch"], seen: Seen
    ) -> tuple[Hidden, Cache]:
        """As `__call__`, for tokens that follow those in the cache."""

        def attend_to_cache(x):
            nonlocal cache
            out, cache = self.attention.cached(x, cache, start, seen)
            return out

        x = self._added(self.attention_norm, attend_to_cache, x, False)
        return self._added(self.mlp_norm, self.mlp, x, False), cache

    def _added(self, norm, part, x: Hidden, train: bool) -> Hidden:
        out = part(norm(x) if self.pre_norm else x)
        x = x + self.dropout(out, deterministic=not train)
        return x if self.pre_norm else norm(x)


def product(config: Decoder, features: int, std: float) -> nn.Dense:
    return nn.Dense(
        features,
        use_bias=config.bias,
        kernel_init=nn.initializers.normal(std),
        dtype=config.dtype,
        dot_general=row_product,
    )


def norm(config: Decoder) -> nn.LayerNorm:
    return nn.LayerNorm(
        epsilon=config.norm_epsilon, use_bias=config.bias, dtype=config.dtype
    )
