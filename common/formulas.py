"""Formulas as pictures, set by matplotlib without LaTeX."""

import io

import matplotlib
from matplotlib.figure import Figure

SIZE = 15  # points
STYLE = {"mathtext.fontset": "cm", "svg.fonttype": "path", "svg.hashsalt": "formula"}


@matplotlib.rc_context(STYLE)
def svg(formula: str) -> str:
    """A formula as an <svg> element in the colour of the text around it. A line of
    `formula` is a row. ValueError: matplotlib cannot set it.

    matplotlib knows a part of LaTeX: no environments, for one.
    """
    figure = Figure()
    rows = "\n".join(f"${row.strip()}$" for row in formula.strip().splitlines())
    figure.text(0, 0, rows, fontsize=SIZE, linespacing=1.5)
    buffer = io.StringIO()
    figure.savefig(
        buffer,
        format="svg",
        bbox_inches="tight",
        pad_inches=0.05,
        transparent=True,
        metadata={"Date": None, "Creator": None},
    )
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace("#000000", "currentColor")
