"""The networks that are compared: what each step of the LSTM is given."""

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

WORDS = ("START", "a", "red", "bus")
KINDS = {
    "NT2: the image at the first step": "first",
    "img-gLSTM: the image at every step": "image",
    "td-gLSTM: image and words so far, $g_t = \\Phi(I \\odot W_c S_t)$": "text",
}


def networks() -> "Figure":
    """NeuralTalk2, img-gLSTM and td-gLSTM, unrolled. I is the image, g the guidance."""
    from common import diagrams

    figure, axes = diagrams.sheet(9.4, 7.2)
    for i, (title, kind) in enumerate(KINDS.items()):
        bottom = 7.2 - 2.4 * (i + 1)
        diagrams.words(axes, (0.15, bottom + 2.15), title, align="left", letters=10)
        _row(axes, bottom, kind)
    return figure


def _row(axes, bottom: float, kind: str) -> None:
    from common import diagrams

    xs = [1.0 + 1.85 * i for i in range(len(WORDS) + 1)]
    for i, x in enumerate(xs):
        cell = x, bottom + 1.3
        diagrams.box(axes, cell, "LSTM", size=(0.95, 0.42), fill=diagrams.BLUE)
        if i:
            diagrams.arrow(axes, (xs[i - 1] + 0.475, cell[1]), (x - 0.475, cell[1]))
            diagrams.words(axes, (x + 0.38, bottom + 0.5), WORDS[i - 1])
            diagrams.arrow(axes, (x + 0.38, bottom + 0.62), (x + 0.38, cell[1] - 0.21))
            said = [*WORDS[1:], "END"][i - 1]
            diagrams.arrow(axes, (x, cell[1] + 0.21), (x, cell[1] + 0.45))
            diagrams.words(axes, (x, cell[1] + 0.57), said, colour="#555555")
            if kind != "first":
                text = "g" if kind == "image" else f"$g_{i}$"
                fill = diagrams.ORANGE if kind == "image" else diagrams.GREEN
                place = x - 0.35, bottom + 0.55
                diagrams.box(axes, place, text, size=(0.5, 0.34), fill=fill)
                diagrams.arrow(
                    axes, (place[0], 0.72 + bottom), (place[0], cell[1] - 0.21)
                )
                if kind == "text":
                    start, end = (x + 0.2, bottom + 0.5), (x - 0.1, bottom + 0.52)
                    diagrams.arrow(axes, start, end, dashed=True)
        else:
            diagrams.box(axes, (x, bottom + 0.55), "I", size=(0.5, 0.34),
                         fill=diagrams.ORANGE)  # fmt: skip
            diagrams.arrow(axes, (x, bottom + 0.72), (x, cell[1] - 0.21))
    if kind == "text":
        for left, right in pairwise(xs[1:]):
            start, end = (left - 0.1, bottom + 0.42), (right - 0.6, bottom + 0.5)
            diagrams.arrow(axes, start, end, dashed=True, bend=0.25)
