"""Average precision as the PASCAL VOC challenges define it, at one IoU.

Since 2010 it is the area below the precision-recall curve; until 2009 it was the mean
of the precision at 11 recalls. Both take, at each recall, the best precision at that
recall or a higher one.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from common.boxes import iou
from common.contract import UserError
from common.truth import Found, Truth


@dataclasses.dataclass(frozen=True)
class VocScores:
    """Classes are those that have a truth that is not difficult.

    Attributes:
      mean: of all classes' AP; -1 where no class has a truth.
      by_class: {class: AP}.
      precision, recall: {class: curve}, a value after each finding, the surest first.
    """

    mean: float
    by_class: dict[int, float]
    precision: dict[int, Float[np.ndarray, "findings"]]
    recall: dict[int, Float[np.ndarray, "findings"]]


def voc_ap(
    truths: Sequence[Truth],
    detections: Sequence[Found],
    iou: float = 0.5,
    eleven_points: bool = False,
    offset: float = 1.0,
) -> VocScores:
    """VOC's average precision, of truths and findings in the same order of pictures.

    The surest finding goes first. Of the objects of its class in its picture it is
    compared with the one that it overlaps most: it hits it with an IoU of at least
    `iou`, unless an earlier finding did. A finding on a difficult object, or on a
    crowd, counts neither way.

    Args:
      iou: the least that is a hit.
      eleven_points: VOC2007's definition, not VOC2012's.
      offset: 1, VOC's own: corners are inclusive pixels. 0: they are continuous, as
        those of `common.data.annotated_layouts`, which gives the same AP.

    Raises:
      UserError: lists of unequal length, or a score that is NaN.
    """
    if len(truths) != len(detections):
        counts = f"{len(truths)} pictures and findings in {len(detections)}"
        raise UserError(f"{counts}: give one list for each picture")
    if any(np.isnan(seen.scores).any() for seen in detections):
        raise UserError("a score is NaN, which has no rank")
    counted = [x.classes[~(x.difficult | x.crowd)] for x in truths]
    present = np.unique(np.concatenate([[], *counted])).astype(int)
    by_class, precisions, recalls = {}, {}, {}
    for label in map(int, present):
        objects = sum(int((own == label).sum()) for own in counted)
        hits, misses = _marks(truths, detections, label, iou, offset)
        true = np.cumsum(hits)
        recalls[label] = true / objects
        precisions[label] = true / np.maximum(true + np.cumsum(misses), 1)
        area = _at_eleven_recalls if eleven_points else _area_below
        by_class[label] = area(true, precisions[label], objects)
    mean = float(np.mean([*by_class.values()])) if by_class else -1.0
    return VocScores(mean, by_class, precisions, recalls)


def _marks(
    truths: Sequence[Truth],
    detections: Sequence[Found],
    label: int,
    threshold: float,
    offset: float,
) -> tuple[Bool[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
    """Which findings of a class, in the order of their scores, hit and which miss."""
    scores, hits, misses = [np.empty(0)], [np.empty(0, bool)], [np.empty(0, bool)]
    for there, seen in zip(truths, detections, strict=True):
        seen = seen.take(seen.classes == label)
        seen = seen.take(np.argsort(-seen.scores, kind="stable"))
        hit, miss = _in_picture(
            there.take(there.classes == label), seen, threshold, offset
        )
        scores.append(seen.scores)
        hits.append(hit)
        misses.append(miss)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return np.concatenate(hits)[order], np.concatenate(misses)[order]


def _in_picture(
    there: Truth, seen: Found, threshold: float, offset: float
) -> tuple[Bool[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
    hit = np.zeros(len(seen), bool)
    if not len(there):
        return hit, ~hit
    overlaps = iou(
        np.asarray(seen.boxes, np.float64), np.asarray(there.boxes, np.float64), offset
    )
    best = overlaps.argmax(1)
    near = overlaps.max(1) >= threshold
    ignored = near & (there.difficult | there.crowd)[best]
    taken = np.zeros(len(there), bool)
    for i in np.flatnonzero(near & ~ignored):
        hit[i] = not taken[best[i]]
        taken[best[i]] = True
    return hit, ~hit & ~ignored


def _area_below(true: np.ndarray, precision: np.ndarray, objects: int) -> float:
    """The sum, over the findings that raise the recall, of what they raise it by times
    the best precision from there on."""
    if not len(true):
        return 0.0
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(true, prepend=0) * best).sum() / objects)


def _at_eleven_recalls(true: np.ndarray, precision: np.ndarray, objects: int) -> float:
    """In whole numbers, because .3 is not 3 times .1."""
    reached = (10 * true >= np.arange(11)[:, None] * objects) * precision
    return float(reached.max(1, initial=0).mean())
