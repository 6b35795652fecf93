"""What the net is given: the tasks of the default runs, before any training."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from common.pixels import Picture, to_uint8
from papers.deep_image_prior.config import runs
from papers.deep_image_prior.data import problem
from papers.deep_image_prior.variants import get_config

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

SIDE = 256  # pixels of a picture in the figure
TITLES = {
    "denoise": "denoising",
    "sr": "super-resolution",
    "inpaint": "inpainting",
}


def tasks() -> "Figure":
    """x0 of each task above the picture to restore; x0 is all that the net sees."""
    from common import figures

    named = {
        run.config.task.name: run.config
        for run in runs(get_config()).values()
        if len(run.config.data.targets) == 1
    }
    found = [problem(named[name], 0) for name in TITLES]
    rows = [[_large(one[part]) for one in found] for part in ("observed", "truth")]
    return figures.image_grid(
        rows, row_labels=["x0", "truth"], column_labels=[*TITLES.values()]
    )


def impedance() -> "Figure":
    """The targets of figure 2: a picture, the picture with noise, its pixels in random
    order, and noise alone. The net fits the first one fastest."""
    from common import figures

    (config,) = (
        run.config
        for run in runs(get_config()).values()
        if len(run.config.data.targets) > 1
    )
    names = [name.replace("_", " + ") for name in config.data.targets]
    pictures = [_large(problem(config, i)["truth"]) for i in range(len(names))]
    return figures.image_grid([pictures], column_labels=names)


def _large(picture: Float[np.ndarray, "height width channels"]) -> Picture:
    """At least `SIDE` pixels a side, each pixel a square."""
    factor = -(-SIDE // picture.shape[0])
    return to_uint8(picture).repeat(factor, 0).repeat(factor, 1)
