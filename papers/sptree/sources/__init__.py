"""Readers of corpora with entities and relations, and of two sets made here.

| source | root |
| --- | --- |
| facts | none: real facts of films in written sentences, with exact trees |
| articles | none: real sentences, labels of a graph (`articles`) |
| conll04 | a folder in the multi-head layout |
| spert | a folder with SpERT's json |
| semeval | SemEval-2010 Task 8; `semeval_trees`: its test with the given trees |
| ace, brat, gum | folders of documents |
"""

import functools

from common.contract import UserError
from papers.sptree.sources import (
    ace,
    articles,
    brat,
    conll04,
    gum,
    layout,
    semeval,
    spert,
)
from papers.sptree.sources.annotated_sentence import AnnotatedSentence, Dropped
from papers.sptree.sources.layout import Read

# Sentences of the set `facts`.
FACTS = {"train": 1000, "valid": 200, "test": 600}
OWN = ("facts", "articles")  # without a root
FILES = {
    "conll04": conll04.read,
    "spert": spert.read,
    "semeval": semeval.read,
    "ace": ace.read,
    "brat": brat.read,
}
GIVEN = {"gum": gum.read, "semeval_trees": semeval.read_with_trees}  # have trees
SOURCES = (*OWN, *FILES, *GIVEN)


@functools.cache
def read(
    source: str, root: str = "", trees: str = "", parser: str = "best", seed: int = 0
) -> Read:
    """The corpus that `source` names.

    root: its folder or file; trees: a CoNLL-U file or folder with the trees of its
    sentences; parser: what makes them otherwise, as `common.text.parses.parser` names
    it; seed: of the sentences that `facts` writes.
    UserError: something is missing or wrong.
    """
    if source == "facts":
        return _facts(seed)
    if source == "articles":
        return _articles(parser)
    if source in FILES:
        return FILES[source](root, layout.Trees(trees, parser))
    if source in GIVEN:
        return GIVEN[source](root)
    raise UserError(f"no source {source!r}: there are {', '.join(SOURCES)}")


def load(
    source: str, root: str = "", trees: str = "", parser: str = "best", seed: int = 0
) -> dict[str, tuple[AnnotatedSentence, ...]]:
    """The sentences of `read` by split: train, valid, test."""
    return read(source, root, trees, parser, seed).sentences


def _facts(seed: int) -> Read:
    from papers.sptree import written_facts  # it imports from this package

    found = {
        split: written_facts.written(split, count, seed)
        for split, count in FACTS.items()
    }
    about = (
        "Written sentences that say real facts of Wikidata's films, with exact trees; "
        "the splits share no film and no person"
    )
    return Read(found, {split: Dropped() for split in found}, about)


def _articles(parser: str) -> Read:
    found = articles.read(parser)
    about = (
        "Real sentences of Wikipedia and of news, with distant labels: a pair's "
        "relation is what a graph says of the two names, whether or not the sentence "
        "says so; "
        f"{layout.Trees(parser=parser)}"
    )
    return Read(found, {split: Dropped() for split in found}, about)
