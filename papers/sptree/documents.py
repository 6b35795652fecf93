"""What a user gives to `predict`: a text, files of text, a treebank, tokens."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from common.contract import UserError
from common.data import conllu
from common.files import texts
from common.files.inputs import named
from common.text import parses, sentences
from papers.sptree.config import Config
from papers.sptree.corpus import corpus
from papers.sptree.sources import layout, semeval, spert
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Dropped,
    Entity,
)

FORM = "a text, a .txt file or a folder of them, a .conllu file, or SpERT's .json"
GIVEN_FORM = (
    "this run relates entities that are given: give SpERT's .json with entities, or, "
    "where training had one kind of them, a sentence with <e1>...</e1> and "
    "<e2>...</e2>, one a line"
)


class Document(NamedTuple):
    """A text and its sentences; "" where there is none, as of CoNLL-U."""

    name: str
    text: str
    sentences: tuple[AnnotatedSentence, ...]


class Reading(NamedTuple):
    path: Path | None  # None: the input was the text itself
    documents: tuple[Document, ...]
    notes: tuple[str, ...]  # what was left out, who made the trees


def read(config: Config, inputs: str) -> Reading:
    """What `inputs` names, as `FORM` or, of given entities, `GIVEN_FORM` says.

    UserError: nothing is there to read, or entities are not given, or are of a kind
    that training had not."""
    path = named(inputs, FORM)
    unread: list[str] = []
    documents = tuple(_documents(config, path, inputs, unread))
    if not any(document.sentences for document in documents):
        raise UserError(f"--input={inputs[:60]!r} has no words: give {FORM}")
    notes = [f"left out: {why}" for why in unread]
    if path is None or path.suffix != ".conllu":
        notes.append(parses.said(config.predict.parser))
    if path is not None and path.suffix == ".json":
        notes[-1] += ", where a sentence has no heads"
    if config.model.entities == "given":
        _check_kinds(config, documents)
    return Reading(path, documents, tuple(notes))


def _check_kinds(config: Config, documents: tuple[Document, ...]) -> None:
    known = corpus(config).vocabulary.kinds
    for document in documents:
        for sentence in document.sentences:
            for entity in sentence.entities:
                if entity.kind not in known:
                    raise UserError(
                        f"{sentence.name} has an entity of kind {entity.kind!r}: this "
                        f"run knows {', '.join(known)}"
                    )


def _documents(
    config: Config, path: Path | None, inputs: str, unread: list[str]
) -> Iterator[Document]:
    """The documents; what cannot be read of a folder's is said in `unread`."""
    if path is None:
        yield _of_text(config, "input", inputs)
    elif path.suffix == ".conllu":
        yield from _of_treebank(config, path)
    elif path.suffix == ".json":
        trees = layout.Trees(parser=config.predict.parser)
        dropped = Dropped()
        found = tuple(spert.sentences(path, trees, dropped))
        if config.model.entities == "given" and dropped.entities:
            unread.append(str(Dropped(dropped.entities)))
        yield Document(path.stem, "", found)
    else:
        for file in _text_files(path):
            try:
                text = texts.read(file).decode()
            except (OSError, UserError) as error:
                if not path.is_dir():
                    raise
                unread.append(str(error))
                continue
            yield _of_text(config, file.name, text)


def _text_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(p for p in path.glob("*.txt") if p.is_file() and p.name[0] != ".")
    if not files:
        raise UserError(f"--input={str(path)!r} has no .txt file")
    return files


def _of_treebank(config: Config, path: Path) -> Iterator[Document]:
    if config.model.entities == "given":
        raise UserError(GIVEN_FORM)
    for document in conllu.read(path):
        found = [
            AnnotatedSentence(parsed, (), (), f"{document.name}/{i}")
            for i, parsed in enumerate(document.sentences, start=1)
        ]
        yield Document(document.name, "", tuple(found))


def _of_text(config: Config, name: str, text: str) -> Document:
    parse = parses.parser(config.predict.parser)
    if config.model.entities == "given":
        return Document(name, "", tuple(_marked(config, name, text, parse)))
    found = []
    for i, words in enumerate(sentences.split(text), start=1):
        parsed = parse([word.text for word in words])
        spans = tuple((word.start, word.end) for word in words)
        parsed = dataclasses.replace(parsed, spans=spans)
        found.append(AnnotatedSentence(parsed, (), (), f"{name}/{i}"))
    return Document(name, text, tuple(found))


def _marked(
    config: Config, name: str, text: str, parse: parses.Parser
) -> Iterator[AnnotatedSentence]:
    """The sentences of lines with two marked entities, of the one kind there is."""
    kind, *others = corpus(config).vocabulary.kinds
    if others or "<e1>" not in text:
        raise UserError(GIVEN_FORM)
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"{name}, line {number}"
            words, spans = semeval.marked(line, where)
            ends = sorted(spans.values())
            if ends[0][1] > ends[1][0]:
                raise UserError(f"{where}: the two entities share words")
            entities = tuple(Entity(*span, kind) for span in ends)
            yield AnnotatedSentence(parse(words), entities, (), f"{name}/{number}")
