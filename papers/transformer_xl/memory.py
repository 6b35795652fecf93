"""The memory: what a segment sees of the ones before it.

Axes: batch, past (the memory's length), d_model, heads, d_head.
"""

from collections.abc import Sequence
from typing import Self

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from papers.transformer_xl.config import Model


@struct.dataclass
class Memory:
    """Each layer's inputs in the segments before, and tokens that the next segment
    reads again in front of its own (the released PyTorch code's ext_len).

    The shapes are fixed and start as zeros. The last `valid` states are real. Below 0,
    none is, and the first -`valid` of `tokens` are not real either.
    """

    layers: tuple[Float[Array, "batch past d_model"], ...]
    valid: Int[Array, "batch"]
    tokens: Int[Array, "batch again"]

    @property
    def length(self) -> int:
        return jax.tree.leaves(self.layers)[0].shape[1]

    def forget(self, first: Bool[Array, "batch"]) -> Self:
        """Empties the rows that begin a new text."""
        return self.replace(valid=jnp.where(first, -self.tokens.shape[1], self.valid))

    def extend(self, new: Sequence, read: Int[Array, "batch again+time"]) -> Self:
        """SG([old, new]) cut to the newest `length`, layer by layer (section 3.2).

        new: each layer's inputs [batch, again + time, ...] in a segment of the tokens
        `read`. Its last tokens are kept as tokens, not as states.
        """
        time = read.shape[1] - self.tokens.shape[1]

        def shift(old, fresh):
            joined = jnp.concatenate([old, fresh[:, :time].astype(old.dtype)], axis=1)
            return jax.lax.stop_gradient(joined[:, time:])

        return self.replace(
            layers=jax.tree.map(shift, self.layers, tuple(new)),
            valid=jnp.minimum(self.valid + time, self.length),
            tokens=read[:, time:].astype(self.tokens.dtype),
        )


@struct.dataclass
class KeyValue:
    """Keys and values of a memory, of a segment, or of both."""

    key: Float[Array, "batch past heads d_head"]
    value: Float[Array, "batch past heads d_head"]

    def then(self, new: "KeyValue") -> "KeyValue":
        """These, followed in time by the new ones."""
        return jax.tree.map(lambda a, b: jnp.concatenate([a, b], 1), self, new)


@struct.dataclass
class ProjectedMemory(Memory):
    """A memory of keys and values, which evaluation may keep in place of the inputs
    that they are projected from."""

    layers: tuple[KeyValue, ...]


def empty_memory(config: Model, batch: int, length: int, ext_len: int = 0) -> Memory:
    """Memory before anything was read, of so many states and tokens."""
    shape = (batch, length, config.d_model)
    # A buffer a layer: one array donated under many names would be refused.
    layers = tuple(jnp.zeros(shape, config.dtype) for _ in range(config.n_layers))
    tokens = jnp.zeros((batch, ext_len), jnp.int32)
    return Memory(layers, jnp.full(batch, -ext_len, jnp.int32), tokens)


def projected_memory(config: Model, batch: int, length: int) -> ProjectedMemory:
    """As `empty_memory`, for keys and values."""
    shape = (batch, length, config.n_heads, config.d_head)
    zeros = jnp.zeros(shape, config.dtype)
    layers = (KeyValue(zeros, zeros),) * config.n_layers
    tokens = jnp.zeros((batch, 0), jnp.int32)
    return ProjectedMemory(layers, jnp.zeros(batch, jnp.int32), tokens)
