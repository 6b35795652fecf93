"""Documents from a user's files."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from common.contract import UserError
from common.data import conllu
from common.files import storage, texts
from common.text import parses
from papers.amr_summarization.rules import graph_of
from papers.amr_summarization.selection.document_graph import Spot
from papers.amr_summarization.sources.documents import Document, GraphOf, of_text
from papers.amr_summarization.sources.penman_documents import is_penman, of_penman


def of_conllu(path: Path, graph_of: GraphOf = graph_of) -> tuple[Document, ...]:
    """The documents of CoNLL-U files: trees, summaries and coreference, as GUM has
    them. UserError: as of `common.data.conllu.read`."""
    return tuple(_of_treebank(found, graph_of) for found in conllu.read(path))


def _of_treebank(found, graph_of: GraphOf) -> Document:
    groups: dict[str, list[Spot]] = {}
    for mention in conllu.mentions(found):
        if mention.cluster:
            spot = Spot(mention.sentence, mention.head)
            groups.setdefault(mention.cluster, []).append(spot)
    clusters = tuple(tuple(spots) for spots in groups.values() if len(spots) > 1)
    return Document(
        found.name,
        found.sentences,
        tuple(graph_of(tree) for tree in found.sentences),
        clusters or None,
        conllu.summaries(found),
    )


class Given(NamedTuple):
    """Documents, and a line for each file of a folder that cannot be read."""

    documents: list[Document]
    skipped: list[str]


def given(path: Path, parser: parses.Parser, graph_of: GraphOf = graph_of) -> Given:
    """The documents of a file, or of all files of a folder and below but for hidden
    ones. UserError: the file cannot be read, or the folder has none that can be."""
    if not path.is_dir():
        return Given(_of_file(path, parser, graph_of), [])
    found = Given([], [])
    for file in storage.files_below(path):
        try:
            found.documents.extend(_of_file(file, parser, graph_of))
        except UserError as error:
            found.skipped.append(f"skipped {file.relative_to(path)}: {error}")
    if not found.documents:
        why = f": {found.skipped[0]}" if found.skipped else ""
        raise UserError(f"the folder {str(path)!r} has no document to read{why}")
    return found


def _of_file(path: Path, parser: parses.Parser, graph_of: GraphOf) -> list[Document]:
    """By the file's ending or its first lines: CoNLL-U has ten columns with tabs
    between them, PENMAN begins with # :: or a bracket; others are plain text."""
    if path.suffix == ".conllu":
        return [*of_conllu(path, graph_of)]
    text = texts.read(path).decode()
    if _is_conllu(text):
        return [*of_conllu(path, graph_of)]
    if path.suffix in (".penman", ".amr") or is_penman(text):
        return [*of_penman(path.name, text, parser)]
    if form := _form_of_data(text):
        raise UserError(f"{str(path)!r} is {form}: give its text in a file of its own")
    return [of_text(path.name, text, parser, graph_of)]


def _form_of_data(text: str) -> str:
    """ "JSON", "HTML" or "XML", whose words are no sentences; "": the text is prose."""
    begins = re.match(r"\s*<(\?xml|!doctype|html)", text, re.IGNORECASE)
    if begins:
        return "XML" if begins[1].lower() == "?xml" else "HTML"
    if not text.lstrip().startswith(("{", "[")):
        return ""
    for part in (text, text.strip().splitlines()[0]):  # or an object a line
        try:
            json.loads(part)
        except (ValueError, RecursionError):
            continue
        return "JSON"
    return ""


def _is_conllu(text: str) -> bool:
    lines = (line for line in text.splitlines() if line.strip() and line[0] != "#")
    return next(lines, "").count("\t") + 1 == conllu.COLUMNS
