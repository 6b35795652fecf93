"""The paper's tables and pictures, on our data: which there are, in which order."""

from collections.abc import Iterator, Mapping
from typing import Any

from common.contract import summary
from papers.dkn import claims, figures, sources, tables
from papers.dkn.config import Config
from papers.dkn.scoring import Scored

Values = Iterator[tuple[str, Any]]


def evaluate(config: Config, trained: Mapping[str, tuple[Config, Any]]) -> Values:
    """Yields (name, value): the paper's table 2 and table 3, how candidates are ranked,
    the data, AUC by time, and the attention of one user's clicks. The runs that learn
    entity vectors are measured by `papers.knowledge_graph`."""
    rows = {
        name: Scored.of(name, own, state)
        for name, (own, state) in trained.items()
        if isinstance(own, Config)
    }
    table = tables.compared(rows)
    if len(table.rows):
        yield "Table 2: the models", table
    if tables.ablated(rows):
        yield "Table 3: DKN without its parts", tables.ablation(rows)
    if tables.swept(rows):
        yield "Sweeps", tables.sweeps(rows)
        yield "AUC over the sweeps", figures.sweeps(tables.sweeps(rows))
    yield "Ranking", tables.ranking(rows)
    yield "Data", tables.data(config)
    first = next(iter(rows.values()))
    yield "AUC by time", figures.by_time(rows, config.eval.periods)
    for scored in (rows.get("dkn"), rows.get("dkn_words")):
        if scored is not None:
            case = scored.case(config.eval)
            if case is not None:
                yield f"Attention, {scored.name}", figures.attention(case)
    said = sources.corpus(first.config).said_in
    found = [*claims.of(rows, said)]
    if found:
        yield "Summary", summary("[DKN](papers/dkn)", found)
