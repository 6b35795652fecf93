"""Figures: AP over the parameter, precision over recall, and pictures in which hard
suppression loses an object."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from common import box_figures
from common.boxes import iou
from common.detection_metrics import IOUS, RECALLS
from common.truth import Found, Truth
from papers.soft_nms.measure import Comparison, Comparisons
from papers.soft_nms.settings import METHODS, PAPER, Setting, of_method

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from common.data.annotated import AnnotatedImages

SHOWN_IOUS = (0, 5)  # of `IOUS`: .5 and .75
HIT = 0.5  # IoU


def sensitivity(comparisons: Comparisons) -> "Figure":
    """AP of the validation pictures, means of the seeds: the paper's figure of
    sensitivity."""
    return over_parameter(
        {
            f"AP, {kind}": {
                s: float(np.mean([one.sweep[s] for one in seeds]))
                for s in seeds[0].sweep
            }
            for kind, seeds in comparisons.items()
        }
    )


def over_parameter(parts: Mapping[str, Mapping[Setting, float]]) -> "Figure":
    """A panel for each part, {title: {setting: AP}}: AP in per cent over N_t or
    sigma."""
    from common import figures

    panels = {}
    for title, aps in parts.items():
        series = {}
        for method in METHODS:
            settings = of_method(aps, method)
            parameter = "sigma" if method == "gaussian" else "N_t"
            values = [s.value for s in settings], [100 * aps[s] for s in settings]
            series[f"{method} ({parameter})"] = values
        panels[title] = series
    return figures.panels(panels, "N_t or sigma")


def precision(comparisons: Comparisons, kind: str) -> "Figure":
    """Precision over recall at two IoUs, of the settings chosen; means of the seeds."""
    from common import figures

    parts = {}
    for i in SHOWN_IOUS:
        series = {}
        for method in METHODS:
            curves = [
                one.reported[one.chosen[method]].curve(i) for one in comparisons[kind]
            ]
            series[method] = RECALLS, np.mean(curves, 0)
        parts[f"precision at IoU {IOUS[i]:.2f}"] = series
    return figures.panels(parts, "recall")


def lost_neighbours(
    one: Comparison, pictures: "AnnotatedImages", most: int
) -> UInt8[np.ndarray, "height width 3"] | None:
    """Test pictures in which hard suppression loses an object beside another, and the
    linear rule of the same N_t, the paper's, does not; None where there is none. A row
    a picture: the truth, hard, linear.

    Of each rule as many boxes are drawn as there are objects, the best: lowered scores
    have no common threshold with others. Green is a hit, orange a false one, blue an
    object that is lost.
    """
    hard, soft = (one.found[setting] for setting in PAPER[:2])
    near = one.config.eval.crowded
    rows = []
    for i, truth in enumerate(one.test.truths):
        pair = [_best(found, len(truth)) for found in (hard[i], soft[i])]
        lost, kept = (box_figures.matched(truth, f, HIT)[1] for f in pair)
        beside = (iou(truth.boxes, truth.boxes) > near).sum(1, initial=0) > 1
        if (
            len(rows) == most
            or not (kept & ~lost & beside).any()
            or (lost & ~kept).any()
        ):
            continue
        picture = pictures.picture(i)
        if picture is not None:
            rows.append(_row(picture, truth, pair, one.test.names))
    if not rows:
        return None
    return box_figures.with_legend(_stacked(rows), box_figures.HITS_AND_MISSES)


def _best(found: Found, count: int) -> Found:
    return found.take(np.argsort(-found.scores, kind="stable")[:count])


def _row(picture, truth: Truth, pair: Sequence[Found], names: Sequence[str]):
    names = names if len(names) > 1 else [""]
    labels = [names[c] for c in truth.classes]
    colours = [box_figures.class_colour(c) for c in truth.classes]
    real = box_figures.draw(
        picture, truth.boxes, labels, colours=colours, least_side=box_figures.SMALL
    )
    items = [(picture, truth, found) for found in pair]
    strip = box_figures.hits_and_misses(
        items, names, threshold=0.0, overlap=HIT, legend=False
    )
    return box_figures.side_by_side([real, strip])


def _stacked(rows):
    """Rows below one another, on white."""
    width = max(row.shape[1] for row in rows)
    parts = []
    for row in rows:
        room = [(0, box_figures.GAP), (0, width - row.shape[1]), (0, 0)]
        parts.append(np.pad(row, room, constant_values=255))
    return np.concatenate(parts)[: -box_figures.GAP]
