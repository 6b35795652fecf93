"""The rules of the paper as curves, and on two boxes of its kind of example."""

from typing import TYPE_CHECKING

import numpy as np

from common.boxes import iou
from common.contract import Table
from common.soft_nms import soft_nms, weight_of
from papers.soft_nms.settings import PAPER

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

BOXES = np.array(
    [[10, 20, 90, 100], [34, 22, 112, 98], [12, 24, 88, 104.0]], np.float32
)
SCORES = np.array([0.95, 0.80, 0.70], np.float32)
NAMES = ("M, an object", "its neighbour", "M once more")


def weights() -> "Figure":
    """What each rule multiplies a score by, against the overlap with M."""
    from common import figures

    overlap = np.linspace(0, 1, 401, dtype=np.float32)
    series = {}
    for one in PAPER:
        thresholds = one.value, one.value
        parameter = "sigma" if one.method == "gaussian" else "N_t"
        weight = np.asarray(weight_of(overlap, one.method, *thresholds))
        series[f"{one.method}, {parameter} = {one.value}"] = overlap, weight
    return figures.curves(series, "overlap with M (IoU)", "weight of the score")


def rescored() -> Table:
    """Two objects that overlap, one of them found twice: what the rules leave."""
    overlaps = np.asarray(iou(BOXES, BOXES))[0]
    columns = {"score": SCORES}
    for one in PAPER:
        found = soft_nms(
            BOXES,
            SCORES,
            method=one.method,
            iou_threshold=one.value,
            sigma=one.value,
            score_threshold=0.0,
        )
        there = np.asarray(found.scores) > 0
        kept = np.zeros(len(SCORES))
        kept[np.asarray(found.index)[there]] = np.asarray(found.scores)[there]
        columns[f"{one.method} {one.value}"] = kept
    rows = [
        [name, float(overlaps[i]), *(float(values[i]) for values in columns.values())]
        for i, name in enumerate(NAMES)
    ]
    return Table(("box", "IoU with M", *columns), rows, "0: dropped")
