"""Scores of summaries: nodes, edges, Smatch of graphs, ROUGE of texts."""

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from common.text import parses
from common.text.rouge import rouge
from papers.amr_summarization import documents, merging, select, summarise
from papers.amr_summarization.amr import Amr
from papers.amr_summarization.document_graph import DocumentGraph
from papers.amr_summarization.select import Piece
from papers.amr_summarization.summarise import Analysis


class Overlap(NamedTuple):
    """Precision, recall and F1 of labels that are counted as often as they occur."""

    precision: float
    recall: float
    f1: float


def overlap(found: Counter, wanted: Counter) -> Overlap:
    """0 where one is empty."""
    hits = (found & wanted).total()
    if not hits:
        return Overlap(0.0, 0.0, 0.0)
    precision = hits / found.total()
    recall = hits / wanted.total()
    return Overlap(precision, recall, 2 * precision * recall / (precision + recall))


def node_labels(graph: DocumentGraph) -> Counter:
    """Concepts, and names with _ between their words."""
    return Counter(node.label for node in graph.nodes.values())


def edge_labels(graph: DocumentGraph) -> Counter:
    """parent_role_child, each a label."""
    return Counter(
        f"{graph.nodes[e.source].label}_{e.role}_{graph.nodes[e.target].label}"
        for e in graph.links
    )


class Scores(NamedTuple):
    """Of one summary against the best or the mean of its references, in [0, 1]."""

    rouge_1: float
    rouge_2: float
    rouge_l: float
    node_precision: float
    node_recall: float
    node_f1: float
    edge_precision: float
    edge_recall: float
    edge_f1: float
    words: float


class Reference(NamedTuple):
    """A summary that people wrote, and its graph."""

    text: str
    graph: DocumentGraph


def given_reference(text: str, graphs: Sequence[Amr]) -> Reference:
    """A reference whose sentences have graphs; "" for its text: what they say."""
    from papers.amr_summarization import graph_text

    said = text or "\n".join(" ".join(graph_text.words(graph)) for graph in graphs)
    return Reference(said, merging.merged(graphs))


@functools.lru_cache(4096)
def reference(text: str, parser: str, words: int) -> Reference:
    """The first `words` words of a text (0: all), a line a sentence, and their graph,
    by the parser and the rules that documents are parsed by."""
    made = documents.of_text("the reference", text, parses.parser(parser))
    kept = made.sentences if not words else _first(made.sentences, words)
    made = documents.Document(
        made.name, tuple(kept), tuple(map(documents.graph_of, kept))
    )
    found = summarise.analysed(made, coreferences="rules", names=True)
    lines = [" ".join(parsed.words) for parsed in kept]
    return Reference("\n".join(lines), found.graph)


def _first(sentences: Sequence[parses.Parsed], words: int) -> list[parses.Parsed]:
    """Whole sentences while there is room, at least one."""
    kept = list(sentences[:1])
    for parsed in sentences[1:]:
        if sum(map(len, kept)) + len(parsed) > words:
            break
        kept.append(parsed)
    return kept


def cut(pieces: Iterable[Piece], words: int) -> list[Piece]:
    """Pieces up to so many words, the last of which may be cut; in the document's
    order. Nodes stay those of the words that are left."""
    kept: list[Piece] = []
    left = words
    for piece in pieces:
        if left <= 0:
            break
        kept.append(piece._replace(words=piece.words[:left]))
        left -= len(piece.words)
    return sorted(kept, key=lambda piece: piece.sentence)


def scored(
    found: Analysis, pieces: Sequence[Piece], references: Sequence[Reference]
) -> Scores:
    """The means over the references. All systems are measured alike: the graph of a
    summary is what its words say of the document's graph."""
    lines = summarise.said(found, pieces)
    text = "\n".join(line.text for line in lines)
    nodes = {
        n
        for piece in pieces
        for n in select.nodes_of(found.graph, piece.sentence, piece.words)
    }
    graph = found.graph.restricted(nodes)
    rows = []
    for wanted in references:
        said = rouge(text, wanted.text)
        node = overlap(node_labels(graph), node_labels(wanted.graph))
        edge = overlap(edge_labels(graph), edge_labels(wanted.graph))
        rows.append((*said, *node, *edge))
    words = sum(len(piece.words) for piece in pieces)
    return Scores(*np.mean(rows, axis=0).tolist(), words)


def mean(scores: Sequence[Scores]) -> Scores:
    return Scores(*np.mean(scores, axis=0).tolist())
