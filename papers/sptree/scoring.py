"""What a network says of sentences, and how much of it is right.

An entity is right if its words and its kind are. A relation is right if its type, its
direction and both entities are: one on a wrong entity is wrong, and the right one is
missed.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from papers.sptree import bilou
from papers.sptree.config import Config
from papers.sptree.corpus import corpus
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Entity,
    Relation,
)
from papers.sptree.vocabulary import Vocabulary

Sentences = Sequence[AnnotatedSentence]


def read(
    config: Config, outputs: Mapping[str, Any], sentences: Sentences, seed: int
) -> list[AnnotatedSentence]:
    """The sentences with the entities and relations of one seed's `train.answers`,
    row by row."""
    vocabulary = corpus(config).vocabulary
    labels = np.asarray(outputs["labels"])[:, seed]
    given = sentences if config.model.entities == "given" else [None] * len(labels)
    pairs = [()] * len(labels)
    if "pairs" in outputs:
        pairs = np.asarray(outputs["pairs"])[:, seed]
    return [
        said(sentence, vocabulary, *row)
        for sentence, *row in zip(sentences, labels, pairs, given, strict=True)
    ]


def said(
    sentence: AnnotatedSentence,
    vocabulary: Vocabulary,
    labels: Sequence[int],
    pairs: Sequence[Sequence[int]],
    given: AnnotatedSentence | None = None,
) -> AnnotatedSentence:
    """The sentence with what labels and pairs say, instead of its own annotation. Of
    `given`, where it is not None, the entities are taken."""
    spans = bilou.decode(labels[: len(sentence.parsed)])
    entities = tuple(Entity(a, b, vocabulary.kinds[kind]) for a, b, kind in spans)
    if given is not None:
        entities = given.entities
    by_end = {entity.end - 1: i for i, entity in enumerate(entities)}
    relations = []
    for first, last, value in pairs:
        if value <= 0:
            continue
        number, backwards = divmod(int(value) - 1, 2)
        ends = by_end[int(first)], by_end[int(last)]
        head, tail = ends[::-1] if backwards else ends
        relations.append(Relation(vocabulary.relations[number], head, tail))
    return dataclasses.replace(sentence, entities=entities, relations=tuple(relations))


@dataclasses.dataclass(frozen=True)
class Counts:
    """Items by their type: right ones, predicted ones, those in the data."""

    hits: Counter
    predicted: Counter
    gold: Counter

    @property
    def precision(self) -> float:
        return self.hits.total() / max(self.predicted.total(), 1)

    @property
    def recall(self) -> float:
        return self.hits.total() / max(self.gold.total(), 1)

    @property
    def f1(self) -> float:
        """Micro F1: of all types together."""
        return _f1(self.hits.total(), self.predicted.total(), self.gold.total())

    @property
    def macro_f1(self) -> float:
        """The mean over the types of the data."""
        each = [
            _f1(self.hits[kind], self.predicted[kind], self.gold[kind])
            for kind in self.gold
        ]
        return float(np.mean(each)) if each else 0.0


def _f1(hits: int, predicted: int, gold: int) -> float:
    return 2 * hits / max(predicted + gold, 1)


@dataclasses.dataclass(frozen=True)
class Score:
    entities: Counts
    relations: Counts


def score(gold: Sentences, predicted: Sentences) -> Score:
    """The counts over all sentences."""
    return Score(
        *(_counts(gold, predicted, items) for items in (_entities, _relations))
    )


def _counts(gold: Sentences, predicted: Sentences, items) -> Counts:
    totals = Counts(Counter(), Counter(), Counter())
    for right, said_of_it in zip(gold, predicted, strict=True):
        wanted, found = items(right), items(said_of_it)
        totals.hits.update(x[-1] for x in wanted & found)
        totals.predicted.update(x[-1] for x in found)
        totals.gold.update(x[-1] for x in wanted)
    return totals


def _entities(sentence: AnnotatedSentence) -> set[tuple]:
    return {(e.start, e.end, e.kind) for e in sentence.entities}


def _relations(sentence: AnnotatedSentence) -> set[tuple]:
    e = sentence.entities
    return {(e[r.head], e[r.tail], r.kind) for r in sentence.relations}
