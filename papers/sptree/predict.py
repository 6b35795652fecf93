"""Entities and relations of what a user gives: `documents` has its forms."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from common.config import changed
from common.contract import Table, UserError
from common.files import outputs
from common.host import to_host
from common.text import parses
from papers.sptree import data, figures, scoring, train
from papers.sptree.config import Config
from papers.sptree.corpus import corpus, encode
from papers.sptree.documents import Document, read
from papers.sptree.sources import brat, spert
from papers.sptree.sources.annotated_sentence import AnnotatedSentence
from papers.sptree.train import State

Values = Iterator[str | tuple[str, Any]]
ROWS = 8  # sentences of a batch
MOST_ENTITIES = 16  # of a sentence
MOST_WORDS = 512  # of a sentence
LONGEST_PATH = 24  # words of each side of a path
DEEPEST = 48  # levels of subtree and fulltree


def predict(config: Config, state: State, inputs: str) -> Values:
    """Yields tables of the entities and of the relations, and the tree of the sentence
    with the most relations, its paths coloured. Of files it also writes what it found
    to `predict.out`, or beside them: NAME.pred.ann, as brat has it, and NAME.pred.json.

    inputs: as `documents.FORM` says; a run of given entities reads them there. The
    first of the config's seeds answers.
    UserError: nothing is there to read, or the run finds entities alone.
    """
    if config.learning.task == "entities":
        raise UserError(
            "this run finds entities and no relations: take another, such as "
            "--run=sptree"
        )
    path, documents, notes = read(config, inputs)
    for note in notes:
        yield f"{note}\n"
    answers = _answers(config, state, documents)
    if jax.process_index() == 0:
        yield from _shown(config, path, documents, answers)


class Answer(NamedTuple):
    sentence: AnnotatedSentence
    sure: dict[tuple[int, int], float]  # by both entities' numbers
    lost: int  # entities that were not paired
    far: int  # pairs whose path is too long


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
            "data.path": LONGEST_PATH,
            "data.levels": DEEPEST,
            "data.buckets": tuple(buckets),
            "seeds": 1,
        },
    )
    # Tables have the sizes of training, whatever the caps are here.
    net = train.network(config)
    params = train.predicted_params(state)
    params = jax.tree.map(lambda x: x[0], params)
    step = jax.jit(partial(train.answer, own, net))
    source = data.Bucketed(encoded, buckets, ROWS, columns=data.columns(config))
    for number in range(len(source)):
        batch = source[number]
        answers = to_host(step(params, batch))
        for place, row in enumerate(batch["row"]):
            if row != data.NO_ROW:
                one = {name: np.asarray(x)[place] for name, x in answers.items()}
                found[row] = _answer(config, every[row], one)
    return found


def _answer(config: Config, sentence: AnnotatedSentence, one: dict) -> Answer:
    given = sentence if config.model.entities == "given" else None
    said = scoring.said(
        sentence, corpus(config).vocabulary, one["labels"], one["pairs"], given
    )
    by_end = {entity.end - 1: i for i, entity in enumerate(said.entities)}
    sure = {}
    for (first, last, value), p in zip(one["pairs"], one["sure"], strict=True):
        if value > 0:
            ends = by_end[int(first)], by_end[int(last)]
            sure[ends] = sure[ends[::-1]] = float(p)
    return Answer(said, sure, int(one["lost"]), int(one["far"]))


def _shown(
    config: Config,
    path: Path | None,
    documents: Sequence[Document],
    answers: Sequence[Answer | None],
) -> Values:
    entities = []
    relations = []
    at = 0
    stems = outputs.stems([d.name.removesuffix(".txt") for d in documents])
    for stem, document in zip(stems, documents, strict=True):
        own = answers[at : at + len(document.sentences)]
        at += len(own)
        kept = [answer for answer in own if answer is not None]
        for answer in kept:
            e, r = _rows(document, answer)
            entities += e
            relations += r
        if path is not None:
            yield from _files(config, path, stem, document, kept)
    note = _note(config, answers)
    yield "Entities", Table(("text", "entity", "kind", "start", "end"), entities, note)
    columns = ("text", "head", "relation", "tail", "probability")
    yield "Relations", Table(columns, relations, note)
    said = [answer.sentence for answer in answers if answer is not None]
    drawn = [s for s in said if len(s.parsed) <= figures.MOST_WORDS]
    if drawn:
        yield "Tree", figures.tree(max(drawn, key=lambda s: len(s.relations)))


def _note(config: Config, answers: Sequence[Answer | None]) -> str:
    """What lies beyond the caps and the training set; "" where nothing does."""
    structure = config.model.structure
    kept = [answer for answer in answers if answer is not None]
    far = sum(answer.far for answer in kept) if structure != "none" else 0
    deep = 0
    if structure in ("subtree", "fulltree"):
        trees = [answer.sentence.parsed.heads for answer in kept]
        deep = sum(max(parses.depths(heads)) >= DEEPEST for heads in trees)
    counts = {
        f"sentence(s) of more than {MOST_WORDS} words left out": len(answers)
        - len(kept),
        f"entities beyond {MOST_ENTITIES} a sentence not paired": sum(
            answer.lost for answer in kept
        ),
        f"pair(s) with more than {LONGEST_PATH} words on a side of their path were "
        "told as if they had none": far,
        f"sentence(s) with a tree of more than {DEEPEST} levels, whose deepest words "
        "were not read": deep,
    }
    found = [f"{count} {what}" for what, count in counts.items() if count]
    if structure != "none":
        found += _unknown_arcs(config, kept)
    return "; ".join(found)


def _unknown_arcs(config: Config, answers: Sequence[Answer]) -> list[str]:
    """A line, where the parser has names of arcs that training's trees had not."""
    known = corpus(config).vocabulary.numbers["arcs"]
    arcs = Counter(arc for a in answers for arc in a.sentence.parsed.arcs if arc)
    unknown = Counter({arc: n for arc, n in arcs.items() if arc not in known})
    if not unknown:
        return []
    ((name, _),) = unknown.most_common(1)
    return [
        f"{unknown.total()} of {arcs.total()} arcs have names that training had not, "
        f"such as {name}"
    ]


def _rows(document: Document, answer: Answer) -> tuple[list[list], list[list]]:
    """Rows of both tables. Places are characters of the text; without one, words of the
    sentence, which is named then."""
    sentence = answer.sentence
    name = document.name if document.text else sentence.name
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
        entities.append([name, text(i), entity.kind, *place])
    relations = [
        [name, text(r.head), r.kind, text(r.tail), answer.sure[r.head, r.tail]]
        for r in sentence.relations
    ]
    return entities, relations


def _files(
    config: Config,
    root: Path,
    stem: str,
    document: Document,
    answers: Sequence[Answer],
) -> Values:
    """Writes STEM.pred.json, in SpERT's layout, and of a text STEM.pred.ann. Yields the
    paths of both."""
    name = f"{stem}.pred.json"
    out = config.predict.out
    beside = root if root.is_dir() else root.parent
    path = outputs.within(out, root, name) if out else beside / name
    said = [answer.sentence for answer in answers]
    yield path.name, outputs.write(path, spert.written(said).encode())
    if document.text:
        path = path.with_suffix(".ann")
        found = brat.written(said, document.text)
        yield path.name, outputs.write(path, found.encode())
