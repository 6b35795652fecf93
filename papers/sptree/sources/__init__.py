"""Readers of corpora with entities and relations.

| source | root |
| --- | --- |
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
from papers.sptree.sources.layout import Read

FILES = {
    "conll04": conll04.read,
    "spert": spert.read,
    "semeval": semeval.read,
    "ace": ace.read,
    "brat": brat.read,
}
GIVEN = {"gum": gum.read, "semeval_trees": semeval.read_with_trees}  # have trees
SOURCES = ("articles", *FILES, *GIVEN)


@functools.cache
def read(source: str, root: str = "", trees: str = "", parser: str = "best") -> Read:
    """The corpus that `source` names.

    root: its folder or file; trees: a CoNLL-U file or folder with the trees of its
    sentences; parser: what makes them otherwise, as `common.text.parses.parser` names
    it. UserError: something is missing or wrong.
    """
    if source == "articles":
        return articles.read(parser)
    if source in FILES:
        return FILES[source](root, layout.Trees(trees, parser))
    if source in GIVEN:
        return GIVEN[source](root)
    raise UserError(f"no source {source!r}: there are {', '.join(SOURCES)}")
