"""The memory: what a segment sees of the ones before it.

Axes: batch, past (the memory's length), d_model, heads, d_head.
"""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from papers.transformer_xl.config import Model


@struct.dataclass
class KeyValue:
    """Memory that has already been projected: what evaluation may keep instead."""

    key: Float[Array, "batch past heads d_head"]
    value: Float[Array, "batch past heads d_head"]


@struct.dataclass
class Memory:
    """What a segment sees of the ones before it: each layer's inputs there.

    The shape is fixed and starts as zeros, of which the last `valid` are real.
    """

    layers: tuple[Float[Array, "batch past d_model"] | KeyValue, ...]
    valid: Int[Array, "batch"]

    @property
    def length(self) -> int:
        return jax.tree.leaves(self.layers)[0].shape[1]

    def forget(self, first: Bool[Array, "batch"]) -> "Memory":
        """Empties the rows that begin a new text."""
        return self.replace(valid=jnp.where(first, 0, self.valid))

    def extend(self, new: list) -> "Memory":
        """SG([old, new]) cut to the newest `length`, layer by layer."""

        def shift(old, fresh):
            joined = jnp.concatenate([old, fresh.astype(old.dtype)], axis=1)
            return jax.lax.stop_gradient(joined[:, fresh.shape[1] :])

        layers = jax.tree.map(shift, self.layers, tuple(new))
        time = jax.tree.leaves(new)[0].shape[1]
        return Memory(layers, jnp.minimum(self.valid + time, self.length))


def empty_memory(config: Model, batch: int, length: int) -> Memory:
    """Memory before anything was read."""
    shape = (batch, length, config.d_model)
    # A buffer a layer: one array donated under many names would be refused.
    layers = tuple(jnp.zeros(shape, config.dtype) for _ in range(config.n_layers))
    return Memory(layers, jnp.zeros(batch, jnp.int32))


def projected_memory(config: Model, batch: int, length: int) -> Memory:
    """As `empty_memory`, holding keys and values (evaluation only)."""
    shape = (batch, length, config.n_heads, config.d_head)
    zeros = jnp.zeros(shape, config.dtype)
    layers = (KeyValue(zeros, zeros),) * config.n_layers
    return Memory(layers, jnp.zeros(batch, jnp.int32))
