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
    are coloured, a colour for each relation, and entities are underlined."""
    from matplotlib.figure import Figure

    parsed = sentence.parsed
    figure = Figure(figsize=(max(6.0, 0.6 * len(parsed)), 3.8), layout="constrained")
    axes = figure.subplots()
    coloured = _coloured(sentence)
    highest = 1
    for word, head in enumerate(parsed.heads):
        if head >= 0:
            _arc(axes, word, head, parsed.arcs[word], coloured.get(word))
            highest = max(highest, abs(word - head))
    for word, text in enumerate(parsed.words):
        axes.text(word, -0.25, text, ha="right", va="top", fontsize=8, rotation=40)
    for entity in sentence.entities:
        ends = [entity.start - 0.35, entity.end - 0.65]
        axes.plot(ends, [-0.1, -0.1], lw=3, color="0.2")
    low = -0.25 - 0.16 * max(map(len, parsed.words))
    axes.set(xlim=(-2, len(parsed)), ylim=(low, highest / 2 + 0.8))
    axes.set_axis_off()
    axes.set_title("; ".join(said(sentence)), fontsize=8, loc="left")
    return figure


def _coloured(sentence: AnnotatedSentence) -> dict[int, str]:
    """{word: colour} of the arcs on paths."""
    from common.figures import PALETTE

    found: dict[int, str] = {}
    for i, relation in enumerate(sentence.relations):
        ends = [sentence.entities[k].end - 1 for k in (relation.head, relation.tail)]
        for word, _ in path(sentence.parsed.heads, *ends):
            found.setdefault(word, PALETTE[i % len(PALETTE)])
    return found


def _arc(axes: Any, word: int, head: int, name: str, colour: str | None) -> None:
    from matplotlib.patches import Arc

    centre = (word + head) / 2
    width = abs(word - head)
    line = {"color": colour or "0.75", "lw": 2.2 if colour else 0.9}
    axes.add_patch(Arc((centre, 0), width, width, theta1=0, theta2=180, **line))
    axes.text(centre, width / 2, name, ha="center", va="bottom", fontsize=6)


def said(sentence: AnnotatedSentence) -> list[str]:
    """Its relations in words."""

    def name(i: int) -> str:
        entity = sentence.entities[i]
        return " ".join(sentence.parsed.words[entity.start : entity.end])

    return [f"{name(r.head)} {r.kind} {name(r.tail)}" for r in sentence.relations]
