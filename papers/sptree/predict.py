"""Entities and relations of a user's text, folder of texts, or CoNLL-U file."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from common.config import changed
from common.contract import Table, UserError
from common.data import conllu
from common.files import outputs, texts
from common.files.inputs import may_be_path
from common.host import to_host
from common.text import parses, sentences
from papers.sptree import data, figures, scoring, train
from papers.sptree.config import Config
from papers.sptree.corpus import corpus, encode
from papers.sptree.sources import brat
from papers.sptree.sources.annotated_sentence import AnnotatedSentence
from papers.sptree.train import State

Values = Iterator[str | tuple[str, Any]]
ROWS = 8  # sentences of a batch
MOST_ENTITIES = 16  # of a sentence
MOST_WORDS = 512  # of a sentence
FORM = "a text, a .txt file or a folder of them, or a .conllu file"


class Document(NamedTuple):
    """A text and its sentences; "" where there is none, as of CoNLL-U."""

    name: str
    text: str
    sentences: tuple[AnnotatedSentence, ...]


def predict(config: Config, state: State, inputs: str) -> Values:
    """Yields tables of the entities and of the relations, and the tree of the sentence
    with the most relations, its paths coloured. Of files it also writes what it found
    to `predict.out`, or beside them: NAME.pred.ann, as brat has it, and NAME.pred.json.

    inputs: as `FORM` says. The first of the config's seeds answers.
    UserError: nothing is there to read, or the run reads given entities.
    """
    if config.model.entities == "given" or config.learning.task == "entities":
        raise UserError(
            "this run does not find both entities and relations: take another, such as "
            "--run=sptree"
        )
    path = _path(inputs)
    unread: list[str] = []
    documents = list(_documents(config, path, inputs, unread))
    for why in unread:
        yield f"left out: {why}\n"
    if not any(document.sentences for document in documents):
        raise UserError(f"--input={inputs[:60]!r} has no words: give {FORM}")
    if path is None or path.suffix != ".conllu":
        yield f"trees by {parses.chosen(config.predict.parser)}\n"
    answers = _answers(config, state, documents)
    if jax.process_index() == 0:
        yield from _shown(config, path, documents, answers)


def _path(inputs: str) -> Path | None:
    """The file or folder that is named; None: `inputs` is the text itself."""
    if not inputs.strip():
        raise UserError(f"--input={inputs!r} is empty: give {FORM}")
    if not may_be_path(inputs):
        return None
    path = Path(inputs).expanduser()
    if path.exists():
        return path
    if path.suffix in (".txt", ".conllu") and " " not in inputs.strip():
        raise UserError(f"--input={inputs!r} does not exist: give {FORM}")
    return None


def _documents(
    config: Config, path: Path | None, inputs: str, unread: list[str]
) -> Iterator[Document]:
    """The texts; what cannot be read of a folder's is said in `unread`."""
    parse = parses.parser(config.predict.parser)
    if path is None:
        yield _document("input", inputs, parse)
        return
    if path.suffix == ".conllu":
        for document in conllu.read(path):
            found = [
                AnnotatedSentence(parsed, (), (), f"{document.name}/{i}")
                for i, parsed in enumerate(document.sentences)
            ]
            yield Document(document.name, "", tuple(found))
        return
    files = [path]
    if path.is_dir():
        files = sorted(
            p for p in path.glob("*.txt") if p.is_file() and p.name[0] != "."
        )
        if not files:
            raise UserError(f"--input={str(path)!r} has no .txt file")
    for file in files:
        try:
            text = texts.read(file).decode()
        except (OSError, UserError) as error:
            if not path.is_dir():
                raise
            unread.append(str(error))
            continue
        yield _document(file.name, text, parse)


def _document(name: str, text: str, parse: parses.Parser) -> Document:
    found = []
    for i, words in enumerate(sentences.split(text)):
        parsed = parse([word.text for word in words])
        spans = tuple((word.start, word.end) for word in words)
        parsed = dataclasses.replace(parsed, spans=spans)
        found.append(AnnotatedSentence(parsed, (), (), f"{name}/{i}"))
    return Document(name, text, tuple(found))


class Answer(NamedTuple):
    sentence: AnnotatedSentence
    sure: dict[tuple[int, int], float]  # by both entities' numbers
    lost: int  # entities that were not paired


def _answers(
    config: Config, state: State, documents: Sequence[Document]
) -> list[Answer | None]:
    """What the network says of all sentences, in order; None where one is too long."""
    vocabulary = corpus(config).vocabulary
    every = [s for document in documents for s in document.sentences]
    encoded = [encode(sentence, vocabulary) for sentence in every]
    found: list[Answer | None] = [None] * len(every)
    if min(map(len, encoded)) > MOST_WORDS:
        return found
    longest = min(max(map(len, encoded)), MOST_WORDS)
    buckets = [16]
    while buckets[-1] < longest:
        buckets.append(2 * buckets[-1])
    own = changed(
        config,
        {
            "data.entities": MOST_ENTITIES,
            "data.path": 24,
            "data.levels": 48,
            "data.buckets": tuple(buckets),
            "seeds": 1,
        },
    )
    # Tables have the sizes of training, whatever the caps are here.
    net = train.network(config)
    params = train.predicted_params(state)
    params = jax.tree.map(lambda x: x[0], params)
    step = jax.jit(partial(train.answer, own, net))
    source = data.Bucketed(encoded, buckets, ROWS)
    for number in range(len(source)):
        batch = source[number]
        answers = to_host(step(params, batch))
        for place, row in enumerate(batch["row"]):
            if row != data.NO_ROW:
                one = {name: np.asarray(x)[place] for name, x in answers.items()}
                found[row] = _answer(every[row], vocabulary, one)
    return found


def _answer(sentence: AnnotatedSentence, vocabulary, one: dict) -> Answer:
    said = scoring.said(sentence, vocabulary, one["labels"], one["pairs"])
    by_end = {entity.end - 1: i for i, entity in enumerate(said.entities)}
    sure = {}
    for (first, last, value), p in zip(one["pairs"], one["sure"], strict=True):
        if value > 0:
            ends = by_end[int(first)], by_end[int(last)]
            sure[ends] = sure[ends[::-1]] = float(p)
    return Answer(said, sure, int(one["lost"]))


def _shown(
    config: Config,
    path: Path | None,
    documents: Sequence[Document],
    answers: Sequence[Answer | None],
) -> Values:
    entities = []
    relations = []
    skipped = 0
    lost = 0
    at = 0
    for document in documents:
        own = answers[at : at + len(document.sentences)]
        at += len(own)
        kept = [answer for answer in own if answer is not None]
        skipped += len(own) - len(kept)
        lost += sum(answer.lost for answer in kept)
        for answer in kept:
            e, r = _rows(document, answer)
            entities += e
            relations += r
        if path is not None:
            _write(config, path, document, kept)
    notes = []
    if skipped:
        notes.append(f"{skipped} sentence(s) of more than {MOST_WORDS} words left out")
    if lost:
        notes.append(f"{lost} entities beyond {MOST_ENTITIES} a sentence not paired")
    note = "; ".join(notes)
    yield "Entities", Table(("text", "entity", "kind", "start", "end"), entities, note)
    columns = ("text", "head", "relation", "tail", "probability")
    yield "Relations", Table(columns, relations, note)
    said = [answer.sentence for answer in answers if answer is not None]
    drawn = [s for s in said if len(s.parsed) <= figures.MOST_WORDS]
    if drawn:
        yield "Tree", figures.tree(max(drawn, key=lambda s: len(s.relations)))


def _rows(document: Document, answer: Answer) -> tuple[list[list], list[list]]:
    """Rows of both tables. Places are characters of the text; without one, words."""
    sentence = answer.sentence
    spans = sentence.parsed.spans

    def text(i: int) -> str:
        entity = sentence.entities[i]
        if spans is not None and document.text:
            start, end = spans[entity.start][0], spans[entity.end - 1][1]
            return " ".join(document.text[start:end].split())
        return " ".join(sentence.parsed.words[entity.start : entity.end])

    entities = []
    for i, entity in enumerate(sentence.entities):
        place = [entity.start, entity.end]
        if spans is not None:
            place = [spans[entity.start][0], spans[entity.end - 1][1]]
        entities.append([document.name, text(i), entity.kind, *place])
    relations = [
        [document.name, text(r.head), r.kind, text(r.tail), answer.sure[r.head, r.tail]]
        for r in sentence.relations
    ]
    return entities, relations


def _write(
    config: Config, root: Path, document: Document, answers: Sequence[Answer]
) -> None:
    """NAME.pred.json, in SpERT's layout, and of a text NAME.pred.ann."""
    name = f"{document.name.removesuffix('.txt')}.pred.json"
    out = config.predict.out
    beside = (root if root.is_dir() else root.parent) / name
    path = outputs.target(out, root, name) if out else beside
    said = [answer.sentence for answer in answers]
    items = [
        {
            "tokens": [*s.parsed.words],
            "entities": [
                {"type": e.kind, "start": e.start, "end": e.end} for e in s.entities
            ],
            "relations": [
                {"type": r.kind, "head": r.head, "tail": r.tail} for r in s.relations
            ],
        }
        for s in said
    ]
    files = {path: json.dumps(items, ensure_ascii=False, indent=1)}
    if document.text:
        files[path.with_suffix(".ann")] = brat.written(said, document.text)
    for place, text in files.items():
        try:
            place.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UserError(f"{place} not written: {error}") from error
