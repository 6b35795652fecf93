"""The steps on one small document, at once: its graph, its key nodes, its summary."""

import functools
from typing import TYPE_CHECKING

from common.contract import Table
from papers.amr_summarization import figures, systems
from papers.amr_summarization.amr import write
from papers.amr_summarization.predict import summarised
from papers.amr_summarization.selection import summarise
from papers.amr_summarization.sources import toy
from papers.amr_summarization.variants import get_config

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

RATIO = 0.5  # of the graph's nodes: the document has five sentences


@functools.cache
def _example():
    """The config, the document with its graph, and its summary."""
    config = get_config("smoke")
    config.predict.ratio = RATIO
    document = toy.made()[0]
    p = config.predict
    found = summarise.analysed(document, coreferences=p.coreference, names=p.names)
    return config, found, summarised(config, document)


def sentence_graphs() -> str:
    """Each sentence with its AMR graph, before anything is merged."""
    _, found, _ = _example()
    document = found.document
    pairs = zip(document.sentences, document.graphs, strict=True)
    return "\n\n".join(f"{' '.join(s.words)}\n{write(amr)}" for s, amr in pairs)


def document_graph() -> "Figure":
    """The merged graph of all sentences; tops of sentences are framed in blue."""
    _, found, _ = _example()
    return figures.drawn(found.graph, len(found.graph))


def summary_graph() -> "Figure":
    """The part that was selected."""
    _, _, summary = _example()
    return figures.drawn(summary.graph, len(summary.graph))


def keys() -> Table:
    """The nodes by tf: in how many sentences each is said, earliest first of equals."""
    config, found, _ = _example()
    p = config.predict
    ranked = summarise.ranked(found, p, systems.frequencies(p))
    rows = []
    for key in ranked[: p.keys]:
        said = ", ".join(str(s + 1) for s in sorted(key.sentences(found.graph)))
        rows.append(
            [key.label, float(key.score), said, "meta node" if key.meta else "node"]
        )
    return Table(("label", "tf", "sentences", "kind"), rows)


def summary() -> str:
    """The document, and what is said of it."""
    _, found, made = _example()
    told = " ".join(" ".join(s.words) for s in found.document.sentences)
    return f"{told}\n\nsummary:\n{made.text}"
