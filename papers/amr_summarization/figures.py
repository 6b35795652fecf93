"""A graph as a picture and in DOT, Graphviz' language."""

import textwrap
from typing import Any

from papers.amr_summarization.selection.document_graph import (
    DocumentGraph,
    Node,
    distances,
)

_WIDTH = 16  # letters of a line in a node


def dot(graph: DocumentGraph) -> str:
    """The graph in DOT. Nodes have the sentences that say them, counted from 1; tops of
    sentences are framed twice."""
    lines = ["digraph summary {", "  rankdir=TB;", "  node [shape=box, style=rounded];"]
    tops = {top for top in graph.tops if top is not None}
    for number, node in graph.nodes.items():
        said = ", ".join(str(s + 1) for s in sorted(node.sentences))
        label = _escaped(f"{node.label}\n[{said}]")
        double = ", peripheries=2" if number in tops else ""
        lines.append(f'  n{number} [label="{label}"{double}];')
    for link in graph.links:
        role = _escaped(link.role.removeprefix(":"))
        lines.append(f'  n{link.source} -> n{link.target} [label="{role}"];')
    return "\n".join([*lines, "}"]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def drawn(graph: DocumentGraph, most: int) -> Any:
    """A figure of the graph: a row for each distance from the first sentence's top. Of
    a larger graph only the `most` nodes nearest to it are drawn."""
    from matplotlib.figure import Figure

    from common import figures

    places = _layout(graph, most)
    deep = 1 + max((y for _, y in places.values()), default=0)
    least = min((x for x, _ in places.values()), default=0)
    most_right = max((x for x, _ in places.values()), default=0)
    wide = most_right - least
    figure = Figure(figsize=(max(5.0, 1.35 * (wide + 1.4)), 0.95 * deep + 0.2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for link in graph.links:
        if link.source in places and link.target in places:
            _arrow(axes, link.role, places[link.source], places[link.target])
    tops = set(graph.tops)
    for number, (x, y) in places.items():
        colour = figures.PALETTE[0] if number in tops else "#333333"
        frame = {"boxstyle": "round,pad=0.25", "fc": "white", "ec": colour}
        axes.text(x, -y, _text(graph.nodes[number]), ha="center", va="center",
                  fontsize=8, bbox=frame, zorder=3, parse_math=False)  # fmt: skip
    axes.set_xlim(least - 0.7, most_right + 0.7)
    axes.set_ylim(-deep + 0.5, 0.5)
    return figure


def _text(node: Node) -> str:
    return "\n".join(textwrap.wrap(node.label.replace("_", " "), _WIDTH)) or node.label


def _arrow(axes: Any, role: str, start: tuple, end: tuple) -> None:
    arrow = {"arrowstyle": "->", "color": "#999999", "shrinkA": 10, "shrinkB": 12}
    axes.annotate(
        "", (end[0], -end[1]), (start[0], -start[1]), arrowprops=arrow, zorder=1
    )
    x = (start[0] + end[0]) / 2
    y = -(start[1] + end[1]) / 2
    axes.text(x, y, role.removeprefix(":"), fontsize=6.5, color="#666666",
              ha="center", va="center", zorder=2,
              bbox={"fc": "white", "ec": "none", "pad": 0.4})  # fmt: skip


def _layout(graph: DocumentGraph, most: int) -> dict[int, tuple[float, int]]:
    """{node: (place in its row, row)}: rows by the distance from the first top."""
    if not graph.nodes:
        return {}
    beside: dict[int, list[int]] = {number: [] for number in graph.nodes}
    for link in graph.links:
        beside[link.source].append(link.target)
        beside[link.target].append(link.source)
    start = next((top for top in graph.tops if top is not None), min(graph.nodes))
    depths = distances(beside, start)
    rows: dict[int, list[int]] = {}
    for number, depth in list(depths.items())[:most]:
        rows.setdefault(depth, []).append(number)
    # A row of too many nodes goes on in the next one.
    found: dict[int, tuple[float, int]] = {}
    y = 0
    for depth in sorted(rows):
        for start_ in range(0, len(rows[depth]), 9):
            part = rows[depth][start_ : start_ + 9]
            for place, number in enumerate(part):
                found[number] = (place + (9 - len(part)) / 2, y)
            y += 1
    return found
