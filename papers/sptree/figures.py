"""A sentence's tree, with the paths between the entities that are related."""

from collections.abc import Sequence
from typing import Any

from common.text import parses
from papers.sptree.sources.annotated_sentence import AnnotatedSentence

MOST_WORDS = 40  # more cannot be read


def telling(
    gold: Sequence[AnnotatedSentence], said: Sequence[AnnotatedSentence]
) -> AnnotatedSentence | None:
    """The answer with the most relations among those that are right and can be drawn,
    the shortest of such."""
    fitting = [
        s
        for g, s in zip(gold, said, strict=True)
        if s.relations
        and len(s.parsed) <= MOST_WORDS
        and {*s.relations} == {*g.relations}
        and s.entities == g.entities
    ]
    best = sorted(fitting, key=lambda s: (-len(s.relations), len(s.parsed)))
    return best[0] if best else None


def path(heads: Sequence[int], first: int, last: int) -> list[tuple[int, int]]:
    """The arcs (word, head) between two words of a tree."""
    left, right = parses.sides(heads, first, last)
    return [(word, heads[word]) for word in (*left, *right)]


def tree(sentence: AnnotatedSentence) -> Any:
    """Words with arcs to their heads; the arcs of the paths between related entities
    are coloured, a colour for each relation, and entities are underlined. An arc of
    several paths has all of their colours."""
    from matplotlib.figure import Figure

    parsed = sentence.parsed
    height = 3.6 + 0.2 * len(sentence.relations)
    figure = Figure(figsize=(max(6.0, 0.6 * len(parsed)), height), layout="constrained")
    axes = figure.subplots()
    coloured = _coloured(sentence)
    highest = 1
    for word, head in enumerate(parsed.heads):
        if head >= 0:
            _arc(axes, word, head, parsed.arcs[word], coloured.get(word, ()))
            highest = max(highest, abs(word - head))
    for word, text in enumerate(parsed.words):
        place = {"ha": "right", "va": "top", "fontsize": 8, "rotation": 40}
        axes.text(word, -0.25, text, parse_math=False, **place)
    for entity in sentence.entities:
        ends = [entity.start - 0.35, entity.end - 0.65]
        axes.plot(ends, [-0.1, -0.1], lw=3, color="0.2")
    low = -0.25 - 0.16 * max(map(len, parsed.words))
    axes.set(xlim=(-2, len(parsed)), ylim=(low, highest / 2 + 0.8))
    axes.set_axis_off()
    _legend(axes, sentence)
    return figure


def _colour(relation: int) -> str:
    from common.figures import PALETTE

    return PALETTE[relation % len(PALETTE)]


def _coloured(sentence: AnnotatedSentence) -> dict[int, list[str]]:
    """{word: colours} of the arcs on paths."""
    found: dict[int, list[str]] = {}
    for i, relation in enumerate(sentence.relations):
        ends = [sentence.entities[k].end - 1 for k in (relation.head, relation.tail)]
        for word, _ in path(sentence.parsed.heads, *ends):
            found.setdefault(word, []).append(_colour(i))
    return found


def _legend(axes: Any, sentence: AnnotatedSentence) -> None:
    """The relations above the tree, each beside its colour."""
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], color=_colour(i), lw=2.2, label=text)
        for i, text in enumerate(said(sentence))
    ]
    if lines:
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1)}
        legend = axes.legend(handles=lines, fontsize=8, frameon=False, **place)
        for text in legend.get_texts():
            text.set_parse_math(False)  # "$5 to $6" is no formula


def _arc(axes: Any, word: int, head: int, name: str, colours: Sequence[str]) -> None:
    from matplotlib.patches import Arc

    centre = (word + head) / 2
    width = abs(word - head)
    # Of several colours the first is the widest line, below the others.
    wide = [2.2 + 2.6 * i for i in reversed(range(len(colours)))]
    for colour, lw in zip(colours or ("0.75",), wide or (0.9,), strict=True):
        line = {"color": colour, "lw": lw, "theta1": 0, "theta2": 180}
        axes.add_patch(Arc((centre, 0), width, width, **line))
    axes.text(centre, width / 2, name, ha="center", va="bottom", fontsize=6)


def said(sentence: AnnotatedSentence) -> list[str]:
    """Its relations in words, with the kinds of their entities."""

    def name(i: int) -> str:
        entity = sentence.entities[i]
        words = sentence.parsed.words[entity.start : entity.end]
        return f"{' '.join(words)} ({entity.kind})"

    return [f"{name(r.head)} {r.kind} {name(r.tail)}" for r in sentence.relations]
