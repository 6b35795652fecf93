"""Curves of precision against recall, and pictures with what was found in them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8

from common.detection_metrics import RECALLS, CocoScores
from common.truth import Found
from papers.yolov3 import annotations
from papers.yolov3.config import Config

THRESHOLD = 0.3  # the least score that is drawn
IN_A_STRIP = 4  # pictures


def precision_recall(scores: Mapping[str, CocoScores]) -> Any:
    """A curve for each run at IoU .5, the mean over the classes."""
    from common import figures

    lines = {name: (RECALLS, one.curve(0)) for name, one in scores.items()}
    return figures.curves(lines, "recall", "precision", title="IoU 0.5")


def precision_recall_by_iou(scores: CocoScores) -> Any:
    """A curve for each of four IoUs."""
    from common import figures

    lines = {
        f"IoU {iou:.2f}": (RECALLS, scores.curve(i))
        for i, iou in ((0, 0.5), (3, 0.65), (5, 0.75), (7, 0.85))
    }
    return figures.curves(lines, "recall", "precision")


def beside_truth(
    config: Config, split: str, detections: Sequence[Found], index: int
) -> UInt8[np.ndarray, "height width 3"]:
    """A picture with its objects, and beside it with what was found."""
    from common import box_figures

    pictures = annotations.annotated(config.data, split)
    names = annotations.class_names(config.data, config.model.classes)
    return box_figures.beside_truth(
        pictures.picture(index),
        pictures.truth(index),
        detections[index],
        names,
        threshold=THRESHOLD,
    )


def hits_and_misses(
    config: Config, split: str, detections: Sequence[Found]
) -> UInt8[np.ndarray, "height width 3"]:
    """A strip of the split's first pictures."""
    from common import box_figures

    pictures = annotations.annotated(config.data, split)
    names = annotations.class_names(config.data, config.model.classes)
    items = [
        (pictures.picture(i), pictures.truth(i), detections[i])
        for i in range(min(IN_A_STRIP, len(detections)))
        if pictures.picture(i) is not None
    ]
    return box_figures.hits_and_misses(items, names, threshold=THRESHOLD)
