"""What a detector has found, as arrays of a fixed size."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int


@struct.dataclass
class Detections:
    """K boxes by falling score. Where `present` is False there was none: score 0."""

    boxes: Float[Array, "*batch k 4"]
    scores: Float[Array, "*batch k"]
    present: Bool[Array, "*batch k"]
    index: Int[Array, "*batch k"]  # of the input's box
    classes: Int[Array, "*batch k"] | None = None


def collected(
    boxes: Float[Array, "*batch n 4"],
    scores: Float[Array, "*batch k"],
    index: Int[Array, "*batch k"],
    classes: Int[Array, "*batch n"] | None,
) -> Detections:
    """The boxes of these indices. A score of 0 means that there is none."""
    present = scores > 0
    index = jnp.minimum(index, boxes.shape[-2] - 1)
    chosen = jnp.take_along_axis(boxes, index[..., None], -2)
    found = Detections(
        boxes=jnp.where(present[..., None], chosen, 0),
        scores=scores,
        present=present,
        index=index,
    )
    if classes is None:
        return found
    own = jnp.take_along_axis(classes, index, -1)
    return found.replace(classes=own.astype(jnp.int32))


def nothing(batch: Sequence[int], k: int, dtype: Any, classes: bool) -> Detections:
    """k places without a box.

    classes: whether they have classes.
    """
    zeros = jnp.zeros((*batch, k), jnp.int32)
    return Detections(
        boxes=jnp.zeros((*batch, k, 4), dtype),
        scores=jnp.zeros((*batch, k), dtype),
        present=jnp.zeros((*batch, k), bool),
        index=zeros,
        classes=zeros if classes else None,
    )
