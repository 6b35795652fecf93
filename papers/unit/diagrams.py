"""Figure 1 of the paper: six networks around one code."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed


def framework() -> "Figure":
    """Encoders, generators and discriminators of both domains. Every code goes through
    both generators: x_ab is the translation of an a. Green layers are shared."""
    from common import diagrams

    figure, axes = diagrams.sheet(10.6, 4.4)
    high, low, middle = 3.35, 1.05, 2.2
    for y, own in ((high, "a"), (low, "b")):
        diagrams.words(axes, (0.45, y), f"$x_{own}$", letters=14)
        diagrams.arrow(axes, (0.7, y), (1.1, y))
        diagrams.box(axes, (1.65, y), f"$E_{own}$", fill=diagrams.BLUE, size=(1.1, 0.6))
        diagrams.arrow(axes, (2.2, y), (2.6, middle + (y - middle) * 0.25))
        diagrams.arrow(axes, (6.4, middle + (y - middle) * 0.25), (6.8, y))
        diagrams.box(axes, (7.35, y), f"$G_{own}$", fill=diagrams.BLUE, size=(1.1, 0.6))
        other = "b" if own == "a" else "a"
        diagrams.arrow(axes, (7.9, y), (8.3, y))
        diagrams.words(axes, (8.75, y), f"$x_{{{other}{own}}}$", letters=13)
        inner = y + (-0.55 if own == "a" else 0.55)
        diagrams.arrow(axes, (7.9, y), (8.45, inner))
        diagrams.words(axes, (8.75, inner), f"$x_{{{own}{own}}}$", letters=13)
        diagrams.arrow(axes, (9.2, y), (9.5, y))
        diagrams.box(axes, (9.95, y), f"$D_{own}$", fill=diagrams.ORANGE,
                     size=(0.9, 0.6))  # fmt: skip
        edge = y + (0.62 if own == "a" else -0.62)
        places = (0.45, y + (edge - y) * 0.45), (0.45, edge), (9.95, edge)
        diagrams.path(axes, (*places, (9.95, y + (0.3 if own == "a" else -0.3))))
    diagrams.box(axes, (3.15, middle), "shared\nlast layers", fill=diagrams.GREEN,
                 size=(1.1, 0.9))  # fmt: skip
    diagrams.arrow(axes, (3.7, middle), (3.95, middle))
    diagrams.words(axes, (4.52, middle), r"$z \sim N(E_\mu(x), I)$",
                   letters=11)  # fmt: skip
    diagrams.arrow(axes, (5.08, middle), (5.3, middle))
    diagrams.box(axes, (5.85, middle), "shared\nfirst layers", fill=diagrams.GREEN,
                 size=(1.1, 0.9))  # fmt: skip
    return figure
