"""The losses of CornerNet, eq. 1 to 6 of the paper: for every image of a batch, so that
the caller divides.

Axes: batch, height and width in cells, objects. `present` says which objects are there.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from papers.cornernet.config import Objective
from papers.cornernet.model import Prediction
from papers.cornernet.targets import CornerTargets, Encoded

PerImage = Float[Array, "batch"]
Tags = Float[Array, "batch objects"]
Offsets = Float[Array, "batch objects 2"]
ALPHA = 2  # how little easy cells count
BETA = 4  # how little cells near a corner count
LEAST = 1e-4  # probabilities are kept this far from 0 and 1
MARGIN = 1.0  # Delta: tags of two objects this far apart are far enough


class Counts(NamedTuple):
    """What the sums are divided by: numbers in a whole batch."""

    top_left: Float[Array, ""]  # cells of corners
    bottom_right: Float[Array, ""]
    objects: Float[Array, ""]


class Terms(NamedTuple):
    """Terms of the loss for every image; their means over a batch are its terms."""

    detection: PerImage
    pull: PerImage
    push: PerImage
    offset: PerImage


def focal_loss(
    logits: Float[Array, "batch height width classes"],
    heat: Float[Array, "batch height width classes"],
) -> PerImage:
    """Eq. 1 without its division by N: summed over cells and classes, -(1 - p)^2 log p
    at corners, where `heat` is 1, and -(1 - heat)^4 p^2 log(1 - p) elsewhere."""
    p = jnp.clip(jax.nn.sigmoid(logits), LEAST, 1 - LEAST)
    corner = (1 - p) ** ALPHA * jnp.log(p)
    other = (1 - heat) ** BETA * p**ALPHA * jnp.log1p(-p)
    return -jnp.sum(jnp.where(heat == 1, corner, other), (1, 2, 3))


def offset_loss(
    predicted: Offsets, actual: Offsets, present: Bool[Array, "batch objects"]
) -> PerImage:
    """Eq. 3 without its division by N: smooth L1, summed over x, y and objects."""
    distance = jnp.abs(predicted - actual)
    smooth = jnp.where(distance < 1, 0.5 * distance**2, distance - 0.5)
    return jnp.sum(smooth * present[..., None], (1, 2))


def pull_loss(
    top_left: Tags, bottom_right: Tags, present: Bool[Array, "batch objects"]
) -> PerImage:
    """Eq. 4: the mean over objects k of (e_tk - e_k)^2 + (e_bk - e_k)^2, where e_k is
    the mean of both tags. 0 without objects."""
    mean = (top_left + bottom_right) / 2
    apart = (top_left - mean) ** 2 + (bottom_right - mean) ** 2
    count = jnp.sum(present, 1)
    return jnp.sum(apart * present, 1) / jnp.maximum(count, 1)


def push_loss(
    top_left: Tags, bottom_right: Tags, present: Bool[Array, "batch objects"]
) -> PerImage:
    """Eq. 5: the mean over pairs of objects k and j != k of max(0, 1 - |e_k - e_j|).
    0 with fewer than two objects."""
    mean = (top_left + bottom_right) / 2
    near = jax.nn.relu(MARGIN - jnp.abs(mean[:, :, None] - mean[:, None]))
    others = ~jnp.eye(mean.shape[1], dtype=bool)
    pairs = present[:, :, None] & present[:, None] & others
    count = jnp.sum(present, 1)
    return jnp.sum(near * pairs, (1, 2)) / jnp.maximum(count * (count - 1), 1)


def counts(targets: Encoded) -> Counts:
    """Corner cells and objects of a batch."""
    cells = (jnp.sum(corner.heat == 1, dtype=jnp.float32) for corner in targets[:2])
    return Counts(*cells, jnp.sum(targets.present, dtype=jnp.float32))


def terms(
    prediction: Prediction, targets: Encoded, total: Counts, rows: Float[Array, ""]
) -> Terms:
    """The terms of one stack, eq. 6 without its weights.

    total, rows: the counts and the number of images of the whole batch, of which these
        may be a part. Sums that the paper divides by a count of the batch are divided
        by the count of a mean image, so that the mean over images is the paper's
        quotient.
    """
    present = targets.present
    pairs = list(zip(prediction, targets[:2], strict=True))
    detection = [focal_loss(corner.heat, truth.heat) for corner, truth in pairs]
    tags = [at_corners(corner.tag, truth)[..., 0] for corner, truth in pairs]
    offsets = [
        offset_loss(at_corners(corner.offset, truth), truth.offset, present)
        for corner, truth in pairs
    ]

    def per_image(total):
        return rows / jnp.maximum(total, 1)

    return Terms(
        detection[0] * per_image(total.top_left)
        + detection[1] * per_image(total.bottom_right),
        pull_loss(*tags, present),
        push_loss(*tags, present),
        sum(offsets) * per_image(total.objects),
    )


def weighted(config: Objective, terms: Terms) -> PerImage:
    """Eq. 6: L_det + alpha L_pull + beta L_push + gamma L_off. The published step sums
    the tags' losses over the images of a GPU, `tag_images` of them, and takes the mean
    of all else."""
    tags = config.pull * terms.pull + config.push * terms.push
    return terms.detection + config.tag_images * tags + config.offset * terms.offset


def at_corners(
    maps: Float[Array, "batch height width values"], truth: CornerTargets
) -> Float[Array, "batch objects values"]:
    """What the maps say in the cells of the true corners."""
    batch, height, width, values = maps.shape
    flat = maps.reshape(batch, height * width, values)
    cells = truth.row * width + truth.column
    return jnp.take_along_axis(flat, cells[..., None], 1)
