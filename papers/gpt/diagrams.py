"""Figure 1 of the paper: what the network reads for each kind of task."""

from typing import TYPE_CHECKING

from papers.gpt.tasks.forms import Inputs, Specials
from papers.gpt.tasks.task import Example, Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

TEXTS = {  # a word stands for a text
    "classification": ("Text",),
    "entailment": ("Premise", "Hypothesis"),
    "similarity": ("Text a", "Text b"),
    "choice": ("Context", "Answer 1", "Answer 2"),
}


def inputs() -> "Figure":
    """The four input transformations, as `tasks.forms.Inputs` makes them; linear layers
    read the state at Extract."""
    from common import diagrams

    rows = {form: _rows(form) for form in TEXTS}
    height = 0.62 * sum(map(len, rows.values())) + 0.35 * len(rows) + 0.1
    figure, axes = diagrams.sheet(9.4, height)
    y = height - 0.35
    for form, sequences in rows.items():
        ends = []
        diagrams.words(axes, (0.15, y), form, align="left", letters=10)
        for sequence in sequences:
            ends.append(_sequence(axes, sequence, y))
            y -= 0.62
        middle = sum(ends) / len(ends)
        last = 8.75, middle
        if form == "similarity":
            diagrams.plus(axes, (8.1, middle))
            for end in ends:
                diagrams.arrow(axes, (7.82, end), (7.99, middle), head=False)
            diagrams.arrow(axes, (8.22, middle), (8.4, middle))
            diagrams.box(axes, last, "Linear", size=(0.7, 0.4), fill=diagrams.GREEN)
        else:
            for end in ends:
                place = last[0], end
                diagrams.arrow(axes, (7.82, end), (8.4, end))
                diagrams.box(
                    axes, place, "Linear", size=(0.7, 0.4), fill=diagrams.GREEN
                )
        y -= 0.35
    return figure


def _sequence(axes, sequence: list[str], y: float) -> float:
    """Boxes of an input, from the left, and the network behind it; returns y."""
    from common import diagrams

    x = 1.55
    for word in sequence:
        special = word in Specials._fields
        text = word.capitalize() if special else word
        width = 0.75 if special else 1.1
        fill = diagrams.ORANGE if special else diagrams.BLUE
        centre = x + width / 2, y
        diagrams.box(axes, centre, text, size=(width, 0.4), fill=fill, letters=8)
        x += width + 0.06
    diagrams.arrow(axes, (x, y), (6.55, y))
    diagrams.box(axes, (7.18, y), "Transformer", size=(1.25, 0.4))
    return y


def _rows(form: str) -> list[list[str]]:
    """The inputs of an example whose texts are single words."""
    words = [*TEXTS[form]]
    examples = (Example(tuple(words), 0, "test"),)
    task = Task(form, form, ("no", "yes"), ("accuracy",), examples)
    names = [*words, *Specials._fields]
    made = Inputs(task, "test", lambda text: [words.index(text)], len(words), 8)[0]
    counts = made["mask"].sum(axis=1).astype(int)
    return [
        [names[token] for token in row[:count]]
        for row, count in zip(made["tokens"], counts, strict=True)
    ]
