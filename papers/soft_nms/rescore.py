"""Suppression of numpy arrays: a notebook's, or millions of boxes of many pictures.

Boxes of one group (a picture and a class) compete. Groups of about one length are
padded to it and go side by side through `common.soft_nms`, a chunk at a time, so that
few programs are compiled whatever the input.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from common import soft_nms as kernel
from common.config import check_fields
from common.contract import UserError
from common.soft_nms import Suppression
from common.soft_nms_merge import soft_nms_merge as merge_kernel

SHORTEST = 16  # boxes that a group is padded to at least
CHUNK = 2**16  # boxes that go through at once, padding included


class Kept(NamedTuple):
    """The boxes that are left, by falling score."""

    boxes: Float[np.ndarray, "k 4"]
    scores: Float[np.ndarray, "k"]  # lowered
    classes: Int[np.ndarray, "k"]
    index: Int[np.ndarray, "k"]  # of the input's box: for masks, embeddings


def soft_nms(
    boxes: Float[np.ndarray, "n 4"],
    scores: Float[np.ndarray, "n *classes"],
    classes: Int[np.ndarray, "n"] | None = None,
    *,
    method: str = "linear",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 1e-3,
    keep: int | None = None,
    offset: float = 0.0,
) -> Kept:
    """The boxes of a picture, rescored.

    boxes: corners x1, y1, x2, y2.
    scores: probabilities; a box's own, or of every class.
    classes: of the boxes, where each has one score; None: all are of class 0. Boxes of
      different classes do not touch each other.
    method: "linear", "gaussian" or "hard".
    iou_threshold: N_t of linear and hard.
    sigma: of gaussian, exp(-iou^2 / sigma). TensorFlow's soft_nms_sigma is half of it.
    score_threshold: what falls below is dropped.
    keep: the best so many are left; None: all.
    offset: 1 where corners are inclusive pixels.

    UserError: shapes that do not fit, boxes that are inside out, scores that are no
    probabilities, or a setting that no rule has.
    """
    rule = _rule(method, iou_threshold, sigma, score_threshold, keep)
    boxes, scores = checked(boxes, scores)
    index = np.arange(len(boxes))
    if scores.ndim == 2:
        if classes is not None:
            raise UserError("scores of every class leave no room for classes")
        index, classes = np.nonzero(scores >= score_threshold)
        boxes, scores = boxes[index], scores[index, classes]
    classes = _classes(classes, len(scores))
    lowered = rescored(classes, boxes, scores, rule, per_class=None, offset=offset)
    order = np.argsort(-lowered, kind="stable")
    order = order[lowered[order] > 0][:keep]
    return Kept(boxes[order], lowered[order], classes[order], index[order])


def soft_nms_merge(
    boxes: Float[np.ndarray, "n 4"],
    scores: Float[np.ndarray, "n"],
    corner_scores: Float[np.ndarray, "n 2"] | None = None,
    classes: Int[np.ndarray, "n"] | None = None,
    *,
    power: float = 10.0,
    method: str = "gaussian",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 1e-3,
    keep: int | None = None,
    offset: float = 0.0,
) -> Kept:
    """`soft_nms`, its boxes moved to the means of those that they lower
    (`common.soft_nms_merge`).

    corner_scores: of the upper left and the lower right corner; None: the box's score.
    The other arguments are those of `soft_nms`.
    """
    rule = _rule(method, iou_threshold, sigma, score_threshold, keep)
    boxes, scores = checked(boxes, scores)
    if scores.ndim == 2:
        raise UserError("merging takes one score a box: give scores [n] and classes")
    n = len(boxes)
    classes = _classes(classes, n)
    if corner_scores is None:
        corner_scores = np.stack([scores, scores], -1)
    corner_scores = np.asarray(corner_scores, np.float32)
    if corner_scores.shape != (n, 2):
        raise UserError(f"corner_scores {corner_scores.shape}: {(n, 2)} is wanted")
    refuse_improbable(corner_scores)
    room = [(0, _length(n) - n)]
    found = merge_kernel(
        np.pad(boxes, [*room, (0, 0)]),
        np.pad(scores, room),
        np.pad(corner_scores, [*room, (0, 0)]),
        power=power,
        method=rule.method,
        iou_threshold=rule.iou_threshold,
        sigma=rule.sigma,
        score_threshold=rule.score_threshold,
        offset=offset,
        classes=np.pad(classes, room),
        alive=np.arange(_length(n)) < n,
    )
    found = jax.device_get(found)
    rows = np.flatnonzero(found.present)[:keep]
    parts = found.boxes, found.scores, found.classes, found.index
    return Kept(*(part[rows] for part in parts))


def rescored(
    groups: Int[np.ndarray, "n"],
    boxes: Float[np.ndarray, "n 4"],
    scores: Float[np.ndarray, "n"],
    rule: Suppression,
    *,
    per_class: int | None,
    offset: float = 0.0,
) -> Float[np.ndarray, "n"]:
    """Every box's score after suppression within its group; 0 where it is dropped.

    rule: its method, thresholds and sigma count.
    per_class: only the best so many of a group take part; None: all.
    """
    lowered = np.zeros(len(scores), np.float32)
    for rows in _chunks(groups, scores, rule.score_threshold, per_class):
        present = rows >= 0
        found = kernel.soft_nms(
            boxes[rows].astype(np.float32),
            np.where(present, scores[rows], 0).astype(np.float32),
            method=rule.method,
            iou_threshold=rule.iou_threshold,
            sigma=rule.sigma,
            score_threshold=rule.score_threshold,
            offset=offset,
        )
        index, values = jax.device_get((found.index, found.scores))
        chosen = np.take_along_axis(rows, index, 1)
        lowered[chosen[values > 0]] = values[values > 0]
    return lowered


def _chunks(
    groups: Int[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    threshold: float,
    per_class: int | None,
) -> Iterator[Int[np.ndarray, "lanes length"]]:
    """Rows of the boxes: a lane for each group, filled up with -1, in few shapes. A
    lane's boxes stand in the order of the input, by which equal scores are told."""
    rows = np.flatnonzero(scores >= threshold)
    order = np.lexsort((rows, -scores[rows], groups[rows]))
    rows = rows[order]
    _, first, counts = np.unique(groups[rows], return_index=True, return_counts=True)
    if per_class is not None:
        counts = np.minimum(counts, per_class)
    lengths = np.array([_length(count) for count in counts], int)
    for length in np.unique(lengths):
        own = np.flatnonzero(lengths == length)
        lanes = min(_power_of_2(len(own)), max(CHUNK // length, 1))
        for i in range(0, len(own), lanes):
            some = own[i : i + lanes]
            places = first[some, None] + np.arange(length)
            there = np.arange(length) < counts[some, None]
            filled = np.full((lanes, length), np.iinfo(np.int64).max)
            filled[: len(some)][there] = rows[places[there]]
            filled.sort(1)
            yield np.where(filled == np.iinfo(np.int64).max, -1, filled)


def _rule(
    method: str,
    iou_threshold: float,
    sigma: float,
    score_threshold: float,
    keep: int | None,
) -> Suppression:
    """UserError: a setting that its field refuses."""
    thresholds = map(float, (iou_threshold, sigma, score_threshold))
    rule = Suppression(method, *thresholds, keep=int(keep or 1))
    check_fields(rule, "soft_nms")
    return rule


def checked(boxes, scores) -> tuple[np.ndarray, np.ndarray]:
    """The arrays as float32. UserError: they do not fit each other, a box is none, or
    scores are no probabilities."""
    boxes = np.asarray(boxes, np.float32)
    scores = np.asarray(scores, np.float32)
    if boxes.size == 0:
        boxes = boxes.reshape(-1, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or scores.ndim not in (1, 2):
        raise UserError(
            f"boxes {boxes.shape} and scores {scores.shape}: boxes [n, 4] and scores "
            "[n] or [n, classes] are wanted, of one picture"
        )
    if len(boxes) != len(scores):
        raise UserError(f"{len(boxes)} boxes and {len(scores)} scores: as many of each")
    if not np.isfinite(boxes).all():
        raise UserError(f"box {np.argmin(np.isfinite(boxes).all(1))} is not finite")
    inside_out = (boxes[:, 2:] < boxes[:, :2]).any(1)
    if inside_out.any():
        raise UserError(
            f"box {np.argmax(inside_out)} has a negative side: give corners, x1, y1, "
            "x2, y2"
        )
    refuse_improbable(scores)
    return boxes, scores


def refuse_improbable(scores: Float[np.ndarray, "*shape"]) -> None:
    """UserError: a score is NaN or no probability. A weight would raise a negative
    score."""
    if np.isnan(scores).any():
        raise UserError("a score is NaN, which has no rank")
    if scores.size and not 0 <= scores.min() <= scores.max() <= 1 + 1e-6:
        raise UserError(
            f"scores from {scores.min():g} to {scores.max():g} are no probabilities: "
            "give numbers in [0, 1], of logits the sigmoid"
        )


def _classes(classes, n: int) -> Int[np.ndarray, "n"]:
    if classes is None:
        return np.zeros(n, np.int64)
    classes = np.asarray(classes)
    if classes.shape != (n,) or (n and classes.dtype.kind not in "iu"):
        raise UserError(f"classes: {n} whole numbers are wanted, one a box")
    return classes.astype(np.int64)


def _length(count: int) -> int:
    return max(SHORTEST, _power_of_2(int(count)))


def _power_of_2(n: int) -> int:
    return 1 << max(n - 1, 0).bit_length()
