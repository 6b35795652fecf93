"""Real sentences with distant labels: Wikipedia's articles and news stories that name
countries and what belongs to them.

The label of a pair is what a graph says of the two names, whether or not the sentence
says so. Entities are the names that a gazetteer knows.
"""

from collections.abc import Iterator
from itertools import combinations

from common.data import wiki_articles
from common.text import parses, sentences
from common.text.parses import Parsed
from papers.sptree.gazetteer import gazetteer
from papers.sptree.sources import layout
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Dropped,
    Entity,
    Relation,
)

LONGEST = 300  # characters of a sentence
SHARES = {"train": 7, "valid": 1, "test": 2}  # of ten articles


def read(parser: str = "best") -> layout.Read:
    """The sentences with two or more names; an article is in one split. `parser` makes
    the trees, as `common.text.parses.parser` names it."""
    parse = parses.parser(parser)
    found: dict[str, list[AnnotatedSentence]] = {split: [] for split in SHARES}
    for title, text in _texts():
        for number, words in enumerate(sentences.split(text)):
            if words[-1].end - words[0].start < LONGEST:
                annotated = _annotated(words, f"{title}/{number}", parse)
                if annotated is not None:
                    found[layout.drawn(title, SHARES)].append(annotated)
    sentences_ = {split: tuple(kept) for split, kept in found.items()}
    about = (
        "Real sentences of Wikipedia and of news, with distant labels: a pair's "
        "relation is what a graph says of the two names, whether or not the sentence "
        f"says so; {layout.Trees(parser=parser)}"
    )
    return layout.Read(sentences_, {split: Dropped() for split in found}, about)


def _texts() -> Iterator[tuple[str, str]]:
    for article in wiki_articles.articles():
        yield article.title, f"{article.lead}\n\n{article.body}"
    for number, story in enumerate(wiki_articles.news()):
        yield f"news {number}", story


def _annotated(
    words: list[sentences.Word], name: str, parse: parses.Parser
) -> AnnotatedSentence | None:
    names = gazetteer()
    texts = [word.text for word in words]
    found = list(names.found(texts))
    if len(found) < 2:
        return None
    relations = []
    for (i, first), (j, second) in combinations(enumerate(found), 2):
        if said := names.relation(first[2], second[2]):
            relation, backwards = said
            relations.append(Relation(relation, *((j, i) if backwards else (i, j))))
    parsed = parse(texts)
    start = words[0].start
    spans = tuple((word.start - start, word.end - start) for word in words)
    parsed = Parsed(parsed.words, parsed.tags, parsed.heads, parsed.arcs, spans)
    entities = tuple(Entity(start, end, named.kind) for start, end, named in found)
    return AnnotatedSentence(parsed, entities, tuple(relations), name)
