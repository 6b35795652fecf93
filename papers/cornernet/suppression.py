"""From candidate boxes in cells to found boxes in pixels: Gaussian Soft-NMS, or the
form of it that averages boxes, for several views of one picture."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from common.boxes import iou
from common.soft_nms import Detections, gaussian, soft_nms
from papers.cornernet.config import Config, Eval, cells
from papers.cornernet.decode import Candidates

OFFSET = 1.0  # the published suppression measures a box as x2 - x1 + 1 pixels wide


def in_pixels(
    config: Config, candidates: Candidates, size: tuple[int, int]
) -> Candidates:
    """The candidates in pixels of an input of `size` rows and columns."""
    scale_y, scale_x = (side / cells(config, side) for side in size)
    scale = jnp.array([scale_x, scale_y, scale_x, scale_y], jnp.float32)
    return candidates.replace(boxes=candidates.boxes * scale)


def found_boxes(
    config: Config, candidates: Candidates, size: tuple[int, int]
) -> dict[str, Array]:
    """ "boxes", "scores", "classes" and "present" of `eval.suppression.keep` boxes a
    picture, in pixels of an input of this size, clipped to it."""
    candidates = in_pixels(config, candidates, size)
    height, width = size
    most = jnp.array([width, height, width, height], jnp.float32)
    inside = candidates.replace(boxes=jnp.clip(candidates.boxes, 0, most))
    return as_arrays(suppressed(config.eval, inside))


def as_arrays(found: Detections) -> dict[str, Any]:
    """The fields that a gathered row has."""
    names = ("boxes", "scores", "classes", "present")
    return {name: getattr(found, name) for name in names}


def suppressed(config: Eval, candidates: Candidates) -> Detections:
    """`eval.suppression` within each class, or with `eval.merge` its averaging form."""
    rule = config.suppression
    classes = candidates.classes
    if rule.agnostic:
        classes = jnp.zeros_like(classes)
    if config.merge:
        found = soft_nms_merge(
            candidates.boxes,
            candidates.scores,
            candidates.corner_scores,
            classes,
            candidates.present,
            sigma=rule.sigma,
            power=config.merge_power,
            score_threshold=rule.score_threshold,
            keep=rule.keep,
        )
    else:
        found = soft_nms(
            candidates.boxes,
            candidates.scores,
            method=rule.method,
            iou_threshold=rule.iou_threshold,
            sigma=rule.sigma,
            score_threshold=rule.score_threshold,
            keep=rule.keep,
            offset=OFFSET,
            alive=candidates.present,
            classes=classes,
        )
    own = jnp.take_along_axis(candidates.classes, found.index, -1)
    return found.replace(classes=own)


def soft_nms_merge(
    boxes: Float[Array, "batch n 4"],
    scores: Float[Array, "batch n"],
    corner_scores: Float[Array, "batch n 2"],
    classes: Int[Array, "batch n"],
    present: Bool[Array, "batch n"],
    *,
    sigma: float,
    power: float,
    score_threshold: float,
    keep: int,
) -> Detections:
    """Gaussian Soft-NMS whose chosen box is averaged with those that it suppresses:
    each counts (1 - exp(-iou^2 / sigma))^power, its top-left corner times the score of
    that corner, its bottom-right one likewise. As in the published test at several
    scales; whole rows move, where that code swaps only five of seven columns."""

    def one(boxes, scores, corner_scores, classes, present):
        def step(left, _):
            best = jnp.argmax(left)
            score = left[best]
            overlap = iou(boxes[best][None], boxes, OFFSET)[0]
            weight = gaussian(overlap, sigma)
            touched = (left > 0) & (classes == classes[best])
            mass = jnp.where(touched, (1 - weight) ** power, 0.0).at[best].set(1.0)
            share = mass[:, None] * corner_scores
            total = jnp.maximum(jnp.sum(share, 0), 1e-12)
            corners = boxes.reshape(-1, 2, 2)  # top-left, bottom-right; x, y
            merged = jnp.einsum("nc,nci->ci", share, corners) / total[:, None]
            left = jnp.where(touched, left * weight, left).at[best].set(0.0)
            left = jnp.where(left >= score_threshold, left, 0.0)
            return left, (merged.reshape(4), score, best)

        alive = present & (scores >= score_threshold)
        start = jnp.where(alive, scores, 0.0)
        _, (merged, chosen, index) = lax.scan(step, start, length=keep)
        there = chosen > 0
        return Detections(
            boxes=jnp.where(there[:, None], merged, 0.0),
            scores=jnp.where(there, chosen, 0.0),
            present=there,
            index=index,
        )

    return jax.vmap(one)(boxes, scores, corner_scores, classes, present)
