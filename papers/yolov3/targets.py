"""Which slot predicts which object, and what it should say there (section 2.1).

An object belongs to the cell that its centre falls into and to the prior, of all
scales, that is most like it in width and height. Where two objects want one slot, the
last one's box is learnt and the labels of both.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from common.boxes import area, from_centres, iou, to_centres
from papers.yolov3.decode import Grid, Scale

SMALLEST = 1e-6  # pixels; keeps the logarithm of an absent object's side finite


class Truths(NamedTuple):
    """The objects of an image."""

    boxes: Float[Array, "truths 4"]  # corners in pixels of the network's input
    classes: Int[Array, "truths"]
    present: Bool[Array, "truths"]


class Targets(NamedTuple):
    """What every slot of an image should say."""

    positive: Bool[Array, "slots"]  # it predicts an object
    ignored: Bool[Array, "slots"]  # its objectness is neither right nor wrong
    offset: Float[Array, "slots 2"]  # the centre within its cell, in cells
    log_sides: Float[Array, "slots 2"]  # log(side / prior)
    scale: Float[Array, "slots"]  # 2 - w h: small objects count more
    classes: Float[Array, "slots classes"]  # 1 for every label that the object has


def targets(
    truths: Truths,
    grid: Grid,
    scales: Sequence[Scale],
    anchors: Float[Array, "anchors 2"],
    predicted: Float[Array, "slots 4"],
    size: tuple[int, int],
    classes: int,
    *,
    ignore: float,
    positive_above: float | None = None,
) -> Targets:
    """The targets of one image.

    Args:
      predicted: the boxes that the slots predict now, in pixels.
      size: height and width of the network's input.
      ignore: a slot whose box overlaps an object by more than this IoU is not told that
        there is none.
      positive_above: a slot whose box overlaps an object by more than this is positive
        for it besides, as in Faster R-CNN (section 4).
    """
    overlap = iou(predicted, truths.boxes) * truths.present
    best = jnp.max(overlap, axis=-1)
    owner = slot_owners(truths, scales, anchors, size)
    labels = slot_labels(truths, scales, anchors, size, classes)
    if positive_above is not None:
        near = best > positive_above
        nearest = jnp.argmax(overlap, axis=-1)
        label = jax.nn.one_hot(truths.classes[nearest], classes) * near[:, None]
        labels = jnp.maximum(labels, label)
        owner = jnp.where((owner < 0) & near, nearest, owner)
    positive = owner >= 0
    box = truths.boxes[jnp.maximum(owner, 0)]
    middle, sides = jnp.split(to_centres(box), 2, axis=-1)
    height, width = size
    return jax.lax.stop_gradient(
        Targets(
            positive=positive,
            ignored=(best > ignore) & ~positive,
            offset=middle / grid.stride - grid.cell,
            log_sides=jnp.log(jnp.maximum(sides, SMALLEST) / grid.prior),
            scale=2.0 - area(box) / (height * width),
            classes=labels,
        )
    )


def best_prior(
    boxes: Float[Array, "truths 4"], anchors: Float[Array, "anchors 2"]
) -> Int[Array, "truths"]:
    """The prior with the largest IoU when both are centred; of equal ones the first."""
    sides = to_centres(boxes)[..., 2:]
    centred = [jnp.concatenate([jnp.zeros_like(x), x], -1) for x in (sides, anchors)]
    return jnp.argmax(iou(*map(from_centres, centred)), axis=-1)


def slots_of(
    truths: Truths,
    scales: Sequence[Scale],
    anchors: Float[Array, "anchors 2"],
    size: tuple[int, int],
) -> list[Int[Array, "truths"]]:
    """For each scale, the slot that every truth belongs to. Where its prior is another
    scale's, that is the number of all slots, one past the last."""
    prior = best_prior(truths.boxes, anchors)
    middle = to_centres(truths.boxes)[..., :2]
    total = count_slots(scales, size)
    slots = []
    first = 0
    for scale in scales:
        rows, columns = (side // scale.stride for side in size)
        last = jnp.array([columns - 1, rows - 1])
        column, row = jnp.clip(jnp.floor(middle / scale.stride), 0, last).T
        mask = jnp.array(scale.mask)
        place = jnp.argmax(prior[:, None] == mask, axis=-1)
        owned = jnp.any(prior[:, None] == mask, axis=-1) & truths.present
        cell = (row * columns + column).astype(jnp.int32)
        slots.append(jnp.where(owned, first + cell * len(scale.mask) + place, total))
        first += rows * columns * len(scale.mask)
    return slots


def count_slots(scales: Sequence[Scale], size: tuple[int, int]) -> int:
    """Slots of all scales: 10,647 for 416 x 416 pixels and three scales."""
    height, width = size
    return sum((height // x.stride) * (width // x.stride) * len(x.mask) for x in scales)


def slot_owners(truths, scales, anchors, size) -> Int[Array, "slots"]:
    """The number of the truth that every slot predicts, the last of those that want it;
    -1: none. Arguments are those of `slots_of`."""
    owners = jnp.full(count_slots(scales, size), -1)
    numbers = jnp.arange(len(truths.classes))
    for slots in slots_of(truths, scales, anchors, size):
        owners = owners.at[slots].max(numbers, mode="drop")
    return owners


def slot_labels(
    truths, scales, anchors, size, classes: int
) -> Float[Array, "slots classes"]:
    """1 for the labels of all truths that want the slot. Arguments are those of
    `slots_of`."""
    labels = jnp.zeros((count_slots(scales, size), classes))
    for slots in slots_of(truths, scales, anchors, size):
        labels = labels.at[slots, truths.classes].max(1.0, mode="drop")
    return labels
