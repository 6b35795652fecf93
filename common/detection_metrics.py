"""Average precision of detectors, as COCO defines it.

Both sides are lists with an entry for each picture: what is there (`Truth`) and what a
detector found (`Found`). VOC's two older definitions are `common.voc_metrics`.
"""

import contextlib
import dataclasses
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from common.boxes import to_corner_size
from common.contract import UserError
from common.detection_matches import matches
from common.truth import Found, Truth
from common.voc_metrics import VocScores, voc_ap

__all__ = [
    "CocoScores",
    "Found",
    "Truth",
    "VocScores",
    "coco_metrics",
    "matches",
    "voc_ap",
]

IOUS = np.linspace(0.5, 0.95, 10)  # thresholds; AP is the mean over them
RECALLS = np.linspace(0, 1, 101)  # at which precision is read
SIDES = (32.0, 96.0)  # of the squares between S and M, and between M and L
MOST = (1, 10, 100)  # best findings of a picture and class that count
_ALL = 1e10  # square pixels, more than any picture has
# Their area is outside of every range, and so pycocotools leaves them out.
_DIFFICULT = -1.0


@dataclasses.dataclass(frozen=True)
class CocoScores:
    """COCO's twelve numbers and what they are means of; -1 where no truth is.

    Attributes:
      ap, ap50, ap75: average precision over all IoUs, and at .5 and .75.
      small, medium, large: AP of objects by their area.
      ar1, ar10, ar100: recall, averaged over IoUs, of the best findings of a picture.
      ar_small, ar_medium, ar_large: of the best 100, by area.
      by_class, by_class_50: AP and AP50 of each class.
      by_iou: AP at each of `IOUS`.
      precision: [iou, recall, class] at `IOUS` and `RECALLS`; the classes' curves.
      objects: truths of each class that count: neither crowds nor difficult.
      names: of the classes.
    """

    ap: float
    ap50: float
    ap75: float
    small: float
    medium: float
    large: float
    ar1: float
    ar10: float
    ar100: float
    ar_small: float
    ar_medium: float
    ar_large: float
    by_class: Float[np.ndarray, "classes"]
    by_class_50: Float[np.ndarray, "classes"]
    by_iou: Float[np.ndarray, "10"]
    precision: Float[np.ndarray, "10 101 classes"]
    objects: Int[np.ndarray, "classes"]
    names: tuple[str, ...]

    def curve(self, index: int = 0) -> Float[np.ndarray, "101"]:
        """Precision at `RECALLS`, a mean over the classes, at IoU `IOUS[index]`."""
        present = self.objects > 0
        if not present.any():
            return np.full(len(RECALLS), -1.0)
        return self.precision[index][:, present].mean(1)


def coco_metrics(
    truths: Sequence[Truth],
    detections: Sequence[Found],
    names: Sequence[str],
    sides: tuple[float, float] = SIDES,
    by_size: bool = True,
) -> CocoScores:
    """COCO's numbers, computed by pycocotools.

    Of each picture and class the best 100 count. A finding on a crowd, or on a
    difficult object of VOC's, counts neither way.

    Args:
      truths: of each picture.
      detections: of each picture, in the same order, [] allowed.
      names: of the classes.
      sides: the areas that separate small, medium and large objects are the squares of
        these, in pixels.
      by_size: False saves two thirds of the time, and leaves -1 in their places.

    Raises:
      UserError: lists of unequal length, a class without a name, or a score or a box
        that is no number.
    """
    check(truths, detections, len(names))
    from pycocotools.cocoeval import COCOeval  # it reads the clock

    with contextlib.redirect_stdout(io.StringIO()):
        scorer = COCOeval(
            _index(truths, names, _annotations(truths)),
            _index(truths, names, _results(detections)),
            "bbox",
        )
        small, large = (side**2 for side in sides)
        ranges = [[0, _ALL], [0, small], [small, large], [large, _ALL]]
        scorer.params.areaRng = ranges if by_size else ranges[:1]
        scorer.params.maxDets = [*MOST]
        scorer.params.iouThrs = IOUS
        scorer.params.recThrs = RECALLS
        scorer.evaluate()
        scorer.accumulate()
    counted = [x.classes[~(x.crowd | x.difficult)] for x in truths]
    objects = np.bincount(
        np.concatenate([[], *counted]).astype(int), minlength=len(names)
    )
    return _scores(scorer.eval, objects, tuple(names))


def check(truths: Sequence[Truth], detections: Sequence[Found], classes: int) -> None:
    """UserError: what cannot be scored."""
    if len(truths) != len(detections):
        raise UserError(
            f"{len(truths)} pictures and findings in {len(detections)}: give one list "
            "of findings, [] where there are none, for each picture"
        )
    if not len(truths):
        raise UserError("no pictures to score: give one or more")
    for i, (there, seen) in enumerate(zip(truths, detections, strict=True)):
        name = f"picture {i} ({there.image_id})"
        if np.isnan(seen.scores).any():
            raise UserError(f"{name}: a score is NaN, which has no rank")
        if not (np.isfinite(seen.boxes).all() and np.isfinite(there.boxes).all()):
            raise UserError(f"{name}: a box has a side that is not finite")
        for kind, own in (("truth", there.classes), ("finding", seen.classes)):
            if len(own) and not 0 <= own.min() <= own.max() < classes:
                wrong = own.max() if own.max() >= classes else own.min()
                raise UserError(
                    f"{name}: a {kind} of class {wrong}, and there are {classes} "
                    "classes, which count from 0"
                )


def _index(
    truths: Sequence[Truth], names: Sequence[str], annotations: list[dict]
) -> Any:
    """pycocotools' own form of a set. Numbers of annotations count from 1: there 0
    means unmatched."""
    from pycocotools.coco import COCO

    own = COCO()
    own.dataset = {
        "images": [{"id": i} for i in range(len(truths))],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
        "annotations": [{"id": 1 + i, **x} for i, x in enumerate(annotations)],
    }
    own.createIndex()
    return own


def _annotations(truths: Sequence[Truth]) -> list[dict]:
    return [
        {
            "image_id": i,
            "category_id": int(x.classes[j]),
            "bbox": box,
            "area": _DIFFICULT if x.difficult[j] else float(x.area[j]),
            "iscrowd": int(x.crowd[j]),
        }
        for i, x in enumerate(truths)
        for j, box in enumerate(_sized(x.boxes))
    ]


def _results(detections: Sequence[Found]) -> list[dict]:
    return [
        {
            "image_id": i,
            "category_id": int(x.classes[j]),
            "bbox": box,
            "area": box[2] * box[3],
            "iscrowd": 0,
            "score": float(x.scores[j]),
        }
        for i, x in enumerate(detections)
        for j, box in enumerate(_sized(x.boxes))
    ]


def _sized(boxes: Float[np.ndarray, "n 4"]) -> list[list[float]]:
    return to_corner_size(np.asarray(boxes, np.float64)).tolist()


def _scores(
    result: Mapping[str, Any], objects: np.ndarray, names: tuple[str, ...]
) -> CocoScores:
    precision = result["precision"]  # iou, recall, class, area, most
    recall = result["recall"]  # iou, class, area, most
    if precision.shape[-2] == 1:
        missing = [(0, 0)] * 5
        missing[-2] = (0, 3)
        precision = np.pad(precision, missing, constant_values=-1)
        recall = np.pad(recall, missing[1:], constant_values=-1)
    whole = precision[..., 0, -1]
    return CocoScores(
        ap=_mean(whole),
        ap50=_mean(whole[0]),
        ap75=_mean(whole[5]),
        small=_mean(precision[..., 1, -1]),
        medium=_mean(precision[..., 2, -1]),
        large=_mean(precision[..., 3, -1]),
        ar1=_mean(recall[..., 0, 0]),
        ar10=_mean(recall[..., 0, 1]),
        ar100=_mean(recall[..., 0, 2]),
        ar_small=_mean(recall[..., 1, -1]),
        ar_medium=_mean(recall[..., 2, -1]),
        ar_large=_mean(recall[..., 3, -1]),
        by_class=np.array([_mean(whole[..., k]) for k in range(len(names))]),
        by_class_50=np.array([_mean(whole[0, :, k]) for k in range(len(names))]),
        by_iou=np.array([_mean(part) for part in whole]),
        precision=whole,
        objects=objects,
        names=names,
    )


def _mean(values: np.ndarray) -> float:
    """Over what is there; -1 marks classes without truths."""
    there = values[values > -1]
    return float(there.mean()) if there.size else -1.0
