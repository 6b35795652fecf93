"""Documents with their trees, graphs and reference summaries, from what there is."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from common.contract import UserError
from common.files import storage, texts
from common.text import parses, sentences
from common.text.parses import Parsed
from papers.amr_summarization import amr as penman
from papers.amr_summarization.amr import Amr
from papers.amr_summarization.document_graph import Spot
from papers.amr_summarization.rules import graph_of
from papers.amr_summarization.small_words import SMALL_WORDS

GraphOf = Callable[[Parsed], Amr]  # a parser to AMR

# A longer "sentence" is cut: no parser is made for it, and it is no sentence.
LONGEST = 200

# English prose has two small words in five; other languages share a few of them.
SMALL_SHARE = 0.15
FEW_WORDS = 8  # shorter texts are not judged


@dataclasses.dataclass(frozen=True)
class Document:
    """sentences: with their trees; where only graphs were given, words without arcs.
    clusters: words that name the same thing, if the source says so.
    references: summaries that people wrote; reference_graphs: their graphs, if given.
    """

    name: str
    sentences: tuple[Parsed, ...]
    graphs: tuple[Amr, ...]
    clusters: tuple[tuple[Spot, ...], ...] | None = None
    references: tuple[str, ...] = ()
    reference_graphs: tuple[tuple[Amr, ...], ...] = ()
    guessed: bool = True  # the kinds of names are what rules guess

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def has_trees(self) -> bool:
        return any(any(parsed.arcs) for parsed in self.sentences)


def parsed(text: str, parser: parses.Parser) -> tuple[Parsed, ...]:
    """The sentences of a text with their trees and their words' places in it."""
    found = []
    for words in sentences.split(text):
        for start in range(0, len(words), LONGEST):
            part = words[start : start + LONGEST]
            tree = parser([word.text for word in part])
            spans = tuple((word.start, word.end) for word in part)
            found.append(dataclasses.replace(tree, spans=spans))
    return tuple(found)


def of_text(
    name: str,
    text: str,
    parser: parses.Parser,
    graph_of: GraphOf = graph_of,
    references: Iterable[str] = (),
    most: int = 0,
) -> Document:
    """A document of plain text; of its first `most` sentences (0: all). UserError: it
    has no words, or is not English."""
    found = parsed(text, parser)
    found = found[:most] if most else found
    check_language(name, found)
    graphs = tuple(graph_of(tree) for tree in found)
    return Document(name, found, graphs, None, tuple(references))


def check_language(name: str, found: Sequence[Parsed]) -> None:
    """UserError: no words; or so few of English's small words ("the", "of", "is") that
    the text must be in another language, for which there are no rules."""
    words = [w.lower() for p in found for w in p.words if any(map(str.isalpha, w))]
    if not words:
        raise UserError(f"{name} has no words: give a text in English")
    letters = "".join(words)
    latin = sum(letter.isascii() for letter in letters)
    small = sum(word in SMALL_WORDS for word in words)
    few = len(words) >= FEW_WORDS and small < SMALL_SHARE * len(words)
    if few or 2 * latin < len(letters):
        raise UserError(
            f"{name} is not English, it seems: {small} of its {len(words)} words are "
            "among English's commonest. There are rules for English alone"
        )


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
    from papers.amr_summarization import graph_text

    told = block.metadata.get("snt", "").split()
    if "tok" in block.metadata:
        told = block.metadata["tok"].split()
    elif told and not any(graph.tokens.values()):
        told = [word.text for word in sentences.words(" ".join(told))]
    return told[:LONGEST] or graph_text.words(graph)


def _untied(words: Sequence[str]) -> Parsed:
    """Words without a tree, tagged as nouns are."""
    from common.text import tagging

    heads = tuple(i - 1 for i in range(len(words))) or (-1,)
    words = tuple(words) or ("",)
    return Parsed(words, tagging.tags(words), heads, ("",) * len(words))


def _aligned(graph: Amr, words: Sequence[str]) -> Amr:
    """With the words that each concept is a form of, where the file does not say."""
    if any(graph.tokens.values()):
        count = len(words)
        tokens = {v: tuple(i for i in t if i < count) for v, t in graph.tokens.items()}
        return dataclasses.replace(graph, tokens=tokens)
    from papers.amr_summarization import alignment

    return alignment.aligned(graph, words)


def of_conllu(path: Path, graph_of: GraphOf = graph_of) -> tuple[Document, ...]:
    """The documents of CoNLL-U files: trees, summaries and coreference, as GUM has
    them. UserError: as of `common.data.conllu.read`."""
    from common.data import conllu

    return tuple(_of_treebank(found, graph_of) for found in conllu.read(path))


def _of_treebank(found, graph_of: GraphOf) -> Document:
    from common.data import conllu

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


@functools.lru_cache(4)
def wikipedia(parser: str, most: int, articles: int) -> tuple[Document, ...]:
    """Wikipedia's articles inside gensim: the body is the document, the section before
    the first heading its summary. Of each body the first `most` sentences; of the
    articles the first so many (0: all)."""
    from common.data import wiki_articles

    found = []
    for article in wiki_articles.articles():
        if article.lead and len(article.body.split()) > 100:
            made = of_text(
                article.title,
                article.body,
                parses.parser(parser),
                references=(article.lead,),
                most=most,
            )
            found.append(made)
        if articles and len(found) == articles:
            break
    return tuple(found)


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
    """By the file's ending: .conllu; .penman, .amr and what begins with # :: or a
    bracket are PENMAN; others are plain text."""
    if path.suffix == ".conllu":
        return [*of_conllu(path, graph_of)]
    text = texts.read(path).decode()
    if path.suffix in (".penman", ".amr") or is_penman(text):
        return [*of_penman(path.name, text, parser)]
    return [of_text(path.name, text, parser, graph_of)]


def is_penman(text: str) -> bool:
    """Whether a text begins as PENMAN does: `# ::id` or `(b / `."""
    lines = [line.strip() for line in text.splitlines() if line.strip()][:20]
    if not lines:
        return False
    graph = next((line for line in lines if not line.startswith("#")), "")
    head = graph[1:].split("/")[0].strip()
    return graph.startswith("(") and "/" in graph and len(head.split()) == 1
