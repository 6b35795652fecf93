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
    """Each layer's inputs in the segments before.

    The shape is fixed and starts as zeros, of which the last `valid` are real.
    """

    layers: tuple[Float[Array, "batch past d_model"], ...]
    valid: Int[Array, "batch"]

    @property
    def length(self) -> int:
        return jax.tree.leaves(self.layers)[0].shape[1]

    def forget(self, first: Bool[Array, "batch"]) -> Self:
        """Empties the rows that begin a new text."""
        return self.replace(valid=jnp.where(first, 0, self.valid))

    def extend(self, new: Sequence) -> Self:
        """SG([old, new]) cut to the newest `length`, layer by layer (section 3.2)."""

        def shift(old, fresh):
            joined = jnp.concatenate([old, fresh.astype(old.dtype)], axis=1)
            return jax.lax.stop_gradient(joined[:, fresh.shape[1] :])

        layers = jax.tree.map(shift, self.layers, tuple(new))
        time = jax.tree.leaves(new)[0].shape[1]
        valid = jnp.minimum(self.valid + time, self.length)
        return self.replace(layers=layers, valid=valid)


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


def empty_memory(config: Model, batch: int, length: int) -> Memory:
    """Memory before anything was read."""
    shape = (batch, length, config.d_model)
    # A buffer a layer: one array donated under many names would be refused.
    layers = tuple(jnp.zeros(shape, config.dtype) for _ in range(config.n_layers))
    return Memory(layers, jnp.zeros(batch, jnp.int32))


def projected_memory(config: Model, batch: int, length: int) -> ProjectedMemory:
    """As `empty_memory`, for keys and values."""
    shape = (batch, length, config.n_heads, config.d_head)
    zeros = jnp.zeros(shape, config.dtype)
    layers = (KeyValue(zeros, zeros),) * config.n_layers
    return ProjectedMemory(layers, jnp.zeros(batch, jnp.int32))
