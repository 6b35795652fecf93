"""Boxes, arrows and words of a diagram, in inches from the lower left corner."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure  # slow to import, and often not needed

INK, LINE, FILL = "#1D2025", "#5A5A5A", "#FFFFFF"
BLUE, ORANGE, GREEN, VIOLET = "#D6E6F4", "#FBE0CF", "#D3EDE2", "#EADCF0"

Place = tuple[float, float]


def sheet(width: float, height: float) -> tuple["Figure", "Axes"]:
    """An empty drawing of so many inches; one unit of its axes is an inch."""
    from matplotlib.figure import Figure

    figure = Figure((width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    return figure, axes


def box(
    axes: "Axes",
    centre: Place,
    text: str,
    *,
    size: Place = (1.5, 0.42),
    fill: str = FILL,
    edge: str = LINE,
    letters: float = 9,
    turned: bool = False,
) -> None:
    """A rounded box with a text; `turned` writes it upwards."""
    from matplotlib.patches import FancyBboxPatch

    x, y = centre
    width, height = size
    corner = x - width / 2, y - height / 2
    style = "round,pad=0,rounding_size=0.06"
    axes.add_patch(
        FancyBboxPatch(
            corner, width, height, boxstyle=style, fc=fill, ec=edge, lw=1, zorder=3
        )
    )
    words(axes, centre, text, letters=letters, turned=turned)


def words(
    axes: "Axes",
    place: Place,
    text: str,
    *,
    letters: float = 9,
    colour: str = INK,
    align: str = "center",
    turned: bool = False,
) -> None:
    """A text at a place: its centre, or its left or right end."""
    axes.text(
        *place,
        text,
        ha=align,
        va="center",
        fontsize=letters,
        color=colour,
        rotation=90 if turned else 0,
        zorder=4,
    )


def arrow(
    axes: "Axes",
    start: Place,
    end: Place,
    *,
    bend: float = 0.0,
    dashed: bool = False,
    colour: str = LINE,
    head: bool = True,
) -> None:
    """A line from a place to another, with a head. bend: how far it bows out to its
    right, as a share of its length."""
    axes.annotate(
        "",
        end,
        start,
        arrowprops={
            "arrowstyle": "-|>" if head else "-",
            "color": colour,
            "linestyle": "--" if dashed else "-",
            "lw": 1.1,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 9,
            "connectionstyle": f"arc3,rad={bend}",
        },
        zorder=2,
    )


def path(axes: "Axes", places: Sequence[Place], *, colour: str = LINE) -> None:
    """A line along some places, with a head at its end."""
    *line, last = places
    axes.plot(*zip(*places, strict=True), color=colour, lw=1.1, zorder=2)
    arrow(axes, line[-1], last, colour=colour)


def plus(axes: "Axes", centre: Place, sign: str = "+") -> None:
    """A small circle with a sign: a sum, or a product."""
    from matplotlib.patches import Circle

    axes.add_patch(Circle(centre, 0.12, fc=FILL, ec=LINE, lw=1, zorder=3))
    words(axes, centre, sign, letters=10)
