"""From maps to boxes (section 3.1 and 4.2): the best corners of each kind, paired where
their classes agree and their tags are close.

All shapes are fixed: what is not there has `present` False. Axes: batch, height and
width in cells, classes; corners and pairs, the best ones first.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from papers.cornernet.config import Eval
from papers.cornernet.model import Corner, Prediction

Heat = Float[Array, "batch height width classes"]


class Corners(NamedTuple):
    """The best corners of one kind, [batch, corners]."""

    score: Float[Array, "batch corners"]
    label: Int[Array, "batch corners"]  # the class
    x: Float[Array, "batch corners"]  # in cells, offset included
    y: Float[Array, "batch corners"]
    tag: Float[Array, "batch corners"]


@struct.dataclass
class Candidates:
    """Boxes before suppression, by descending score."""

    boxes: Float[Array, "batch pairs 4"]  # corners, in cells
    scores: Float[Array, "batch pairs"]  # the mean of both corners' scores
    corner_scores: Float[Array, "batch pairs 2"]  # top-left's, bottom-right's
    classes: Int[Array, "batch pairs"]
    present: Bool[Array, "batch pairs"]


def probabilities(prediction: Prediction) -> Prediction:
    """The prediction with heats as probabilities in place of logits."""
    return Prediction(*(c._replace(heat=jax.nn.sigmoid(c.heat)) for c in prediction))


def decode(
    config: Eval, prediction: Prediction, tag_threshold: float | Float[Array, ""]
) -> Candidates:
    """The best pairs of corners.

    prediction: with `probabilities`.
    tag_threshold: how far apart the tags of a pair may be; infinity: any pair.
    """
    tl, br = (best_corners(corner, config.corners) for corner in prediction)
    return pair(tl, br, config.pairs, tag_threshold)


def peaks(heat: Heat) -> Heat:
    """The values that no neighbour exceeds, of 3 x 3 cells of the same class; 0
    elsewhere."""
    window = (1, 3, 3, 1)
    around = ((0, 0), (1, 1), (1, 1), (0, 0))
    highest = lax.reduce_window(heat, -jnp.inf, lax.max, window, (1,) * 4, around)
    return jnp.where(heat == highest, heat, 0.0)


def best_corners(corner: Corner, count: int) -> Corners:
    """The `count` highest peaks over all cells and classes."""
    batch, height, width, _ = corner.heat.shape
    by_class = jnp.moveaxis(peaks(corner.heat), -1, 1).reshape(batch, -1)
    score, index = lax.top_k(by_class, min(count, by_class.shape[1]))
    cell = index % (height * width)

    def there(maps):
        flat = maps.reshape(batch, height * width, -1)
        return jnp.take_along_axis(flat, cell[..., None], 1)

    offset = there(corner.offset)
    return Corners(
        score,
        index // (height * width),
        cell % width + offset[..., 0],
        cell // width + offset[..., 1],
        there(corner.tag)[..., 0],
    )


def pair(
    top_left: Corners,
    bottom_right: Corners,
    count: int,
    tag_threshold: float | Float[Array, ""],
) -> Candidates:
    """The `count` pairs of the highest mean score. A pair is rejected where the classes
    differ, the tags are further apart than `tag_threshold`, or the bottom-right corner
    is above or left of the top-left one."""
    tl = Corners(*(value[:, :, None] for value in top_left))
    br = Corners(*(value[:, None, :] for value in bottom_right))
    fits = (
        (tl.label == br.label)
        & (jnp.abs(tl.tag - br.tag) <= tag_threshold)
        & (br.x >= tl.x)
        & (br.y >= tl.y)
        & (tl.score > 0)
        & (br.score > 0)
    )
    score = jnp.where(fits, (tl.score + br.score) / 2, -1.0)
    batch, n, m = score.shape
    scores, index = lax.top_k(score.reshape(batch, n * m), min(count, n * m))
    one, other = index // m, index % m
    a = Corners(*(jnp.take_along_axis(value, one, 1) for value in top_left))
    b = Corners(*(jnp.take_along_axis(value, other, 1) for value in bottom_right))
    return Candidates(
        jnp.stack([a.x, a.y, b.x, b.y], -1),
        scores,
        jnp.stack([a.score, b.score], -1),
        a.label,
        scores > 0,
    )


def mirrored_back(candidates: Candidates, width: int) -> Candidates:
    """Candidates of a mirrored image, whose maps are `width` cells wide, in the image
    itself."""
    x1, y1, x2, y2 = jnp.moveaxis(candidates.boxes, -1, 0)
    boxes = jnp.stack([width - x2, y1, width - x1, y2], -1)
    return candidates.replace(boxes=boxes)


def joined(*parts: Candidates) -> Candidates:
    """The candidates of several views of the same images, in one frame."""
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves, 1), *parts)
