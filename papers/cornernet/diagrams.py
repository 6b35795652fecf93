"""Figures 5 and 6 of the paper: the penalty around corners, and corner pooling."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from common.boxes import iou
from papers.cornernet.config import Targets
from papers.cornernet.corner_pooling import left_pool, top_pool
from papers.cornernet.targets import encode

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

SIDE = 24  # cells
BOX = (5.0, 6.0, 18.0, 19.0)


def pooling() -> "Figure":
    """Figure 6: a cell takes the largest value below it, and the largest on its right;
    their sum is large where a top edge meets a left edge."""
    from matplotlib.figure import Figure

    down = np.zeros((6, 6), np.float32)
    right = np.zeros((6, 6), np.float32)
    down[3:5, 1] = 2, 1  # what tells a left edge, and
    right[1, 2:5] = 1, 3, 2  # a top edge
    parts = {
        "features of left edges": down,
        "max of those below": np.asarray(top_pool(down[None, ..., None]))[0, ..., 0],
        "features of top edges": right,
        "max of those on the right": np.asarray(left_pool(right[None, ..., None]))[
            0, ..., 0
        ],
    }
    first, second = parts["max of those below"], parts["max of those on the right"]
    parts["their sum"] = first + second
    figure = Figure((12.5, 2.9), layout="constrained")
    for axes, (title, values) in zip(figure.subplots(1, 5), parts.items(), strict=True):
        axes.imshow(values, cmap="Blues", vmin=0, vmax=7)
        for (row, column), value in np.ndenumerate(values):
            axes.text(column, row, f"{value:g}", ha="center", va="center", fontsize=9)
        axes.set_title(title, fontsize=10)
        axes.set_axis_off()
    return figure


def penalty() -> "Figure":
    """Figure 5: the heat maps that are asked for. A box with corners inside of the
    bumps still has an IoU of `Targets.min_overlap` or more with the object; the dashed
    ones are the worst of such."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    config = Targets()
    found = encode(
        config,
        jnp.array([[BOX]], jnp.float32),
        jnp.zeros((1, 1), jnp.int32),
        jnp.ones((1, 1), bool),
        size=(SIDE, SIDE),
        cells=(SIDE, SIDE),
        n_classes=1,
    )
    heat = np.asarray(found.top_left.heat + found.bottom_right.heat)[0, ..., 0]
    x1, y1, x2, y2 = BOX
    radius = int((heat[int(y1)] > 0).sum() // 2)
    moved = [
        np.array([x1 - r, y1 - r, x2 + s, y2 + s], np.float32)
        for r, s in ((radius, radius), (-radius, -radius), (radius, -radius))
    ]
    figure = Figure((5.6, 5.0), layout="constrained")
    axes = figure.subplots()
    axes.imshow(heat, cmap="viridis", extent=(-0.5, SIDE - 0.5, SIDE - 0.5, -0.5))
    truth = np.array([BOX], np.float32)
    overlaps = [float(iou(truth, box[None])[0, 0]) for box in moved]
    for box, style, colour in [(truth[0], "-", "#FF6040")] + [
        (box, "--", "#FFFFFF") for box in moved
    ]:
        size = box[2] - box[0], box[3] - box[1]
        axes.add_patch(
            Rectangle(tuple(box[:2]), *size, fill=False, ls=style, ec=colour, lw=1.6)
        )
    said = ", ".join(f"{overlap:.2f}" for overlap in sorted(overlaps))
    axes.set_title(
        f"radius {radius} cells; IoU of the dashed boxes: {said}", fontsize=9
    )
    axes.set_axis_off()
    return figure
