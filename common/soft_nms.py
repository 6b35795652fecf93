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
from functools import partial

import jax.numpy as jnp
from flax import struct
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from common.boxes import iou
from common.config import above, at_least, between, choice

KEEP = 100  # boxes of an image that COCO evaluates


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


@struct.dataclass
class Detections:
    """K boxes by falling score. Where `present` is False there was none: score 0."""

    boxes: Float[Array, "*batch k 4"]
    scores: Float[Array, "*batch k"]
    present: Bool[Array, "*batch k"]
    index: Int[Array, "*batch k"]  # of the input's box
    classes: Int[Array, "*batch k"] | None = None


def hard(overlap: Float[Array, "*n"], iou_threshold: float) -> Float[Array, "*n"]:
    """The weight of non-maximum suppression: 0 above the threshold, else 1."""
    return jnp.where(overlap > iou_threshold, 0.0, 1.0)


def linear(overlap: Float[Array, "*n"], iou_threshold: float) -> Float[Array, "*n"]:
    """1 - iou above the threshold N_t, else 1: the paper's first rule."""
    return jnp.where(overlap > iou_threshold, 1 - overlap, 1.0)


def gaussian(overlap: Float[Array, "*n"], sigma: float) -> Float[Array, "*n"]:
    """exp(-iou^2 / sigma): the paper's second rule, without a jump."""
    return jnp.exp(-(overlap**2) / sigma)


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
    """The best `keep` boxes, rescored. Batches go through side by side.

    keep: K; None: all n.
    offset: 1 for corners that are inclusive pixels (`common.boxes.iou`).
    alive: boxes that take part; None: all.
    classes: boxes of different classes do not touch each other; None: all do.
    """
    weight = partial(_weight, method, iou_threshold, sigma)
    *batch, n = scores.shape
    k = n if keep is None else keep
    if n == 0:
        return _nothing(tuple(batch), k, boxes.dtype, classes)
    boxes, scores = lax.stop_gradient((boxes, scores))
    start = _participants(boxes, scores, score_threshold, alive)
    finite = jnp.where(jnp.isfinite(boxes), boxes, 0)
    places = jnp.arange(n)

    def body(carry):
        step, left, out_scores, out_index = carry
        best = jnp.argmax(left, axis=-1)
        score = jnp.take_along_axis(left, best[..., None], -1)
        chosen = jnp.take_along_axis(finite, best[..., None, None], -2)
        factor = weight(iou(chosen, finite, offset)[..., 0, :])
        if classes is not None:
            own = jnp.take_along_axis(classes, best[..., None], -1)
            factor = jnp.where(classes == own, factor, 1.0)
        going = score >= jnp.maximum(score_threshold, 1e-30)
        left = jnp.where(places == best[..., None], 0, left * factor)
        out_scores = out_scores.at[step].set(jnp.where(going, score, 0)[..., 0])
        out_index = out_index.at[step].set(best)
        return step + 1, jnp.where(going, left, 0), out_scores, out_index

    def cond(carry):
        step, left, *_ = carry
        return (step < k) & jnp.any(left > 0)

    empty = jnp.zeros((k, *batch), scores.dtype), jnp.zeros((k, *batch), jnp.int32)
    _, _, found, index = lax.while_loop(cond, body, (0, start, *empty))
    return _collect(
        boxes, jnp.moveaxis(found, 0, -1), jnp.moveaxis(index, 0, -1), classes
    )


def suppress(
    boxes: Float[Array, "*batch n 4"],
    scores: Float[Array, "*batch n classes"],
    *,
    per_class: int | None = None,
    agnostic: bool = False,
    keep: int = KEEP,
    **rule,
) -> Detections:
    """`soft_nms` in each class, then the best `keep` boxes over all classes.

    per_class: only so many boxes of a class, the best, take part; None: all.
    agnostic: each box has its best class alone, and all classes compete.
    rule: `soft_nms`'s other arguments.
    """
    if agnostic:
        classes = jnp.argmax(scores, -1)
        found = soft_nms(boxes, jnp.max(scores, -1), keep=keep, **rule)
        chosen = jnp.take_along_axis(classes, found.index, -1)
        return found.replace(classes=chosen.astype(jnp.int32))
    by_class = jnp.moveaxis(scores, -1, -2)
    *batch, n_classes, n = by_class.shape
    m = min(per_class or n, n)
    best, index = lax.top_k(by_class, m)
    chosen = jnp.take_along_axis(boxes[..., None, :, :], index[..., None], -2)
    flat = chosen.reshape(*batch, n_classes * m, 4)
    names = jnp.broadcast_to(jnp.arange(n_classes)[:, None], best.shape)
    found = soft_nms(
        flat,
        best.reshape(*batch, -1),
        classes=names.reshape(*batch, -1),
        keep=keep,
        **rule,
    )
    original = index.reshape(*batch, -1)
    return found.replace(index=jnp.take_along_axis(original, found.index, -1))


def by_config(
    boxes: Float[Array, "*batch n 4"],
    scores: Float[Array, "*batch n classes"],
    config: Suppression,
) -> Detections:
    """`suppress` with the settings of a detector's config."""
    return suppress(boxes, scores, **vars(config))


def _weight(
    method: str, iou_threshold: float, sigma: float, overlap: Float[Array, "*n"]
) -> Float[Array, "*n"]:
    if method == "gaussian":
        return gaussian(overlap, sigma)
    return {"hard": hard, "linear": linear}[method](overlap, iou_threshold)


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


def _collect(boxes, scores, index, classes) -> Detections:
    present = scores > 0
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


def _nothing(batch, k, dtype, classes) -> Detections:
    zeros = jnp.zeros((*batch, k), jnp.int32)
    return Detections(
        boxes=jnp.zeros((*batch, k, 4), dtype),
        scores=jnp.zeros((*batch, k), dtype),
        present=jnp.zeros((*batch, k), bool),
        index=zeros,
        classes=None if classes is None else zeros,
    )
