"""The documents that summaries are measured on."""

import dataclasses
from pathlib import Path

from common.contract import UserError
from common.text import parses
from papers.amr_summarization import document_files, documents, measure, toy
from papers.amr_summarization.config import Config
from papers.amr_summarization.documents import Document
from papers.amr_summarization.measure import Reference


@dataclasses.dataclass(frozen=True)
class Material:
    """Documents with what people wrote of them."""

    documents: tuple[Document, ...]
    references: tuple[tuple[Reference, ...], ...]
    said_in: str  # where they are from

    def summarised(self) -> "Material":
        """The documents that have references."""
        pairs = zip(self.documents, self.references, strict=True)
        kept = [(d, r) for d, r in pairs if r]
        return Material(
            tuple(d for d, _ in kept), tuple(r for _, r in kept), self.said_in
        )


def of(config: Config) -> Material:
    """The documents of `config.eval`; those without summaries have no references.
    UserError: none has one, and none came with graphs."""
    e = config.eval
    if e.documents == "toy":
        made = toy.made()
        said = "three small documents"
    elif e.documents == "wikipedia":
        made = documents.wikipedia(e.trees, e.length, e.most)
        said = "Wikipedia's articles inside gensim"
    else:
        made = _files(config)
        said = Path(e.root).name
    made = made[: e.most or None]
    if not any(d.references or not d.guessed for d in made):
        raise UserError(
            f"config.eval.root={e.root!r} has no summaries: give CoNLL-U with lines "
            "# meta::summary, or PENMAN with ::snt-type summary"
        )
    return Material(made, tuple(_references(config, d) for d in made), said)


def _references(config: Config, document: Document) -> tuple[Reference, ...]:
    """With the graphs that came with them, else by rules."""
    e = config.eval
    if document.reference_graphs:
        pairs = zip(document.references, document.reference_graphs, strict=True)
        return tuple(measure.given_reference(text, graphs) for text, graphs in pairs)
    return tuple(
        measure.reference(text, e.trees, e.reference_words)
        for text in document.references
    )


def _files(config: Config) -> tuple[Document, ...]:
    root = Path(config.eval.root).expanduser()
    if not config.eval.root or not root.exists():
        raise UserError(
            f"config.eval.root={config.eval.root!r} does not exist: give a file or a "
            "folder of CoNLL-U or PENMAN with summaries"
        )
    return tuple(document_files.given(root, parses.parser(config.eval.trees)).documents)
