"""Entities that are given as characters of a text: their sentences and words."""

import bisect
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from common.contract import UserError
from common.text import sentences
from common.text.parses import Parsed
from common.text.sentences import Word
from papers.sptree.sources import layout
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Dropped,
    Entity,
    Relation,
    sentence,
)


class Marked(NamedTuple):
    """Characters [start, end) of a text, in code points, that are an entity."""

    key: str  # the annotation's own name of it
    kind: str
    start: int
    end: int


class Linked(NamedTuple):
    kind: str
    head: str  # keys of two entities
    tail: str


def annotated(
    text: str,
    entities: Sequence[Marked],
    relations: Iterable[Linked],
    name: str,
    trees: layout.Trees,
    dropped: Dropped,
) -> list[AnnotatedSentence]:
    """The sentences of a text. Words are cut where an entity begins or ends. What is in
    two sentences is counted in `dropped`. UserError: a relation of an unknown entity,
    two entities of one key."""
    entities = [_trimmed(entity, text) for entity in entities]
    keys = Counter(entity.key for entity in entities)
    for key, count in keys.items():
        if count > 1:
            raise UserError(f"{name}: {count} entities are named {key!r}")
    places = {at for e in entities for at in (e.start, e.end)}
    rows = [cut(words, places) for words in sentences.split(text)]
    found: list[dict[str, Entity]] = [{} for _ in rows]
    starts = [words[0].start for words in rows]
    of: dict[str, int] = {}
    for entity in entities:
        at = bisect.bisect_right(starts, entity.start) - 1
        if at >= 0 and entity.end > rows[at][-1].end:
            dropped.entity("other sentence", entity.kind)
            continue
        span = _words(rows[at], entity) if at >= 0 else None
        if span is None:
            dropped.entity("between words", entity.kind)
            continue
        found[at][entity.key] = Entity(*span, entity.kind)
        of[entity.key] = at
    links: list[list[Relation]] = [[] for _ in rows]
    for link in relations:
        for key in (link.head, link.tail):
            if key not in keys:
                raise UserError(f"{name}: a relation {link.kind} has no entity {key!r}")
        _place(link, of, found, links, dropped)
    return [
        sentence(
            _with_spans(trees, words, f"{name}, sentence {i + 1}"),
            found[i].values(),
            links[i],
            f"{name}/{i + 1}",
            dropped,
        )
        for i, words in enumerate(rows)
    ]


def _trimmed(entity: Marked, text: str) -> Marked:
    """The entity without white space at its ends."""
    said = text[entity.start : entity.end]
    start = entity.start + len(said) - len(said.lstrip())
    return entity._replace(start=start, end=start + len(said.strip()))


def _place(
    link: Linked,
    of: dict[str, int],
    found: list[dict[str, Entity]],
    links: list[list[Relation]],
    dropped: Dropped,
) -> None:
    """Puts a relation into the sentence of its entities."""
    if link.head not in of or link.tail not in of:
        dropped.relation("lost entity", link.kind)
    elif of[link.head] != of[link.tail]:
        dropped.relation("other sentence", link.kind)
    else:
        keys = list(found[of[link.head]])
        ends = keys.index(link.head), keys.index(link.tail)
        links[of[link.head]].append(Relation(link.kind, *ends))


def cut(words: Sequence[Word], places: set[int]) -> list[Word]:
    """The words, cut where one of the `places` lies within."""
    found = []
    for word in words:
        start = word.start
        inside = sorted(p for p in places if word.start < p < word.end)
        for end in (*inside, word.end):
            piece = word.text[start - word.start : end - word.start]
            found.append(Word(piece, start, end))
            start = end
    return found


def _words(words: Sequence[Word], entity: Marked) -> tuple[int, int] | None:
    """The words that an entity covers; None: white space alone."""
    inside = [
        i
        for i, word in enumerate(words)
        if entity.start <= word.start and word.end <= entity.end
    ]
    return (inside[0], inside[-1] + 1) if inside else None


def _with_spans(trees: layout.Trees, words: Sequence[Word], where: str) -> Parsed:
    parsed = trees.of([word.text for word in words], where)
    spans = tuple((word.start, word.end) for word in words)
    return Parsed(
        parsed.words, parsed.tags, parsed.heads, parsed.arcs, spans, parsed.lemmas
    )
