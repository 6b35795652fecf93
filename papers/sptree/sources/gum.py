"""GUM: gold trees, and the heads of its entity mentions. It has no relations.

An entity is the head of a mention with the names it is joined to (flat, compound), as
ACE has heads: whole mentions hold one another, which BILOU cannot write.
https://gucorpling.org/gum
"""

from common.data import conllu
from common.data.conllu import Document, Mention
from common.text.parses import Parsed
from papers.sptree.sources import layout
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Dropped,
    Entity,
    sentence,
)

HOLDS = "a folder with .conllu files with GUM's entities"


def read(root: str) -> layout.Read:
    """The folder's sentences. UserError: see `HOLDS`, or a wrong file."""
    folder = layout.root_of(root, HOLDS)
    found: dict[str, list[AnnotatedSentence]] = {}
    dropped = {}
    for split, files in layout.documents(folder, ".conllu").items():
        dropped[split] = Dropped()
        found[split] = [
            sentence_
            for file in files
            for document in conllu.read(file)
            for sentence_ in _sentences(document, dropped[split])
        ]
    sentences, dropped, said = layout.completed(found, dropped)
    return layout.Read(
        sentences, dropped, f"{folder.name}, GUM's entities and gold trees{said}"
    )


def _sentences(document: Document, dropped: Dropped) -> list[AnnotatedSentence]:
    of: list[list[Entity]] = [[] for _ in document.sentences]
    for mention in conllu.mentions(document):
        parsed = document.sentences[mention.sentence]
        of[mention.sentence].append(_head(parsed, mention))
    return [
        sentence(parsed, of[i], (), f"{document.name}/{i + 1}", dropped)
        for i, parsed in enumerate(document.sentences)
    ]


def _head(parsed: Parsed, mention: Mention) -> Entity:
    """The mention's head with the words of its name beside it."""

    def joined(word: int) -> bool:
        arc = parsed.arcs[word].partition(":")[0]
        return parsed.heads[word] == mention.head and arc in ("flat", "compound")

    start = mention.head
    while start > mention.start and joined(start - 1):
        start -= 1
    end = mention.head + 1
    while end < mention.end and joined(end):
        end += 1
    return Entity(start, end, mention.kind)
