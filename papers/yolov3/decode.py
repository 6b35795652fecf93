"""Boxes from the network's raw outputs: figure 2 of the paper.

The outputs of all scales are laid one after another, a row for each prior of each cell:
a slot. A raw row is t_x, t_y, t_w, t_h, t_o and a logit for each class.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from common.boxes import from_centres
from papers.yolov3.cfg import Cfg, strides, yolo_layers

LARGEST = 10.0  # logits of a size are clipped to this before e^t, which overflows
RawMap = Float[Array, "batch rows columns priors outputs"]
Slots = Float[Array, "batch slots outputs"]


class Scale(NamedTuple):
    """One of the maps that the network gives."""

    mask: tuple[int, ...]  # numbers of its priors, among those of all scales
    stride: int  # pixels of a cell's side


class Grid(NamedTuple):
    """What is known of every slot before the network is run."""

    cell: Float[Array, "slots 2"]  # column and row, c_x and c_y
    prior: Float[Array, "slots 2"]  # width and height in pixels, p_w and p_h
    stride: Float[Array, "slots 1"]  # pixels of a cell's side


class Predicted(NamedTuple):
    """What every slot says."""

    boxes: Float[Array, "*batch slots 4"]  # corners, in pixels of the network's input
    objectness: Float[Array, "*batch slots"]
    classes: Float[Array, "*batch slots classes"]  # each by itself: no softmax


def centre(
    t: Float[Array, "*batch 2"], cell: Float[Array, "*#batch 2"]
) -> Float[Array, "*batch 2"]:
    """b_x = sigmoid(t_x) + c_x, b_y = sigmoid(t_y) + c_y, in cells."""
    return jax.nn.sigmoid(t) + cell


def sides(
    t: Float[Array, "*batch 2"], prior: Float[Array, "*#batch 2"]
) -> Float[Array, "*batch 2"]:
    """b_w = p_w e^{t_w}, b_h = p_h e^{t_h}, in the prior's unit."""
    return prior * jnp.exp(jnp.clip(t, -LARGEST, LARGEST))


def linear_centre(
    t: Float[Array, "*batch 2"], cell: Float[Array, "*#batch 2"]
) -> Float[Array, "*batch 2"]:
    """b_x = t_x + c_x: what section 4 tried in vain, for 2 AP less."""
    return t + cell


def multiple_centre(
    t: Float[Array, "*batch 2"],
    cell: Float[Array, "*#batch 2"],
    prior: Float[Array, "*#batch 2"],
) -> Float[Array, "*batch 2"]:
    """b_x = t_x p_w + c_x, the prior in cells: an offset as a multiple of the box.
    Section 4 tried it in vain as well."""
    return t * prior + cell


def scales(cfg: Cfg) -> tuple[Scale, ...]:
    """The scales of a detector, in the order of its maps."""
    pairs = zip(yolo_layers(cfg), strides(cfg), strict=True)
    return tuple(Scale(layer.mask, stride) for layer, stride in pairs)


def grid(
    scales: Sequence[Scale],
    size: tuple[int, int],
    anchors: Float[Array, "anchors 2"],
) -> Grid:
    """The slots of all scales for an input of `size` (height, width).

    anchors: width and height in pixels of the input, of all scales.
    """
    cells = []
    priors = []
    strides = []
    for scale in scales:
        rows, columns = (side // scale.stride for side in size)
        y, x, a = jnp.meshgrid(
            jnp.arange(rows),
            jnp.arange(columns),
            jnp.arange(len(scale.mask)),
            indexing="ij",
        )
        cells.append(jnp.stack([x, y], -1).reshape(-1, 2).astype(jnp.float32))
        priors.append(anchors[jnp.array(scale.mask)][a.reshape(-1)])
        strides.append(jnp.full((a.size, 1), scale.stride, jnp.float32))
    return Grid(*(jnp.concatenate(parts) for parts in (cells, priors, strides)))


def in_slots(maps: Sequence[RawMap]) -> Slots:
    """The raw maps of all scales as the rows of one array, in `grid`'s order."""
    flat = [raw.reshape(raw.shape[0], -1, raw.shape[-1]) for raw in maps]
    return jnp.concatenate(flat, axis=1).astype(jnp.float32)


def offset_of(raw: Slots, grid: Grid, xy: str) -> Float[Array, "batch slots 2"]:
    """A box's centre less its cell's corner, in cells, by one of the three ways."""
    nowhere = jnp.zeros_like(grid.cell)
    match xy:
        case "logistic":
            return centre(raw[..., :2], nowhere)
        case "linear":
            return linear_centre(raw[..., :2], nowhere)
        case _:
            return multiple_centre(raw[..., :2], nowhere, grid.prior / grid.stride)


def boxes_of(raw: Slots, grid: Grid, xy: str) -> Float[Array, "batch slots 4"]:
    """Corners in pixels of the network's input."""
    middle = (offset_of(raw, grid, xy) + grid.cell) * grid.stride
    return from_centres(jnp.concatenate([middle, sides(raw[..., 2:4], grid.prior)], -1))


def decode(raw: Slots, grid: Grid, xy: str = "logistic") -> Predicted:
    """What the raw outputs say: boxes, and probabilities of an object and of every
    class of it."""
    likely = jax.nn.sigmoid(raw[..., 4:])
    return Predicted(boxes_of(raw, grid, xy), likely[..., 0], likely[..., 1:])
