"""The picture of crops: a part of each test image, as every method upscales it."""

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from common.colour import luma
from common.contract import BeforeAfter
from common.data.augment import resize
from common.pixels import Picture
from common.resize import cropped_to_multiple, shrink
from papers.espcn import upscaling
from papers.espcn.config import Config
from papers.espcn.data import pictures
from papers.espcn.upscaling import Upscale

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

ENLARGED = 3  # a crop's pixel is drawn as a square of 3 x 3
FRAME = np.array([230, 30, 30], np.uint8)  # the colour of the frame around a crop


def strips(
    config: Config,
    methods: Mapping[str, Upscale],
    decibels: Mapping[str, Mapping[str, float]],
) -> "Figure":
    """A row an image: the whole with a frame around the crop, the original crop, and
    each method's crop, with the PSNR of its whole image below.

    decibels: {image: {method: PSNR in dB}}.
    """
    from common import figures

    grid = []
    captions = []
    measured = ((n, x) for n, x in pictures(config, "test") if n in decibels)
    shown = dict(itertools.islice(measured, config.eval.strips))
    for image, photograph in shown.items():
        original, made = _upscaled(config, methods, photograph)
        place = liveliest(luma(original / 255.0), config.eval.crop)
        crops = [_enlarged(picture[place]) for picture in (original, *made)]
        grid.append([_located(original, place, crops[0].shape[1]), *crops])
        below = [f"{decibels[image][n]:.2f} dB" for n in methods]
        captions.append(["", "PSNR of the whole", *below])
    labels = ["", "original", *methods]
    return figures.image_grid(
        grid, row_labels=[*shown], column_labels=labels, captions=captions
    )


def first_and_last(
    config: Config, methods: Mapping[str, Upscale], image: str
) -> BeforeAfter:
    """The liveliest part of a test image, as the first method enlarges it and as the
    last does."""
    photograph = next(x for name, x in pictures(config, "test") if name == image)
    original, made = _upscaled(config, methods, photograph)
    place = liveliest(luma(original / 255.0), 2 * config.eval.crop)
    ends = (*methods,)[0], (*methods,)[-1]
    return BeforeAfter(_enlarged(made[0][place]), _enlarged(made[-1][place]), ends)


def _upscaled(
    config: Config, methods: Mapping[str, Upscale], photograph: Picture
) -> tuple[Picture, list[Picture]]:
    """The photograph, and what each method makes of it made small."""
    scale = config.model.scale
    original = cropped_to_multiple(photograph, scale)
    low = shrink(original / 255.0, scale)
    made = [upscaling.upscaled_rgb(config.model, f, low) for f in methods.values()]
    return original, made


def liveliest(y: Float[np.ndarray, "height width 1"], size: int) -> tuple[slice, slice]:
    """The square of `size` pixels a side that has the largest sum of squared gradients.
    Places an eighth of the side apart are compared."""
    down, right = np.gradient(y[..., 0])
    energy = np.pad(down**2 + right**2, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    height, width = (min(size, n) for n in y.shape[:2])
    step = max(size // 8, 1)
    inside = (
        energy[height:, width:] - energy[:-height, width:]
        - energy[height:, :-width] + energy[:-height, :-width]
    )[::step, ::step]  # fmt: skip
    top, left = (step * i for i in np.unravel_index(np.argmax(inside), inside.shape))
    return slice(top, top + height), slice(left, left + width)


def _enlarged(picture: Picture) -> Picture:
    return picture.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)


def _located(picture: Picture, place: tuple[slice, slice], side: int) -> Picture:
    """The whole picture, with a frame around the place, resized until its longer side
    has `side` pixels."""
    marked = picture.copy()
    longer = max(picture.shape[:2])
    thick = max(longer // 100, 1)
    marked[place] = FRAME
    rows, columns = (slice(s.start + thick, s.stop - thick) for s in place)
    marked[rows, columns] = picture[rows, columns]
    height, width = (max(n * side // longer, 1) for n in picture.shape[:2])
    return resize(marked, (height, width))
