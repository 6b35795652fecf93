"""Figure 1 of the paper on its own example, and the rate of scheduled sampling."""

from typing import TYPE_CHECKING

import numpy as np

from common.text.parses import Parsed
from papers.sptree import figures
from papers.sptree.objective import shown_rate
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Entity,
    Relation,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

EXAMPLE = AnnotatedSentence(
    Parsed(
        words=(
            *("In", "1909", ",", "Sidney", "Yates"),
            *("was", "born", "in", "Chicago", "."),
        ),
        tags=("IN", "CD", ",", "NNP", "NNP", "VBD", "VBN", "IN", "NNP", "."),
        heads=(1, 6, 6, 4, 6, 6, -1, 8, 6, 6),
        arcs=(
            *("case", "obl", "punct", "compound", "nsubj:pass"),
            *("aux:pass", "root", "case", "obl", "punct"),
        ),
    ),
    (Entity(3, 5, "PER"), Entity(8, 9, "GPE")),
    (Relation("PHYS", 0, 1),),
    "the paper's example",
)
LABELS = ("O", "O", "O", "B-PER", "L-PER", "O", "O", "O", "U-GPE", "O")


def tree() -> "Figure":
    """The sentence's tree, with the shortest path between its entities."""
    return figures.tree(EXAMPLE)


def network() -> "Figure":
    """Figure 1: embeddings, a BiLSTM, entity labels word after word, and on the path
    between two entities a tree LSTM, upwards and downwards, whose ends and top tell the
    relation."""
    from common import diagrams

    words = EXAMPLE.parsed.words
    figure, axes = diagrams.sheet(11.4, 5.4)
    xs = [1.6 + 1.0 * i for i in range(len(words))]
    rows = {"words": 0.3, "embeddings": 0.95, "BiLSTM": 1.7, "entities": 2.55}
    for name, y in rows.items():
        diagrams.words(axes, (0.1, y), name, align="left")
    for i, (x, word) in enumerate(zip(xs, words, strict=True)):
        diagrams.words(axes, (x, rows["words"]), word)
        diagrams.arrow(axes, (x, 0.45), (x, 0.75))
        diagrams.box(axes, (x, rows["embeddings"]), "w, tag", size=(0.75, 0.36))
        diagrams.arrow(axes, (x, 1.15), (x, 1.5))
        diagrams.box(axes, (x, rows["BiLSTM"]), "h", size=(0.75, 0.36),
                     fill=diagrams.BLUE)  # fmt: skip
        diagrams.arrow(axes, (x, 1.9), (x, 2.35))
        diagrams.box(axes, (x, rows["entities"]), LABELS[i], size=(0.75, 0.36),
                     fill=diagrams.GREEN, letters=8)  # fmt: skip
        if i:
            left, right = xs[i - 1] + 0.375, x - 0.375
            diagrams.arrow(axes, (left, 1.75), (right, 1.75))
            diagrams.arrow(axes, (right, 1.64), (left, 1.64))
            diagrams.arrow(axes, (left, 2.55), (right, 2.55))
    ends = [xs[entity.end - 1] for entity in EXAMPLE.entities]
    top = xs[6], 4.3
    diagrams.words(axes, (0.1, 3.9), "relation", align="left")
    diagrams.box(axes, top, "born", size=(0.9, 0.4), fill=diagrams.ORANGE)
    for x, name in zip(ends, ("Yates", "Chicago"), strict=True):
        diagrams.arrow(axes, (x, 2.75), (x, 3.15))
        diagrams.box(axes, (x, 3.35), name, size=(0.9, 0.4), fill=diagrams.ORANGE)
        side = -0.12 if x < top[0] else 0.12
        diagrams.arrow(axes, (x + side, 3.55), (top[0] + 3 * side, 4.1))
        diagrams.arrow(axes, (top[0] + 2 * side, 4.1), (x - side, 3.55), dashed=True)
    diagrams.box(axes, (10.3, 4.75), "softmax: PHYS", size=(1.6, 0.42),
                 fill=diagrams.GREEN)  # fmt: skip
    diagrams.arrow(axes, (top[0] + 0.45, 4.4), (9.5, 4.75))
    diagrams.arrow(axes, (ends[1] + 0.45, 3.45), (10.1, 4.54))
    diagrams.arrow(axes, (ends[0], 3.55), (9.5, 4.85), bend=-0.25)
    return figure


def sampling() -> "Figure":
    """How often scheduled sampling shows the gold label, by epoch."""
    from common import figures as drawn

    epochs = np.arange(0, 101)
    series = {
        f"k = {k}": (epochs, np.asarray(shown_rate(epochs.astype(np.float32), k)))
        for k in (1.0, 5.0, 10.0, 20.0)
    }
    return drawn.curves(series, "epoch", "probability of the gold label")
