"""Pictures of what a network sees: heat maps, corners and groups, boxes beside the
truth."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from common.box_figures import (
    beside_truth,
    class_colour,
    hits_and_misses,
    side_by_side,
    with_legend,
)
from common.detection_metrics import RECALLS, CocoScores
from common.pixels import Picture
from common.truth import Found
from papers.cornernet.measure import Maps

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

TOP_LEFT = (255, 96, 64)  # heat of top-left corners, and their dots
BOTTOM_RIGHT = (64, 160, 255)
CORNERS = {"top-left corners": TOP_LEFT, "bottom-right corners": BOTTOM_RIGHT}
SIDE = 256  # small pictures are enlarged to about this many pixels

Drawn = UInt8[np.ndarray, "height width 3"]


def heat_over(
    picture: Picture,
    top_left: Float[np.ndarray, "rows columns classes"],
    bottom_right: Float[np.ndarray, "rows columns classes"],
) -> Drawn:
    """The network's input, darkened, under its heat maps: the largest over all classes,
    red for top-left corners and blue for bottom-right ones."""
    factor = max(1, SIDE // min(picture.shape[:2]))
    shape = [side * factor for side in picture.shape[:2]]
    light = 0.5 * _enlarged(picture, shape).astype(np.float32)
    for heat, colour in ((top_left, TOP_LEFT), (bottom_right, BOTTOM_RIGHT)):
        levels = (255 * heat.max(-1)).astype(np.uint8)
        alpha = _enlarged(levels, shape, Image.Resampling.BILINEAR)[..., None] / 255
        light = light * (1 - alpha) + alpha * np.array(colour, np.float32)
    return np.round(light).astype(np.uint8)


def groups(picture: Picture, found: Found, least: float) -> Drawn:
    """The boxes found with a score of at least `least`: the dots of their corners, red
    for top-left, and a line that joins the two of a group."""
    factor = max(1, SIDE // min(picture.shape[:2]))
    shape = [side * factor for side in picture.shape[:2]]
    canvas = Image.fromarray(_enlarged(picture, shape))
    pen = ImageDraw.Draw(canvas)
    radius = max(2, min(shape) // 64)
    for i in np.flatnonzero(found.scores >= least):
        x1, y1, x2, y2 = (float(v) * factor for v in found.boxes[i])
        colour = class_colour(int(i))
        pen.line([x1, y1, x2, y2], fill=colour, width=max(1, radius // 2))
        for x, y, dot in ((x1, y1, TOP_LEFT), (x2, y2, BOTTOM_RIGHT)):
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=dot)
    return np.asarray(canvas)


def heats(maps: Maps, count: int) -> Drawn:
    """The first pictures of a split under their heat maps."""
    row = side_by_side([heat_over(*of) for of in _first(maps, count)])
    return with_legend(row, CORNERS)


def _first(maps: Maps, count: int) -> list[tuple]:
    """(input, heat of top-left corners, of bottom-right ones) of the first pictures."""
    chosen = []
    for batch, prediction in zip(maps.batches, maps.predictions, strict=True):
        for i in np.flatnonzero(batch["mask"] > 0)[: count - len(chosen)]:
            heats = (corner.heat[i] for corner in prediction)
            chosen.append((batch["image"][i], *heats))
    return chosen


def _pictures(maps: Maps, findings: Sequence[Found], count: int) -> list[tuple]:
    """(picture, truth, findings) of the first pictures that can be read."""
    items = zip(maps.indices, maps.truths, findings, strict=True)
    return [(maps.data.picture(i), *of) for i, *of in list(items)[:count]]


def grouped(maps: Maps, findings: Sequence[Found], count: int, least: float) -> Drawn:
    """The first pictures of a split with the corners of their boxes, joined."""
    items = _pictures(maps, findings, count)
    row = side_by_side([groups(picture, own, least) for picture, _, own in items])
    return with_legend(row, CORNERS)


def strip(maps: Maps, findings: Sequence[Found], count: int, least: float) -> Drawn:
    """Hits and misses in the first pictures of a split."""
    items = _pictures(maps, findings, count)
    return hits_and_misses(items, maps.data.names, threshold=least)


def beside(maps: Maps, findings: Sequence[Found], least: float) -> Drawn:
    """The first picture: its objects, and the boxes found."""
    ((picture, truth, own),) = _pictures(maps, findings, 1)
    return beside_truth(picture, truth, own, maps.data.names, threshold=least)


def precision_and_recall(scores: Mapping[str, CocoScores]) -> "Figure":
    """Precision against recall at IoU .5, one line for each kind of run."""
    from common import figures

    series = {name: (RECALLS, np.maximum(s.curve(), 0)) for name, s in scores.items()}
    return figures.curves(series, "recall", "precision at IoU 0.5")


def _enlarged(
    pixels: np.ndarray, shape: Sequence[int], method: int = Image.Resampling.NEAREST
) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize(tuple(shape[::-1]), method))
