"""Sentences made of the selected graph alone, by rules or by the trained generator."""

from collections.abc import Callable, Sequence
from typing import Any

from papers.amr_summarization import graph_text
from papers.amr_summarization.amr import Amr
from papers.amr_summarization.config import Config
from papers.amr_summarization.document_graph import DocumentGraph, to_amr
from papers.amr_summarization.select import Piece, nodes_of

Say = Callable[[Sequence[Amr]], list[list[str]]]  # graphs to words


def by_rules(graphs: Sequence[Amr]) -> list[list[str]]:
    return [graph_text.words(graph) for graph in graphs]


def by_generator(config: Config, state: Any) -> Say:
    """The trained generator, which leaves larger graphs to the rules.

    config, state: of the run "generator".
    """
    from papers.amr_summarization.writing import Generator

    generator = Generator(config, state)

    def say(graphs: Sequence[Amr]) -> list[list[str]]:
        small = [graph for graph in graphs if generator.reads(graph)]
        written = iter(generator.all(small))
        return [
            next(written) if generator.reads(graph) else graph_text.words(graph)
            for graph in graphs
        ]

    return say


def part(graph: DocumentGraph, piece: Piece) -> Amr | None:
    """The largest connected part of the graph that a piece says; None: nothing."""
    inside = graph.inside(piece.sentence)
    nodes = nodes_of(graph, piece.sentence, piece.words) | piece.nodes & inside.keys()
    own = graph.restricted(nodes)
    return to_amr(own.restricted(own.components()[0])) if len(own) else None


def sentences(
    graph: DocumentGraph, pieces: Sequence[Piece], say: Say
) -> list[tuple[str, Piece]]:
    """A sentence for each piece of a graph that says something."""
    graphs = [(part(graph, piece), piece) for piece in pieces]
    graphs = [(amr, piece) for amr, piece in graphs if amr is not None]
    written = say([amr for amr, _ in graphs])
    return [
        (sentence(words), piece)
        for words, (_, piece) in zip(written, graphs, strict=True)
        if words
    ]


def sentence(words: Sequence[str]) -> str:
    """Words as a sentence, with a capital and a full stop."""
    text = " ".join(words)
    for sign in (" ,", " .", " 's"):
        text = text.replace(sign, sign[1:])
    return text[:1].upper() + text[1:].rstrip(" .") + "."
