"""Averages that survive ragged batches: a total and a count, never a mean of means."""

import chex
import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Num


@struct.dataclass
class Mean:
    """A mean not yet divided. Add those of all batches, then ask for `value`."""

    total: Float[Array, ""]
    count: Float[Array, ""]

    @classmethod
    def of(
        cls, values: Num[Array, "*shape"], mask: Num[Array, "*shape"] | None = None
    ) -> "Mean":
        """Sums `values` where `mask` is not 0 (a weight is allowed), in float32. What
        is masked may be anything, nan included."""
        values = jnp.asarray(values, jnp.float32)
        weight = jnp.ones_like(values) if mask is None else mask.astype(jnp.float32)
        chex.assert_equal_shape([values, weight])
        counted = jnp.where(weight != 0, values, 0.0) * weight
        return cls(jnp.sum(counted), jnp.sum(weight))

    def __add__(self, other: "Mean") -> "Mean":
        return Mean(self.total + other.total, self.count + other.count)

    @property
    def value(self) -> Float[Array, ""]:
        """The mean; 0 where nothing was counted."""
        return self.total / jnp.maximum(self.count, 1e-9)

    def across(self, axis_name: str | None) -> "Mean":
        """Adds up over the devices of a pmap or shard_map axis; None: alone already."""
        return self if axis_name is None else jax.lax.psum(self, axis_name)


def in_top(
    logits: Float[Array, "*batch classes"], labels: Int[Array, "*batch"], k: int
) -> Bool[Array, "*batch"]:
    """Whether fewer than k classes have a larger logit than the label's; of equal ones
    the first counts as larger, as in argmax. Never where the label's is nan."""
    own = jnp.take_along_axis(logits, labels[..., None], axis=-1, mode="clip")
    before = jnp.arange(logits.shape[-1]) < labels[..., None]
    larger = (logits > own) | ((logits == own) & before)
    return (jnp.sum(larger, axis=-1) < k) & ~jnp.isnan(own[..., 0])
