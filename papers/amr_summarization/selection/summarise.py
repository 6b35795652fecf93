"""From a document to its summary: merge, find key nodes, select, say."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from papers.amr_summarization.config import Select
from papers.amr_summarization.selection import (
    coreference,
    importance,
    merging,
    name_kinds,
    open_tuples,
    select,
)
from papers.amr_summarization.selection.document_graph import DocumentGraph, Spot
from papers.amr_summarization.selection.importance import Key
from papers.amr_summarization.selection.select import Piece
from papers.amr_summarization.sources.documents import Document
from papers.amr_summarization.wording import realise


class Line(NamedTuple):
    """A sentence of a summary, and the sentence of the document that it is from."""

    text: str
    sentence: int
    words: tuple[int, ...]  # places in that sentence


@dataclasses.dataclass(frozen=True)
class Analysis:
    """A document's graph and what the selection reads besides."""

    document: Document
    graph: DocumentGraph
    clusters: tuple[tuple[Spot, ...], ...]
    clauses: tuple[tuple[tuple[int, ...], ...], ...]

    @functools.cached_property
    def lengths(self) -> list[int]:
        return [len(parsed.words) for parsed in self.document.sentences]


class Size(NamedTuple):
    """When a summary is large enough: so many nodes, or so many words; 0: no matter."""

    nodes: int = 0
    words: int = 0

    def reached(self, pieces: Sequence[Piece]) -> bool:
        nodes = len({n for piece in pieces for n in piece.nodes})
        words = sum(len(piece.words) for piece in pieces)
        return bool((self.nodes and nodes >= self.nodes) or
                    (self.words and words >= self.words))  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Summary:
    """lines: in the order of the document. graph: the selected part of its graph.
    size: what was asked for, of which the key nodes may give less."""

    lines: tuple[Line, ...]
    graph: DocumentGraph
    pieces: tuple[Piece, ...]
    size: Size

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


def analysed(document: Document, *, coreferences: str, names: bool) -> Analysis:
    """coreferences: "rules"; "given", the document's own where it has some; "none"."""
    clusters: Sequence[Sequence[Spot]] = ()
    if coreferences == "given" and document.clusters is not None:
        clusters = document.clusters
    elif coreferences != "none" and document.has_trees:
        clusters = coreference.clusters(document.sentences)
    clusters = tuple(tuple(cluster) for cluster in clusters)
    graphs = document.graphs
    if document.guessed:
        graphs = name_kinds.with_kinds(graphs)
    graph = merging.merged(graphs, clusters, names=names)
    clauses = tuple(
        tuple(t.words for t in open_tuples.tuples(parsed)) if any(parsed.arcs) else ()
        for parsed in document.sentences
    )
    return Analysis(document, graph, clusters, clauses)


def node_size(graph: DocumentGraph, target: float, slack: float) -> Size:
    """So many nodes, less the slack: both as a share of the document's nodes, of which
    there is at least one."""
    return Size(nodes=max(1, round(target - slack * len(graph))))


def selection(
    found: Analysis, options: Select, size: Size, idf: Mapping[str, float] | None = None
) -> tuple[list[Piece], list[Key]]:
    """The pieces in the order in which they are chosen, until the size is reached, and
    the key nodes. Where no two key nodes are joined it is the first sentence."""
    keys = ranked(found, options, idf)
    pieces = []
    for piece in select.pieces(
        found.graph,
        keys,
        found.clauses,
        found.lengths,
        most=options.keys,
        extend=options.extend,
        as_released=options.as_released,
    ):
        pieces.append(piece)
        if size.reached(pieces):
            break
    return pieces or [select.whole(found.graph, 0, found.lengths[0])], keys


def summary(
    found: Analysis, options: Select, size: Size, idf: Mapping[str, float] | None = None
) -> Summary:
    """The summary of a document, of about the given size."""
    pieces, keys = selection(found, options, size, idf)
    graph = select.selected(found.graph, pieces, keys[: options.keys])
    kept = [p for p in pieces if p.nodes & graph.nodes.keys() or _contracted(p, graph)]
    kept = kept or pieces[:1]
    kept.sort(key=lambda piece: piece.sentence)
    return Summary(said(found, kept), graph, tuple(kept), size)


def _contracted(piece: Piece, graph: DocumentGraph) -> bool:
    """Whether a word of the piece is in the graph."""
    spots = {spot for node in graph.nodes.values() for spot in node.spots}
    return any(Spot(piece.sentence, word) in spots for word in piece.words)


def ranked(
    found: Analysis, options: Select, idf: Mapping[str, float] | None
) -> list[Key]:
    return importance.keys(
        found.graph,
        found.document.sentences,
        found.clusters,
        scores=options.scores,
        meta=options.meta,
        decay=options.decay,
        idf=idf,
    )


def said(found: Analysis, pieces: Sequence[Piece]) -> tuple[Line, ...]:
    """The sentences of the pieces. A pronoun becomes its name where none was said."""
    names = _names(found)
    known: set[tuple[str, ...]] = set()
    lines = []
    for piece in pieces:
        parsed = found.document.sentences[piece.sentence]
        instead = {}
        for i in piece.words:
            name = names.get(Spot(piece.sentence, i))
            if name is None:
                continue
            if parsed.tags[i] == "PRP" and name not in known and _subject(parsed, i):
                instead[i] = " ".join(name)
            known.add(name)
        text = realise.sentence(parsed, piece.words, instead)
        if text:
            lines.append(Line(text, piece.sentence, piece.words))
    return tuple(lines)


def _subject(parsed, i: int) -> bool:
    return parsed.arcs[i].startswith("nsubj") and parsed.words[i].lower() in (
        "he",
        "she",
        "it",
    )


def _names(found: Analysis) -> dict[Spot, tuple[str, ...]]:
    """The name of each word that names or means a named node."""
    return {
        spot: node.name
        for node in found.graph.nodes.values()
        if node.name
        for spot in node.spots
    }
