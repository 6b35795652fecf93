"""Summaries of a user's texts and graphs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax

from common.contract import Table, UserError
from common.files import outputs
from common.files.inputs import named
from common.text import parses
from common.text.parses import Parsed
from papers.amr_summarization import figures, systems
from papers.amr_summarization.amr import Amr, write
from papers.amr_summarization.config import Config
from papers.amr_summarization.rules import graph_of
from papers.amr_summarization.selection import summarise
from papers.amr_summarization.selection.document_graph import to_amr
from papers.amr_summarization.selection.summarise import Line, Summary
from papers.amr_summarization.sources import document_files, documents, penman_documents
from papers.amr_summarization.sources.documents import Document
from papers.amr_summarization.wording import speaking

GraphOf = Callable[[Parsed], Amr]
FORMS = "a text, or a file or folder of texts, CoNLL-U or PENMAN"


def predicts_untrained(config: Config) -> bool:
    """Whether rules make the graphs, and the text is the document's words or rules'."""
    return config.predict.graphs == "rules" and config.predict.text != "trained"


def predict(config: Config, state: Any, inputs: str) -> Iterator[Any]:
    """Yields for each document its summary, a table that traces every sentence to the
    document, the selected graph in PENMAN, and its picture. With `config.predict.out`
    they are files there: NAME.txt, NAME.penman, NAME.dot, NAME.png.

    inputs: text, or FILE:path, or the path of a file or a folder. UserError: there is
    nothing to summarise.
    """
    p = config.predict
    made, skipped = read(config, state, inputs)
    yield from (line + "\n" for line in skipped)
    stems = outputs.stems(["summary" if d.name == "--input" else d.name for d in made])
    for place, document in enumerate(made):
        name = document.name if len(made) > 1 else "summary"
        summary = summarised(config, document)
        lines = spoken(config, state, summary)
        yield f"{name}\n" if len(made) > 1 else ""
        yield "\n".join(line.text for line in lines) + "\n"
        which = f", {place + 1} {name}" if len(made) > 1 else ""
        yield f"Sources{which}", sources(document, summary)
        if not p.out:
            yield "\n" + write(to_amr(summary.graph)) + "\n"
            if p.drawn:
                yield f"Graph{which}", figures.drawn(summary.graph, p.drawn)
        elif jax.process_index() == 0:
            for title, path in _files(config, inputs, stems[place], lines, summary):
                yield f"{title}{which}", path


def read(config: Config, state: Any, inputs: str) -> document_files.Given:
    """The documents that `--input` gives. UserError: it is empty, or names no file."""
    path = named(inputs, FORMS)
    parser = parses.parser(config.predict.trees)
    to_graph = parser_to_graphs(config, state)
    if path is not None:
        return document_files.given(path, parser, to_graph)
    if penman_documents.is_penman(inputs):
        return document_files.Given(
            [*penman_documents.of_penman("--input", inputs, parser)], []
        )
    made = documents.of_text("--input", inputs, parser, to_graph)
    return document_files.Given([made], [])


def parser_to_graphs(config: Config, state: Any) -> GraphOf:
    """The rules, or the trained parser, which leaves longer sentences to the rules."""
    if config.predict.graphs == "rules":
        return graph_of
    from papers.amr_summarization.sequences.writing import Parser

    if config.direction != "parser":
        raise UserError("config.predict.graphs=trained needs the parser: --run=parser")
    parser = Parser(config, state)
    return lambda parsed: parser(parsed) if parser.reads(parsed) else graph_of(parsed)


def summarised(config: Config, document: Document) -> Summary:
    p = config.predict
    found = summarise.analysed(document, coreferences=p.coreference, names=p.names)
    if p.words:
        size = summarise.Size(words=p.words)
    else:
        target = p.ratio * len(found.graph)
        size = summarise.node_size(found.graph, target, p.slack)
    return summarise.summary(found, p, size, systems.frequencies(p))


def spoken(config: Config, state: Any, summary: Summary) -> tuple[Line, ...]:
    """The sentences of a summary as `config.predict.text` says."""
    p = config.predict
    if p.text == "document" and summary.lines:
        return summary.lines
    say = speaking.by_rules
    if p.text == "trained":
        if config.direction != "generator":
            raise UserError("config.predict.text=trained needs --run=generator")
        say = speaking.by_generator(config, state)
    found = speaking.sentences(summary.graph, summary.pieces, say)
    return tuple(Line(text, piece.sentence, piece.words) for text, piece in found)


def sources(document: Document, summary: Summary) -> Table:
    """Which sentence of the document each sentence of the summary is from, which words
    of it, and the key node that asked for it."""
    rows = []
    for piece in summary.pieces:
        words = document.sentences[piece.sentence].words
        kept = [words[i] for i in piece.words]
        share = f"{len(kept)} of {len(words)}"
        rows.append([piece.sentence + 1, share, piece.key, " ".join(kept)])
    length = sum(len(piece.words) for piece in summary.pieces)
    nodes = len(summary.graph)
    note = f"{length} words, and {nodes} nodes of the document's graph"
    if not summary.size.reached(summary.pieces):
        asked = max(summary.size)
        unit = "words" if summary.size.words else "nodes"
        note += (
            f": less than the {asked} {unit} that were asked for. The key nodes join "
            "no more of it; config.predict.keys takes more of them"
        )
    return Table(("sentence", "words", "key node", "said there"), rows, note)


def _files(
    config: Config,
    inputs: str,
    stem: str,
    lines: tuple[Line, ...],
    summary: Summary,
) -> Iterator[tuple[str, Path]]:
    """Writes a summary's files to `config.predict.out`. Yields (what it is, path)."""
    texts = {
        "Summary": (".txt", "\n".join(line.text for line in lines) + "\n"),
        "Graph in PENMAN": (".penman", write(to_amr(summary.graph)) + "\n"),
        "Graph in DOT": (".dot", figures.dot(summary.graph)),
    }
    files = {title: (end, text.encode()) for title, (end, text) in texts.items()}
    if config.predict.drawn:
        from common import figures as drawing

        drawn = figures.drawn(summary.graph, config.predict.drawn)
        files["Graph"] = (".png", drawing.png(drawn))
    root = named(inputs, FORMS)
    for title, (ending, content) in files.items():
        target = outputs.within(config.predict.out, root, stem + ending)
        yield title, outputs.write(target, content)
