"""Documents of PENMAN: the graphs of their sentences, and of their summaries."""

import dataclasses
from collections.abc import Sequence

from common.contract import UserError
from common.text import parses, sentences, tagging
from common.text.parses import Parsed
from papers.amr_summarization import alignment, graph_text
from papers.amr_summarization import amr as penman
from papers.amr_summarization.amr import Amr
from papers.amr_summarization.documents import LONGEST, Document


def of_penman(name: str, text: str, parser: parses.Parser) -> tuple[Document, ...]:
    """The documents of a PENMAN file. Graphs whose ids begin alike, up to the last dot
    or _, are one document; `::snt-type summary` marks those of its reference. `parser`
    makes trees of `::tok`, else `::snt`, for coreference and tuples.

    UserError, with the line: a graph that cannot be read; the file has none.
    """
    groups: dict[str, list[tuple[penman.Block, Amr]]] = {}
    for block in penman.blocks(text):
        try:
            graph = penman.read(block.text)
        except UserError as error:
            raise UserError(
                f"{name}, the graph at line {block.line}: {error}"
            ) from None
        groups.setdefault(_document_id(block, name), []).append((block, graph))
    if not groups:
        raise UserError(f"{name} has no graphs: give PENMAN, (b / boy ...)")
    return tuple(_of_blocks(key, found, parser) for key, found in groups.items())


def _document_id(block: penman.Block, name: str) -> str:
    own = block.metadata.get("id", "").split(" ")[0]
    for sign in (".", "_"):
        if sign in own:
            return own.rpartition(sign)[0]
    return name


def _of_blocks(
    name: str, found: Sequence[tuple[penman.Block, Amr]], parser: parses.Parser
) -> Document:
    body = []
    summary = []
    for block, graph in found:
        kind = block.metadata.get("snt-type", "body")
        if kind == "summary":
            summary.append((block, graph))
        elif kind not in ("date", "country", "topic", "dateline"):
            body.append((block, graph))
    if not body:
        raise UserError(f"{name} has a summary and no body: ::snt-type body is missing")
    sentences_ = []
    graphs = []
    for block, graph in body:
        words = _words(block, graph)
        told = "tok" in block.metadata or "snt" in block.metadata
        sentences_.append(parser(words) if told else _untied(words))
        graphs.append(_aligned(graph, words))
    text = " ".join(block.metadata.get("snt", "") for block, _ in summary).strip()
    reference = (tuple(graph for _, graph in summary),) if summary else ()
    return Document(
        name,
        tuple(sentences_),
        tuple(graphs),
        None,
        (text,) if summary else (),
        reference,
        guessed=False,
    )


def _words(block: penman.Block, graph: Amr) -> list[str]:
    """The words of a sentence: `::tok`, else `::snt`, at its spaces if the graph counts
    words there, else as the graph is read out."""
    told = block.metadata.get("snt", "").split()
    if "tok" in block.metadata:
        told = block.metadata["tok"].split()
    elif told and not any(graph.tokens.values()):
        told = [word.text for word in sentences.words(" ".join(told))]
    return told[:LONGEST] or graph_text.words(graph)


def _untied(words: Sequence[str]) -> Parsed:
    """Words without a tree, tagged as nouns are."""
    heads = tuple(i - 1 for i in range(len(words))) or (-1,)
    words = tuple(words) or ("",)
    return Parsed(words, tagging.tags(words), heads, ("",) * len(words))


def _aligned(graph: Amr, words: Sequence[str]) -> Amr:
    """With the words that each concept is a form of, where the file does not say."""
    if any(graph.tokens.values()):
        count = len(words)
        tokens = {v: tuple(i for i in t if i < count) for v, t in graph.tokens.items()}
        return dataclasses.replace(graph, tokens=tokens)
    return alignment.aligned(graph, words)


def is_penman(text: str) -> bool:
    """Whether a text begins as PENMAN does: `# ::id` or `(b / `."""
    lines = [line.strip() for line in text.splitlines() if line.strip()][:20]
    if not lines:
        return False
    graph = next((line for line in lines if not line.startswith("#")), "")
    head = graph[1:].split("/")[0].strip()
    return graph.startswith("(") and "/" in graph and len(head.split()) == 1
