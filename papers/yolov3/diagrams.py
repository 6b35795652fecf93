"""Figures 1 and 2 of the paper: speed beside accuracy as published, and a box."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from common.contract import Table
from papers.yolov3 import cost, objective
from papers.yolov3.architectures import build
from papers.yolov3.decode import centre, sides

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

# COCO test-dev AP and milliseconds a picture, as figure 1 quotes them.
PUBLISHED = {
    "SSD321": (28.0, 61),
    "DSSD321": (28.0, 85),
    "R-FCN": (29.9, 85),
    "SSD513": (31.2, 125),
    "DSSD513": (33.2, 156),
    "FPN FRCN": (36.2, 172),
    "RetinaNet-50-500": (32.5, 73),
    "RetinaNet-101-500": (34.4, 90),
    "RetinaNet-101-800": (37.8, 198),
    "YOLOv3-320": (28.2, 22),
    "YOLOv3-416": (31.0, 29),
    "YOLOv3-608": (33.0, 51),
}
CELL, PRIOR, T = (1.0, 1.0), (2.4, 1.5), (0.5, -0.3, 0.25, 0.35)


def speed() -> "Figure":
    """Figures 1 and 3: AP over milliseconds, as published. The x axis begins at 0; in
    the paper's figure 1 it begins at 50, and YOLOv3 stands outside of it."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from common.figures import PALETTE, STYLE

    with rc_context(STYLE):
        figure = Figure((7.2, 4.2), layout="constrained")
        axes = figure.subplots()
        for name, (precision, milliseconds) in PUBLISHED.items():
            own = name.startswith("YOLOv3")
            colour = PALETTE[1] if own else PALETTE[0]
            axes.plot(milliseconds, precision, "o", color=colour)
            place = milliseconds + 2.5, precision + 0.1
            axes.annotate(name, place, fontsize=8, color=colour)
        axes.set(xlim=(0, 240), ylim=(26, 39))
        axes.set(xlabel="milliseconds a picture", ylabel="COCO AP")
    return figure


def box() -> "Figure":
    """Figure 2: from t_x, t_y, t_w, t_h to a box, by `decode.centre` and
    `decode.sides`. Dashed is the prior, blue the box."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    from common.figures import PALETTE

    t = jnp.array(T)
    x, y = (float(v) for v in centre(t[:2], jnp.array(CELL)))
    width, height = (float(v) for v in sides(t[2:], jnp.array(PRIOR)))
    figure = Figure((5.6, 4.0))
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.96))
    for i in range(5):
        axes.plot([i, i], [0, 3], ":", color="#9A9A9A", lw=1)
        axes.plot([0, 4], [min(i, 3)] * 2, ":", color="#9A9A9A", lw=1)
    prior = x - PRIOR[0] / 2, y - PRIOR[1] / 2
    axes.add_patch(Rectangle(prior, *PRIOR, fill=False, ls="--", lw=1.6))
    own = x - width / 2, y - height / 2
    axes.add_patch(Rectangle(own, width, height, fill=False, ec=PALETTE[0], lw=2.2))
    axes.plot(x, y, "o", color=PALETTE[0])
    line = {"arrowstyle": "<->", "lw": 1}
    for start, end, text, place in (
        ((0, CELL[1]), CELL, "$c_x$", (0.22, CELL[1] - 0.14)),
        ((CELL[0], 0), CELL, "$c_y$", (CELL[0] - 0.16, 0.5)),
        (CELL, (x, CELL[1]), r"$\sigma(t_x)$", (CELL[0] + 0.3, CELL[1] - 0.14)),
        ((x, CELL[1]), (x, y), r"$\sigma(t_y)$", (x + 0.3, (CELL[1] + y) / 2)),
    ):
        axes.annotate("", end, start, arrowprops=line)
        axes.text(*place, text, ha="center", va="center")
    axes.text(x, own[1] + height + 0.12, "$b_w = p_w e^{t_w}$", ha="center",
              va="center", color=PALETTE[0])  # fmt: skip
    axes.text(own[0] - 0.1, y, "$b_h = p_h e^{t_h}$", ha="center", va="center",
              rotation=90, color=PALETTE[0])  # fmt: skip
    axes.text(x, prior[1] + PRIOR[1] - 0.12, "$p_w$", ha="center", va="center")
    axes.text(prior[0] + 0.14, y, "$p_h$", ha="center", va="center")
    axes.set(xlim=(-0.6, 4.1), ylim=(3.15, -0.1), aspect="equal")
    axes.set_axis_off()
    return figure


def layers() -> Table:
    """Table 1: Darknet-53, layer by layer."""
    return cost.layer_table(build("darknet53"))


def focal() -> "Figure":
    """Focal loss takes less of what is right already: the loss of an object that is
    there, without alpha."""
    from common import figures

    logits = np.linspace(-5, 5, 201, dtype=np.float32)
    probability = 1 / (1 + np.exp(-logits))
    ones = np.ones_like(logits)
    plain = np.asarray(objective.binary_cross_entropy(logits, ones))
    series = {"cross-entropy": (probability, plain)}
    for gamma in (1.0, 2.0):
        values = np.asarray(objective.focal(logits, ones, gamma, alpha=1.0))
        series[f"focal, gamma = {gamma:g}"] = probability, values
    return figures.curves(series, "probability of the truth", "loss")
