"""The paper's tables and a picture, on our data: which there are, in which order."""

from collections.abc import Iterator, Mapping
from typing import Any

from common.contract import summary
from papers.sptree import claims, figures, tables
from papers.sptree.config import Config
from papers.sptree.runs import PRETRAINING
from papers.sptree.scored import Scored
from papers.sptree.sources import semeval

Values = Iterator[tuple[str, Any]]


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Values:
    """Yields (name, value): tables 1 and 2 of the paper, the structures, relations by
    distance and by type, SemEval's score, the data, a sentence's tree."""
    rows = {
        name: Scored.of(name, own, state)
        for name, (own, state) in trained.items()
        if name != PRETRAINING
    }
    yield "Data", tables.data(config)
    if not rows:
        return
    first = next(iter(rows.values()))
    yield "Table 1: entities and relations", tables.end_to_end(rows)
    if "sptree" in rows and rows.keys() & {*tables.WITHOUT} - {"sptree"}:
        yield "Table 2: without its parts", tables.parts(rows)
    if "sptree" in rows and rows.keys() & {*tables.STRUCTURE_NAMES} - {"sptree"}:
        yield "Structures", tables.structures(rows)
    if config.data.source in semeval.SOURCES:
        yield "SemEval-2010 Task 8", tables.semeval(rows)
    yield "By distance", tables.by_distance(rows)
    yield "By type", tables.by_type(first)
    shown = figures.telling(first.gold, first.said[0])
    if shown is not None:
        yield "A sentence of the test", figures.tree(shown)
    found = [*claims.of(rows)]
    if found:
        yield "Summary", summary("[SPTree](papers/sptree)", found)
