"""From candidate boxes in cells to found boxes in pixels: Gaussian Soft-NMS, or the
form of it that averages boxes, for several views of one picture."""

from functools import partial
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from common.soft_nms import Detections, soft_nms
from common.soft_nms_merge import soft_nms_merge
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
    candidate = candidates.boxes, candidates.scores
    if config.merge:
        function = partial(soft_nms_merge, power=config.merge_power)
        candidate = (*candidate, candidates.corner_scores)
    else:
        function = soft_nms
    classes = candidates.classes
    found = function(
        *candidate,
        method=rule.method,
        iou_threshold=rule.iou_threshold,
        sigma=rule.sigma,
        score_threshold=rule.score_threshold,
        keep=rule.keep,
        offset=OFFSET,
        alive=candidates.present,
        classes=jnp.zeros_like(classes) if rule.agnostic else classes,
    )
    own = jnp.take_along_axis(classes, found.index, -1)
    return found.replace(classes=own)
