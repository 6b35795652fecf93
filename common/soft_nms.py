"""Non-maximum suppression, hard and soft, of a fixed size. Bodla et al. 2017, Soft-NMS,
arXiv:1704.04503.

A detector finds one object with several boxes. Suppression selects the box M of the
highest score, multiplies the score of every other box by a weight that falls with its
overlap with M, and repeats: the weights are `hard`, `linear` or `gaussian`. A weight
never raises a score, so boxes come out by falling final score.

A score is a probability. A box is selected while its score is at least the threshold
and above 0: a score of 0 is never selected, so padding has score 0. Among equal scores
the first box is selected.
"""

import dataclasses
import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.export import is_symbolic_dim
from jaxtyping import Array, Bool, Float, Int

from common.boxes import iou
from common.config import above, at_least, between, choice
from common.detections import Detections, collected, nothing
from common.greedy import padded, select

KEEP = 100  # boxes of an image that COCO evaluates
SORTED = 1000  # more values that are kept are sorted in as few places as hold any
TABLE = 2**24  # weights of all pairs of boxes are kept up to this number


@dataclasses.dataclass
class Suppression:
    """`config.eval.suppression` of a detector."""

    method: str = choice("hard", "linear", "gaussian")
    # N_t: hard and linear leave a box with no more overlap as it is.
    iou_threshold: float = between(0.0, 1.0, 0.3, only=("method", "hard", "linear"))
    sigma: float = above(0.0, 0.5, only=("method", "gaussian"))
    score_threshold: float = at_least(0.0, 1e-3)  # scores below end, before and after
    per_class: int = at_least(1, 300)  # the best boxes of a class that take part
    keep: int = at_least(1, KEEP)  # boxes of an image that are left, of all classes
    agnostic: bool = False  # a box has its best class alone, and all classes compete


def hard(overlap: Float[Array, "*n"], iou_threshold: float) -> Float[Array, "*n"]:
    """The weight of non-maximum suppression: 0 above the threshold, else 1."""
    return jnp.where(overlap > iou_threshold, 0.0, 1.0)


def linear(overlap: Float[Array, "*n"], iou_threshold: float) -> Float[Array, "*n"]:
    """1 - iou above the threshold N_t, else 1: the paper's first rule."""
    return jnp.where(overlap > iou_threshold, 1 - overlap, 1.0)


def gaussian(overlap: Float[Array, "*n"], sigma: float) -> Float[Array, "*n"]:
    """exp(-iou^2 / sigma): the paper's second rule, without a jump."""
    return jnp.exp(-(overlap**2) / sigma)


def weight_of(
    overlap: Float[Array, "*n"], method: str, iou_threshold: float, sigma: float
) -> Float[Array, "*n"]:
    """The weight by the method's name."""
    if method == "gaussian":
        return gaussian(overlap, sigma)
    return {"hard": hard, "linear": linear}[method](overlap, iou_threshold)


@partial(jax.jit, static_argnames=("method", "keep"))
def soft_nms(
    boxes: Float[Array, "*batch n 4"],
    scores: Float[Array, "*batch n"],
    *,
    method: str = "linear",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 1e-3,
    keep: int | None = None,
    offset: float = 0.0,
    alive: Bool[Array, "*batch n"] | None = None,
    classes: Int[Array, "*batch n"] | None = None,
) -> Detections:
    """The best `keep` boxes, rescored. Batches go through side by side. A score that is
    NaN or a box that is not finite takes no part: refuse them on the host, as
    `common.detection_metrics` does.

    keep: K; None: all n.
    offset: 1 for corners that are inclusive pixels (`common.boxes.iou`).
    alive: boxes that take part; None: all.
    classes: boxes of different classes do not touch each other; None: all do.
    """
    boxes, scores = _float32(boxes, scores)
    n = scores.shape[-1]
    k = n if keep is None else keep
    if n == 0:
        return nothing(scores.shape[:-1], k, boxes.dtype, classes is not None)
    taking_part = _participants(boxes, scores, score_threshold, alive)
    finite = padded(jnp.where(jnp.isfinite(boxes), boxes, 0), -2)
    names = None if classes is None else padded(classes, -1)
    rule = {"method": method, "iou_threshold": iou_threshold, "sigma": sigma}
    weight = partial(weight_of, **rule)

    def weights(best: Int[Array, "*batch"]) -> Float[Array, "*batch n"]:
        chosen = jnp.take_along_axis(finite, best[..., None, None], -2)
        row = weight(iou(chosen, finite, offset)[..., 0, :])
        if names is None:
            return row
        own = jnp.take_along_axis(names, best[..., None], -1)
        return jnp.where(names == own, row, 1.0)

    values, index = select(padded(taking_part, -1), weights, k, score_threshold)
    return collected(boxes, values, index, classes)


@partial(jax.jit, static_argnames=("method", "keep", "per_class", "agnostic"))
def suppress(
    boxes: Float[Array, "*batch n 4"],
    scores: Float[Array, "*batch n classes"],
    *,
    method: str = "linear",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 1e-3,
    keep: int = KEEP,
    offset: float = 0.0,
    alive: Bool[Array, "*batch n"] | None = None,
    per_class: int | None = None,
    agnostic: bool = False,
) -> Detections:
    """`soft_nms` in each class, then the best `keep` boxes over all classes.

    per_class: the boxes of a class that take part, the best and those that equal the
      last of them; None: all.
    agnostic: each box has its best class alone, and all classes compete.
    The other arguments are those of `soft_nms`.
    """
    boxes, scores = _float32(boxes, scores)
    *batch, n, _ = scores.shape
    if n == 0:
        return nothing(batch, keep, boxes.dtype, True)
    rule = {"method": method, "iou_threshold": iou_threshold, "sigma": sigma}
    if agnostic:
        more = {"score_threshold": score_threshold, "offset": offset, "alive": alive}
        found = soft_nms(boxes, jnp.max(scores, -1), keep=keep, **rule, **more)
        own = jnp.take_along_axis(jnp.argmax(scores, -1), found.index, -1)
        return found.replace(classes=own.astype(jnp.int32))
    by_class = jnp.moveaxis(scores, -1, -2)
    alive = None if alive is None else alive[..., None, :]
    taking_part = _participants(
        boxes[..., None, :, :], by_class, score_threshold, alive
    )
    if per_class is not None and per_class < n:
        last = lax.top_k(taking_part, per_class)[0][..., -1:]
        taking_part = jnp.where(taking_part >= last, taking_part, 0)
    finite = padded(jnp.where(jnp.isfinite(boxes), boxes, 0), -2)
    weight = partial(weight_of, **rule)
    weights = _weights_of_classes(finite, weight, offset)
    k = min(keep, n)
    values, index = select(padded(taking_part, -1), weights, k, score_threshold)
    return _best_of_classes(boxes, values, index, keep)


def by_config(
    boxes: Float[Array, "*batch n 4"],
    scores: Float[Array, "*batch n classes"],
    config: Suppression,
    alive: Bool[Array, "*batch n"] | None = None,
) -> Detections:
    """`suppress` with the settings of a detector's config."""
    return suppress(boxes, scores, alive=alive, **vars(config))


def _float32(*arrays: Float[Array, "*shape"]) -> list[Float[Array, "*shape"]]:
    """No gradient passes through a selection."""
    return [lax.stop_gradient(jnp.asarray(x, jnp.float32)) for x in arrays]


def _participants(
    boxes: Float[Array, "*batch n 4"],
    scores: Float[Array, "*batch n"],
    score_threshold: float,
    alive: Bool[Array, "*batch n"] | None,
) -> Float[Array, "*batch n"]:
    """The scores with 0 for boxes that do not take part; NaN takes no part."""
    takes_part = (scores >= score_threshold) & jnp.isfinite(boxes).all(-1)
    if alive is not None:
        takes_part &= alive
    return jnp.where(takes_part, scores, 0)


def _weights_of_classes(boxes: Float[Array, "*batch n 4"], weight, offset: float):
    """For each class's selected box, the weights of all boxes, as of `select`. Classes
    share the boxes, so that few boxes have all their weights computed once."""
    *batch, n = boxes.shape[:-1]
    count = math.prod(batch)
    images = jnp.arange(count).reshape(*batch, 1)

    def row(best: Int[Array, "*batch classes"]) -> Float[Array, "*batch classes n"]:
        chosen = jnp.take_along_axis(boxes, best[..., None], -2)
        return weight(iou(chosen, boxes, offset))

    # An exported program may be for any number of images.
    if is_symbolic_dim(count) or count * n * n > TABLE:
        return row
    table = weight(iou(boxes, boxes, offset)).reshape(-1, n)

    def looked_up(best: Int[Array, "*batch classes"]):
        return table.at[images * n + best].get(mode="promise_in_bounds")

    return looked_up


def _best_of_classes(
    boxes: Float[Array, "*batch n 4"],
    values: Float[Array, "*batch classes k"],
    index: Int[Array, "*batch classes k"],
    keep: int,
) -> Detections:
    """The best boxes over all classes; among equal ones, the first class's.

    Sorting 80 x 1,000 scores costs as much as a hard suppression of them. So where many
    are kept, half, a quarter, an eighth of the places are sorted if all others are
    empty: classes fill theirs from the front.
    """
    *_, n_classes, k = values.shape
    halvings = range(4 if keep > SORTED else 1)
    lengths = sorted({-(-k // 2**i) for i in halvings})
    used = jnp.max(jnp.sum(values > 0, -1), initial=0)
    shortest = jnp.searchsorted(jnp.array(lengths), used)
    branches = [partial(_top, keep, length) for length in lengths]
    best, place = lax.switch(shortest, branches, values)
    place = jnp.minimum(place, n_classes * k - 1)
    own = jnp.take_along_axis(index.reshape(*index.shape[:-2], -1), place, -1)
    found = collected(boxes, best, own, None)
    return found.replace(classes=(place // k).astype(jnp.int32))


def _top(keep: int, length: int, values: Float[Array, "*batch classes k"]):
    """The `keep` highest among each class's first `length` values, padded with 0, and
    their places among all."""
    *batch, n_classes, k = values.shape
    some = values[..., :length].reshape(*batch, -1)
    best, place = lax.top_k(some, min(keep, n_classes * length))
    room = [*[(0, 0)] * len(batch), (0, keep - best.shape[-1])]
    place = place // length * k + place % length
    return jnp.pad(best, room), jnp.pad(place, room)
