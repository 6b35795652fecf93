"""Soft-NMS that also moves the selected box: CornerNet's, for several scales.

Of the boxes that suppression lowers, each says where the object's corners are. The
selected box gets the means of their corners, weighted by how sure each corner is and by
(1 - weight)^power, weight being what suppression multiplies the box's score by: boxes
that lie on the selected one count, those beside it do not. Its own weight is 1.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from common.boxes import iou
from common.soft_nms import Detections, soft_nms, weight_of


@partial(jax.jit, static_argnames=("method", "keep"))
def soft_nms_merge(
    boxes: Float[Array, "*batch n 4"],
    scores: Float[Array, "*batch n"],
    corner_scores: Float[Array, "*batch n 2"],
    *,
    power: float = 10.0,
    method: str = "gaussian",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 1e-3,
    keep: int | None = None,
    offset: float = 0.0,
    alive: Bool[Array, "*batch n"] | None = None,
    classes: Int[Array, "*batch n"] | None = None,
) -> Detections:
    """`soft_nms`, its boxes moved to the weighted means of their neighbours.

    corner_scores: how sure the upper left and the lower right corner of a box are.
    power: how fast a neighbour's share falls with its overlap.
    The other arguments are those of `soft_nms`, whose scores, indices and order these
    are. A box takes part in the means of those that are selected before it, until its
    own score is below the threshold.
    """
    found = soft_nms(
        boxes,
        scores,
        method=method,
        iou_threshold=iou_threshold,
        sigma=sigma,
        score_threshold=score_threshold,
        keep=keep,
        offset=offset,
        alive=alive,
        classes=classes,
    )
    *_, n = scores.shape
    if n == 0:
        return found
    boxes, sure = lax.stop_gradient((boxes, corner_scores))
    overlap = iou(found.boxes, boxes, offset)
    weights = weight_of(overlap, method, iou_threshold, sigma)
    if classes is not None:
        same = found.classes[..., :, None] == classes[..., None, :]
        weights = jnp.where(same, weights, 1.0)
    weights = jnp.where(found.present[..., :, None], weights, 1.0)
    own = found.index[..., :, None] == jnp.arange(n)
    shares = jnp.where(
        own,
        1.0,
        _left(scores, weights, own & found.present[..., None], score_threshold, alive)
        * (1 - weights) ** power,
    )
    corners = boxes.reshape(*boxes.shape[:-1], 2, 2)  # box, corner, x and y
    shared = shares[..., None] * sure[..., None, :, :]  # selected, box, corner
    total = jnp.einsum("...knc,...ncx->...kcx", shared, corners)
    mean = total / jnp.maximum(shared.sum(-2), 1e-12)[..., None]
    mean = mean.reshape(*mean.shape[:-2], 4)
    return found.replace(boxes=jnp.where(found.present[..., None], mean, 0))


def _left(scores, weights, selected, score_threshold, alive):
    """Which boxes are neither selected nor dropped when each of the k is selected, as
    0 or 1 [*batch, k, n]."""
    lowered = scores[..., None, :] * jnp.cumprod(weights, -2)
    before = jnp.concatenate([scores[..., None, :], lowered[..., :-1, :]], -2)
    left = (before >= score_threshold) & (jnp.cumsum(selected, -2) == 0)
    if alive is not None:
        left &= alive[..., None, :]
    return left.astype(jnp.float32)
