"""Pictures of the trained nets: error against depth, and the responses of layers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from papers.resnet.measure import Net

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed


def error_against_depth(kinds: Mapping[str, list[Net]]) -> "Figure":
    """Training and test errors of plain and of residual nets, against their layers."""
    from common import figures

    series = {}
    for kind, nets in kinds.items():
        depths = [net.depth for net in nets]
        series[kind] = depths, [100 * net.train["error"] for net in nets]
        series[f"{kind}, test"] = depths, [100 * net.test for net in nets]
    dashed = [name for name in series if name.endswith("test")]
    labels = "layers", "error %, training and test"
    return figures.curves(series, *labels, points=True, dashed=dashed)


def layer_responses(stds: Mapping[str, list[float]]) -> "Figure":
    """The standard deviation of each layer's output, one line a run (figure 7)."""
    from common import figures

    series = {name: (np.arange(1, len(y) + 1), y) for name, y in stds.items()}
    return figures.curves(series, "layer", "standard deviation", log_y=True)
