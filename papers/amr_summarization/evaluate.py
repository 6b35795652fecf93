"""The paper's tables and pictures, on our data: which there are, in which order."""

from collections.abc import Iterator, Mapping
from typing import Any

from common.contract import summary
from papers.amr_summarization import (
    claims,
    figures,
    material,
    summarise,
    systems,
    tables,
)
from papers.amr_summarization.config import Config


def evaluate(
    config: Config, trained: Mapping[str, tuple[Config, Any]]
) -> Iterator[tuple[str, Any]]:
    """Yields (name, value): what the networks write for held-out sentences; summaries
    by graphs beside baselines; the documents; a summary and its graph."""
    yield "Held-out sentences", tables.held_out(config, trained)
    found = material.of(config)
    agreed = tables.smatch_of_given(found)
    if agreed is not None:
        yield "Smatch of the rules with the given graphs", agreed
    found = found.summarised()
    if not found.documents:
        return
    rows = tables.rows_of(config, found)
    yield "Summaries", tables.summaries(config, found, rows)
    options = systems.variant(config, {})
    base = systems.analyses(found.documents, options)
    yield "How it is said", tables.spoken(config, found, base, trained)
    yield "Documents", tables.data_table(found, base)
    yield "A summary", tables.example(config, found, base)
    size = summarise.Size(words=config.eval.words)
    made = summarise.summary(base[0], options, size)
    yield "Its graph", figures.drawn(made.graph, config.predict.drawn or 40)
    said = [*claims.of(rows, found.said_in)]
    link = "[Semantic summaries](papers/amr_summarization)"
    yield "Summary", summary(link, said)
