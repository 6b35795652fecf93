"""Figures 3 and 4 of the paper, what the layers have learnt, and figure 1's shuffle."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8

from common.host import to_host
from common.subpixel import shuffle, transposed_kernel
from papers.espcn.config import Config
from papers.espcn.upscaling import inference_params

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

Sheet = UInt8[np.ndarray, "rows columns"]
COLUMNS = 16  # filters in a row
SIDE, GAP = 72, 8  # pixels of a filter at least, and between two


def filters(config: Config, state: Any) -> Iterator[tuple[str, Sheet]]:
    """Yields the filters of the first and of the last layer, those that vary most
    first. A last layer that shuffles shows the filters of the transposed convolution
    that it equals: the pixels that a feature adds around itself."""
    params = to_host(inference_params(state))
    names = sorted(params, key=lambda name: int(name.removeprefix("layer")))
    first = params[names[0]]["kernel"].mean(axis=2)
    yield "First-layer filters", drawn(first.transpose(2, 0, 1))
    last = params[names[-1]]["kernel"]
    if config.model.upscaling == "last":
        last = np.asarray(transposed_kernel(last, config.model.scale))
    yield "Last-layer filters", drawn(last.mean(axis=3).transpose(2, 0, 1))


def drawn(kernels: Float[np.ndarray, "filters height width"]) -> Sheet:
    """Filters side by side, from that of the largest variance on. Grey is 0 in each;
    its largest weight is black or white."""
    order = np.argsort(-kernels.var(axis=(1, 2)), kind="stable")
    largest = np.abs(kernels).max(axis=(1, 2), keepdims=True)
    levels = np.round(127.5 + 127.5 * kernels / np.where(largest > 0, largest, 1))
    count, height, width = kernels.shape
    factor = -(-SIDE // height)
    large = levels[order].astype(np.uint8).repeat(factor, 1).repeat(factor, 2)
    columns = min(count, COLUMNS)
    cell = height * factor + GAP, width * factor + GAP
    sheet = np.full((-(-count // columns) * cell[0], columns * cell[1]), 255, np.uint8)
    for i, square in enumerate(large):
        y, x = i // columns * cell[0], i % columns * cell[1]
        sheet[y : y + square.shape[0], x : x + square.shape[1]] = square
    return sheet[:-GAP, :-GAP]


def shuffled() -> "Figure":
    """Figure 1's last step: the r^2 channels of a small map become its pixels, by
    `common.subpixel.shuffle`, a colour for each channel."""
    from matplotlib.figure import Figure

    from common.figures import PALETTE

    r, size = 3, 3
    channels = np.arange(r**2)
    maps = np.broadcast_to(channels, (size, size, r**2))
    high = shuffle(maps, r)[..., 0]
    figure = Figure((8.4, 3.4), layout="constrained")
    left, right = figure.subfigures(1, 2)
    left.suptitle(f"{r**2} channels of {size} x {size}", fontsize=10)
    right.suptitle(f"one of {size * r} x {size * r}, after PS", fontsize=10)
    colours = [*PALETTE, "#9A9A9A", "#8A6D00"]
    for channel, axes in zip(channels, left.subplots(r, r).flat, strict=True):
        _cells(axes, maps[..., channel], colours)
    _cells(right.subplots(), high, colours)
    return figure


def _cells(axes: Any, values: np.ndarray, colours: list[str]) -> None:
    """A square for each value, in its colour, with its number."""
    from matplotlib.colors import ListedColormap

    axes.imshow(values, cmap=ListedColormap(colours), vmin=0, vmax=len(colours) - 1)
    for (row, column), value in np.ndenumerate(values):
        axes.text(column, row, value + 1, ha="center", va="center", fontsize=7,
                  color="white")  # fmt: skip
    edges = np.arange(values.shape[0] + 1) - 0.5
    axes.hlines(edges, edges[0], edges[-1], color="white", lw=1)
    axes.vlines(edges, edges[0], edges[-1], color="white", lw=1)
    axes.set_axis_off()
