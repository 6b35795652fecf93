"""Eq. 1 and eq. 2 to 4 of the paper as curves: what a temperature does."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from common.losses import matching_gradient, soft_gradient

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

LOGITS = {"bmw": 9.0, "garbage truck": 5.0, "van": 4.0, "bus": 2.5, "carrot": -3.0}
TEMPERATURES = (1, 2, 5, 20)


def softened() -> "Figure":
    """Eq. 1: probabilities of one image at several temperatures, from the same logits.
    The paper's example: a BMW is mistaken for a garbage truck sooner than a carrot."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from common.figures import PALETTE, STYLE

    z = jnp.array([*LOGITS.values()])
    with rc_context(STYLE):
        figure = Figure((9.4, 2.9), layout="constrained")
        grid = figure.subplots(1, len(TEMPERATURES), sharey=True)
        for axes, t, colour in zip(grid, TEMPERATURES, PALETTE, strict=False):
            q = np.asarray(jax.nn.softmax(z / t))
            axes.bar([*LOGITS], q, color=colour)
            axes.bar_label(axes.containers[0], [f"{x:.3f}" for x in q], fontsize=7)
            axes.set_title(f"T = {t}")
            axes.set_xticks(range(len(LOGITS)), [*LOGITS], rotation=30, ha="right")
            axes.set_ylim(0, 1.08)
        grid[0].set_ylabel("q")
    return figure


def limit() -> "Figure":
    """Eq. 2 beside its limit, eq. 4: the gradient times T^2, for logits of mean 0."""
    from common import figures

    z = np.array([*LOGITS.values()], np.float32)
    z -= z.mean()
    v = -0.5 * z[::-1]
    temperatures = np.geomspace(0.5, 100, 60, dtype=np.float32)
    square = temperatures[:, None] ** 2
    rows = (np.broadcast_to(x, (len(temperatures), len(z))) for x in (z, v))
    exact = square * np.asarray(soft_gradient(*rows, temperatures))
    rows = (np.broadcast_to(x, (len(temperatures), len(z))) for x in (z, v))
    matched = square * np.asarray(matching_gradient(*rows, temperatures))
    series = {}
    for i in range(3):
        series[f"class {i + 1}: (q - p) / T"] = temperatures, exact[:, i]
        series[f"class {i + 1}: (z - v) / (N T²)"] = temperatures, matched[:, i]
    dashed = [name for name in series if "N T" in name]
    return figures.curves(series, "T", "T² times dC/dz", log_x=True, dashed=dashed)
