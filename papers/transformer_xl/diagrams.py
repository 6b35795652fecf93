"""Figures 1 and 2 of the paper: which positions see which, segment by segment.

A dot is a position's state in a layer, tokens the lowest row; a line says that the
upper state reads the lower one. Lines come from the masks that the model uses.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from common.attention import causal_mask, sinusoids

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure  # slow to import, and often not needed

NEW, OLD, ACROSS, FAINT = "#0072B2", "#9A9A9A", "#009E73", "#D9D9D9"
GAP = 0.5  # between segments

Edges = Mapping[tuple[int, int], str]  # {(position that reads, position read): colour}


class Node(NamedTuple):
    layer: int
    position: int


def vanilla(length: int = 4, layers: int = 3) -> "Figure":
    """Figure 1: the model without memory. (a) It trains on segments apart: no line
    crosses their border. (b) Evaluated, it moves by one token and computes its whole
    window again for the one prediction in colour."""
    sheet = _sheet(3, length, layers)
    starts = [i * length for i in range(3)]
    edges = {edge: NEW for start in starts for edge in _edges(length, 0, start)}
    everywhere = dict.fromkeys(range(3 * length), NEW)
    sheet.draw(0, edges, everywhere)
    sheet.title(0, "(a) training: segments, each alone")
    names = [f"$x_{{{shift + i + 1}}}$" for shift in range(3) for i in range(length)]
    lasts = [start + length - 1 for start in starts]
    sheet.draw(1, edges, everywhere, names, only=lasts)
    sheet.title(1, "(b) evaluation: for each token a window of its own")
    return sheet.figure


def xl(length: int = 4, memory: int = 4, layers: int = 3) -> "Figure":
    """Figure 2: with a memory. (a) A new segment (blue) also reads the states of the
    segment before, which are fixed: no gradient enters the grey dots. (b) Evaluated, a
    segment at a time, the last position sees further back with every layer."""
    size = 3 * length
    sheet = _sheet(3, length, layers)
    edges = {}
    for start in range(0, size, length):
        for query, key in _edges(length, min(memory, start), start):
            edges[query, key] = ACROSS if key < start else NEW
    new = 2 * length
    sheet.draw(
        0,
        {edge: colour if edge[0] >= new else FAINT for edge, colour in edges.items()},
        {p: NEW if p >= new else OLD for p in range(size)},
    )
    sheet.title(0, "(a) training: states of old segments are read, and fixed")
    sheet.below(0, range(new), "fixed (no gradient)")
    sheet.below(0, range(new, size), "new segment")
    sheet.draw(1, edges, dict.fromkeys(range(size), NEW), only=[size - 1])
    sheet.title(1, "(b) evaluation: all that the last position sees")
    return sheet.figure


def _edges(length: int, memory: int, start: int) -> Iterator[tuple[int, int]]:
    """(query, key) positions of a segment that begins at `start`."""
    mask = np.asarray(causal_mask(length, memory + length))
    for query, key in zip(*np.nonzero(mask), strict=True):
        yield start + int(query), start - memory + int(key)


def _reached(edges: Edges, layers: int, lasts: Sequence[int]) -> set[Node]:
    """The states that the last layer's states at some positions are computed from."""
    found = {Node(layers, position) for position in lasts}
    for layer in range(layers, 0, -1):
        above = {node.position for node in found if node.layer == layer}
        found |= {Node(layer - 1, key) for query, key in edges if query in above}
    return found


class _Sheet(NamedTuple):
    """Panels below each other. Segments of `length` positions stand a little apart."""

    figure: "Figure"
    axes: Sequence["Axes"]
    length: int
    layers: int

    def draw(
        self,
        panel: int,
        edges: Edges,
        dots: Mapping[int, str],
        names: Sequence[str] = (),
        only: Sequence[int] = (),
    ) -> None:
        """Lines, dots and the tokens' names. only: what does not lead to the last layer
        at these positions is pale."""
        from matplotlib.collections import LineCollection

        nodes = [Node(n, p) for n in range(self.layers + 1) for p in dots]
        seen = _reached(edges, self.layers, only) if only else {*nodes}
        lines = []
        for layer in range(1, self.layers + 1):
            for (query, key), colour in edges.items():
                ends = self.at(Node(layer - 1, key)), self.at(Node(layer, query))
                lines.append((ends, colour if Node(layer, query) in seen else FAINT))
        lines.sort(key=lambda line: line[1] != FAINT)  # pale ones lie below
        ends, colours = zip(*lines, strict=True)
        axes = self.axes[panel]
        axes.add_collection(LineCollection(ends, colors=colours, lw=0.9))
        places = np.array([self.at(node) for node in nodes])
        colours = [dots[node.position] if node in seen else FAINT for node in nodes]
        axes.scatter(*places.T, s=46, c=colours, edgecolors="white", zorder=3)
        for position in dots:
            name = names[position] if names else f"$x_{{{position + 1}}}$"
            x, _ = self.at(Node(0, position))
            axes.text(x, -0.3, name, ha="center", va="top", fontsize=9)

    def at(self, node: Node) -> tuple[float, int]:
        return node.position + GAP * (node.position // self.length), node.layer

    def title(self, panel: int, text: str) -> None:
        self.axes[panel].set_title(text, fontsize=10, loc="left")

    def below(self, panel: int, positions: range, text: str) -> None:
        """A line under some positions, and what they are."""
        left, _ = self.at(Node(0, positions[0]))
        right, _ = self.at(Node(0, positions[-1]))
        axes = self.axes[panel]
        axes.plot([left - 0.2, right + 0.2], [-0.8, -0.8], color="#555555", lw=1)
        axes.text((left + right) / 2, -0.9, text, ha="center", va="top", fontsize=9)


def _sheet(segments: int, length: int, layers: int) -> _Sheet:
    from matplotlib.figure import Figure

    wide = segments * (length + GAP)
    figure = Figure((max(6.0, 0.5 * wide), 1.3 * layers + 2.4))
    axes = figure.subplots(2, 1)
    for one in axes:
        one.set_xlim(-0.6, wide - GAP - 0.4)
        one.set_ylim(-1.3, layers + 0.3)
        one.set_axis_off()
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.94, hspace=0.16)
    return _Sheet(figure, axes, length, layers)


def distances() -> "Figure":
    """R: the sinusoids of distances, a row a distance. All sines come first."""
    from common import figures

    rows = np.asarray(sinusoids(np.arange(64, dtype=np.float32), 128))
    return figures.heatmap(rows, "dimension", "distance i - j", colour_label="R")
