"""Sentences as pieces that point to a graph's pieces, and back."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from papers.amr_summarization import pieces
from papers.amr_summarization.amr import Amr
from papers.amr_summarization.linearise import Known, Writer
from papers.amr_summarization.pieces import CONCEPT, CONSTANT, STRING, WORD

_SENSE = re.compile(r"-\d\d+$")


class Graph(NamedTuple):
    """A graph's pieces without pointers, and the variable of each: "" of a bracket."""

    items: list[str]
    owners: list[str]


def graph_items(amr: Amr) -> Graph:
    """What the generator reads."""
    writer = Writer(amr, (), lambda piece: True)
    items = writer.node(amr.top, top=True)
    owners = iter(writer.owners)
    names = (CONCEPT, CONSTANT)
    return Graph(items, [next(owners) if p.startswith(names) else "" for p in items])


def word_of(item: str) -> str:
    """The word in a piece of a graph: "believe" in "/believe-01"; "" in a bracket."""
    if item.startswith(CONSTANT):
        return pieces.unquoted(item[len(CONSTANT) :])
    return _SENSE.sub("", item[len(CONCEPT) :]) if item.startswith(CONCEPT) else ""


def target(words: Sequence[str], graph: Graph, amr: Amr, known: Known) -> list[str]:
    """The pieces of a sentence. A word is a form of an item of the graph, first of one
    whose variable is aligned to it, or else itself, in small letters."""
    found = []
    used: set[int] = set()
    for i, word in enumerate(words):
        of_it = {var for var, places in amr.tokens.items() if i in places}
        named = WORD + word.lower()
        ways = sorted(
            _ways(word, graph.items, known),
            key=lambda way: (graph.owners[way[0]] not in of_it, way[0] in used, way),
        )
        if ways and (graph.owners[ways[0][0]] in of_it or not known(named)):
            place, form = ways[0]
            used.add(place)
            found += [pieces.pointer(place), form] if form else [pieces.pointer(place)]
        else:
            found.append(named)
    return found


def _ways(word: str, items: list[str], known: Known) -> list[tuple[int, str]]:
    """The items that the word is a form of, with the form."""
    ways = []
    for place, item in enumerate(items):
        own = word_of(item)
        if own[:1].lower() != word[:1].lower():
            continue
        if item.startswith(CONSTANT) and own == word:
            ways.append((place, STRING))
        elif item.startswith(CONCEPT):
            form = pieces.form(own, word.lower()) if own else None
            if form is not None and (not form or known(form)):
                ways.append((place, form))
    return ways


def words_of(sequence: Iterable[str], items: Sequence[str]) -> list[str]:
    """The words of any sequence of pieces; those that mean nothing are skipped."""
    found: list[str] = []
    item: str | None = None  # the one that a pointer before this piece named
    for piece in sequence:
        if item is not None and pieces.is_form(piece):
            own = word_of(item)
            found[-1] = own if piece == STRING else pieces.formed(own, piece)
            item = None
            continue
        place = pieces.pointed(piece)
        item = items[place] if place is not None and place < len(items) else None
        if item is not None and not word_of(item):
            item = None
        elif item is not None:
            found.append(word_of(item).lower())
        elif piece.startswith(WORD) and piece != WORD:
            found.append(piece[len(WORD) :])
    return [word for word in found if word]
