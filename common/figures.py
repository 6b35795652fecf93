"""Figures in one style: curves, heat maps, grids of images.

`png` renders them without pyplot or a display. matplotlib is slow to import, so a paper
imports this module inside the function that draws.
"""

import io
import textwrap
from collections.abc import Collection, Mapping, Sequence
from itertools import chain

import matplotlib
import numpy as np
from jaxtyping import Num, UInt8
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from common.pixels import squeeze_grey

DPI = 150

# Okabe and Ito's colours, which colour-blind readers can tell apart. Grey stands in
# for their black, and yellow is left out: it is lost on white.
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#5A5A5A",
)

STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#999999",
    "axes.formatter.limits": (-4, 7),
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "font.size": 10,
    "grid.color": "#E8E8E8",
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "xtick.color": "#999999",
    "xtick.labelcolor": "#333333",
    "xtick.labelsize": 9,
    "ytick.color": "#999999",
    "ytick.labelcolor": "#333333",
    "ytick.labelsize": 9,
}

MAX_TICKS = 32  # labels on one axis of a heat map that can still be read
MAX_LETTERS = 160  # the same, for single letters


@matplotlib.rc_context(STYLE)
def curves(
    series: Mapping[str, tuple[ArrayLike, ArrayLike]],
    x_label: str,
    y_label: str,
    *,
    title: str = "",
    log_x: bool = False,
    log_y: bool = False,
    points: bool = False,
    dashed: Collection[str] = (),
    robust: bool = False,
) -> Figure:
    """Lines `{name: (x, y)}`, in the palette's order.

    points: marks every measurement with a dot.
    dashed: names drawn dashed, in the colour of the series before them: a run's
        training loss and then its validation loss read as one pair.
    robust: cuts the top off, so that the huge first losses do not press the rest flat.
    """
    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    axes = figure.subplots()
    _plot(axes, series, dashed, points)
    scales = {"xscale": "log" if log_x else "linear"}
    scales["yscale"] = "log" if log_y else "linear"
    axes.set(xlabel=x_label, ylabel=y_label, title=title, **scales)
    x_values = sorted({float(value) for x, _ in series.values() for value in x})
    if log_x and len(x_values) <= 12:  # measured at a few places: name these
        axes.set_xticks(x_values, [_compact(value) for value in x_values])
        axes.set_xticks([], minor=True)
    if robust:
        _cut_top(axes, [y for _, y in series.values()])
    if log_y:
        _name_less_than_a_decade(axes)
    if len(series) > 1:
        figure.legend(loc="outside right upper")
    return figure


def _name_less_than_a_decade(axes: Axes) -> None:
    """Gives a y axis without a power of ten marks such as 1.20, not 1.2 x 10^0."""
    bottom, top = axes.get_ylim()
    if top < 10 * bottom:
        axes.yaxis.set_major_locator(ticker.AutoLocator())
        axes.yaxis.set_major_formatter(ticker.ScalarFormatter())
        axes.yaxis.set_minor_locator(ticker.NullLocator())


def _compact(value: float) -> str:
    """A label that leaves room for its neighbours: `512`, `89k`, `1.92M`."""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size <= abs(value) < 1e12:
            divisor = 1e3 if sign == "k" else size
            return f"{value / divisor:.3g}{sign}"
    return f"{value:g}"


def _plot(
    axes: Axes,
    series: Mapping[str, tuple[ArrayLike, ArrayLike]],
    dashed: Collection[str],
    points: bool = False,
) -> None:
    """One line for each series. A dashed one has the colour of the solid one before."""
    colour = -1
    for name, (x, y) in series.items():
        colour += name not in dashed or colour < 0
        axes.plot(
            x,
            y,
            color=PALETTE[colour % len(PALETTE)],
            linestyle="--" if name in dashed else "-",
            marker="o" if points or np.size(x) == 1 else None,
            label=name,
        )


@matplotlib.rc_context(STYLE)
def panels(
    parts: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]],
    x_label: str,
    *,
    dashed: Collection[str] = (),
) -> Figure:
    """A panel for each part, `{title: {name: (x, y)}}`, and one legend: series of one
    name look the same in all panels. Where all curves fall, huge first values are cut.
    """
    names = dict.fromkeys(name for series in parts.values() for name in series)
    nowhere = ((), ())
    columns = min(len(parts), 2)
    rows = -(-len(parts) // columns)
    size = (4.2 * columns + 1.6, 2.6 * rows + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, (title, series) in zip(grid.flat, parts.items(), strict=False):
        _plot(axes, {name: series.get(name, nowhere) for name in names}, dashed)
        axes.set(xlabel=x_label, title=title)
        ys = [np.asarray(y) for _, y in series.values()]
        if all(y[-1] < y[0] for y in ys):
            _cut_top(axes, ys)
    for axes in grid.flat[len(parts) :]:
        axes.set_axis_off()
    if len(names) > 1:
        handles, labels = grid.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper")
    return figure


def _cut_top(axes: Axes, ys: Sequence[ArrayLike]) -> None:
    """Ends the y axis at the largest 95th percentile of any curve.

    Each curve counts by itself: ten validation points weigh as much as a thousand
    training points. Curves of 20 points or fewer are never cut.
    """
    finite = [y[np.isfinite(y)] for y in map(np.asarray, ys)]
    finite = [y for y in finite if y.size]
    low = min((y.min() for y in finite), default=0)
    cut = max((np.percentile(y, 95, method="higher") for y in finite), default=0)
    if cut > low:
        margin = 0.05 * (cut - low)
        bottom, top = axes.get_ylim()
        axes.set_ylim(max(bottom, low - margin), min(top, cut + margin))


@matplotlib.rc_context({**STYLE, "axes.grid": False})
def heatmap(
    values: Num[np.ndarray, "rows columns"],
    x_label: str,
    y_label: str,
    *,
    title: str = "",
    colour_label: str = "",
    x_ticks: Sequence[str] | None = None,
    y_ticks: Sequence[str] | None = None,
) -> Figure:
    """A matrix as colours, row 0 on top; `x_ticks` name columns, `y_ticks` rows."""
    rows, columns = np.shape(values)
    width = float(np.clip(0.075 * columns, 6.4, 10.5))
    height = float(np.clip(0.8 * width * rows / columns, 2.2, min(6.5, rows + 1.2)))
    if y_ticks is not None:
        height = max(height, 0.11 * min(rows, MAX_TICKS))
    figure = Figure(figsize=(width, height + 0.6), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(values, cmap="viridis", aspect="auto", interpolation="nearest")
    axes.set(xlabel=x_label, ylabel=y_label, title=title)
    if x_ticks is not None:
        style = {"fontsize": 6} if _letters(x_ticks) else {}
        crowded = not style and sum(map(len, x_ticks)) > 50
        style |= {"rotation": 90} if crowded else {}
        axes.set_xticks(*_thin(x_ticks), parse_math=False, **style)
    if y_ticks is not None:
        style = {"fontsize": 6} if _letters(y_ticks) else {}
        axes.set_yticks(*_thin(y_ticks), parse_math=False, **style)
    figure.colorbar(image, label=colour_label).outline.set_visible(False)
    return figure


def _letters(labels: Sequence[str]) -> bool:
    return max(map(len, labels), default=0) <= 1


def _thin(labels: Sequence[str]) -> tuple[Sequence[int], Sequence[str]]:
    """Positions and labels of every n-th tick, with n large enough to read them."""
    most = MAX_LETTERS if _letters(labels) else MAX_TICKS
    every = -(-len(labels) // most)
    return range(0, len(labels), every), labels[::every]


@matplotlib.rc_context({**STYLE, "axes.grid": False, "axes.titlelocation": "center"})
def image_grid(
    images: Sequence[Sequence[UInt8[np.ndarray, "height width *channels"] | None]],
    *,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    captions: Sequence[Sequence[str]] | None = None,
) -> Figure:
    """Pictures `[rows][columns]`, grey ([H, W] or [H, W, 1]) or RGB; None is a gap.

    captions: `[rows][columns]`, each written below its picture.
    """
    n_rows = len(images)
    n_columns = len(images[0])
    pictures = list(chain.from_iterable(images))
    sizes = [picture.shape[:2] for picture in pictures if picture is not None]
    height, width = np.max(sizes, axis=0)
    cell = float(np.clip(width / DPI, 1.2, 3.4))  # inches; a dot per pixel if it fits
    letters = int(16 * cell)  # of a caption, in the width of a cell
    texts = [textwrap.fill(t, letters) for t in chain.from_iterable(captions or [])]
    lines = max((text.count("\n") + 1 for text in texts), default=0)
    row_height = cell * height / width + 0.15 * lines + 0.1
    margin = 0.6 + 0.08 * max(map(len, row_labels), default=0)

    figsize = cell * n_columns + margin, row_height * n_rows + 0.4
    figure = Figure(figsize, layout="constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes, picture in zip(grid.flat, pictures, strict=True):
        _draw(axes, picture, height / width)
    for axes, text in zip(grid.flat, texts, strict=captions is not None):
        axes.set_xlabel(text, parse_math=False, fontsize=8)
    for axes, label in zip(grid[:, 0], row_labels, strict=False):
        axes.set_ylabel(label, rotation=0, ha="right", va="center", parse_math=False)
    for axes, label in zip(grid[0], column_labels, strict=False):
        axes.set_title(label, fontsize=10, parse_math=False)
    return figure


def _draw(axes: Axes, picture: np.ndarray | None, ratio: float) -> None:
    """Shows the picture's true values, without smoothing or stretching of contrast."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if picture is None:
        axes.set_box_aspect(ratio)
    else:
        pixels = squeeze_grey(picture)
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")


@matplotlib.rc_context(STYLE)
def png(figure: Figure) -> bytes:
    """The figure as a PNG file; equal figures are equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
