"""Figures 3 and 4 of the paper: what enters the network, and the network."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed


def network() -> "Figure":
    """DKN: KCNN makes a vector of every title, attention weighs the clicked ones by the
    candidate, and a small network says how likely a click is."""
    from common import diagrams

    figure, axes = diagrams.sheet(10.2, 4.6)
    rows = {"click 1": 3.95, "click 2": 3.2, "click n": 2.45, "candidate": 0.75}
    for name, y in rows.items():
        fill = diagrams.ORANGE if name == "candidate" else diagrams.BLUE
        diagrams.box(axes, (0.8, y), name, size=(1.2, 0.45), fill=fill)
        diagrams.arrow(axes, (1.4, y), (1.75, y))
        diagrams.box(axes, (2.3, y), "KCNN", size=(1.1, 0.45))
        if name != "candidate":
            diagrams.arrow(axes, (2.85, y), (5.55, y))
            diagrams.plus(axes, (5.68, y), "*")
            diagrams.arrow(axes, (5.8, y), (6.55, 3.2))
            diagrams.arrow(axes, (3.3, y), (4.1, 1.72))
    diagrams.words(axes, (0.8, 2.83), "...")
    diagrams.arrow(axes, (2.85, 0.75), (3.55, 1.35))
    said = "attention: H,\nsoftmax over clicks"
    diagrams.box(axes, (4.3, 1.5), said, size=(1.7, 0.5), fill=diagrams.GREEN)
    for name, y in rows.items():
        if name != "candidate":
            diagrams.arrow(axes, (5.15, 1.6), (5.68, y - 0.12), dashed=True)
    diagrams.plus(axes, (6.68, 3.2))
    diagrams.words(axes, (6.68, 3.5), "user $e(i)$")
    diagrams.arrow(axes, (6.8, 3.2), (7.55, 2.0))
    diagrams.arrow(axes, (2.85, 0.75), (7.55, 1.6))
    diagrams.box(axes, (8.1, 1.8), "G", size=(1.0, 0.5), fill=diagrams.GREEN)
    diagrams.arrow(axes, (8.6, 1.8), (9.0, 1.8))
    diagrams.words(axes, (9.5, 1.8), "p(click)", letters=11)
    return figure


def channels() -> "Figure":
    """The three aligned channels of a title that KCNN convolves over: words, the
    entities they name, and the means of these entities' neighbours."""
    from common import diagrams

    words = ("Donald", "Trump", "vows", "to", "visit", "Iowa")
    linked = (True, True, False, False, False, True)
    figure, axes = diagrams.sheet(9.6, 2.9)
    rows = (
        ("words", "w", 2.1),
        ("entities", "g(e)", 1.4),
        ("contexts", r"g(\bar{e})", 0.7),
    )
    for i, word in enumerate(words):
        x = 1.9 + 1.0 * i
        diagrams.words(axes, (x, 2.6), word)
        for (_, symbol, y), fill in zip(
            rows, (diagrams.BLUE, diagrams.ORANGE, diagrams.GREEN), strict=True
        ):
            there = symbol == "w" or linked[i]
            text = f"${symbol}_{i + 1}$" if there else "0"
            diagrams.box(axes, (x, y), text, size=(0.85, 0.5),
                         fill=fill if there else diagrams.FILL)  # fmt: skip
    for name, _, y in rows:
        diagrams.words(axes, (0.15, y), name, align="left")
    axes.plot(
        [3.4, 3.4, 5.4, 5.4, 3.4], [0.35, 2.42, 2.42, 0.35, 0.35], color="#D55E00"
    )
    diagrams.words(axes, (4.4, 0.2), "a filter over 2 words", colour="#D55E00")
    diagrams.arrow(axes, (7.45, 1.4), (7.95, 1.4))
    diagrams.box(axes, (8.7, 1.4), "max over\nplaces: e(t)", size=(1.3, 0.6))
    return figure
