"""A corpus as the network reads it: each sentence's numbers, and what is lost on the
way."""

import dataclasses
import functools
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int

from common.contract import UserError
from common.text import parses, spelling
from papers.sptree import bilou, generated, sources, word_vectors
from papers.sptree.config import Config, Data
from papers.sptree.sources.annotated_sentence import AnnotatedSentence, Dropped
from papers.sptree.sources.layout import Read
from papers.sptree.vocabulary import Sizes, Vocabulary
from papers.sptree.written_facts import written

SPLITS = ("train", "valid", "test")
READ_LATER = ("batch_size",)  # fields of `Data` that do not change the corpus


@dataclasses.dataclass(frozen=True)
class Encoded:
    """A sentence in numbers."""

    spelled: tuple[str, ...]  # the words as they are written
    word: Int[np.ndarray, "words"]
    tag: Int[np.ndarray, "words"]
    arc: Int[np.ndarray, "words"]
    parent: Int[np.ndarray, "words"]
    label: Int[np.ndarray, "words"]
    relations: Int[np.ndarray, "relations 3"]  # both last words in order, the class

    def __len__(self) -> int:
        return len(self.word)

    @functools.cached_property
    def piece(self) -> Int[np.ndarray, "words pieces"]:
        return np.array([spelling.pieces(word) for word in self.spelled], np.int32)


@dataclasses.dataclass(frozen=True)
class Corpus:
    """The splits, the vocabulary of the training set, and what no network can find."""

    about: str  # what it is, in a line
    sentences: Mapping[str, tuple[AnnotatedSentence, ...]]
    dropped: Mapping[str, Dropped]  # what the reader left out, by split
    vocabulary: Vocabulary
    encoded: Mapping[str, tuple[Encoded, ...]]
    lost: Mapping[str, Counter]  # by split: {reason: count}


def corpus(config: Config) -> Corpus:
    """The corpus that `config.data` names; a process reads it once and keeps it."""
    values = {k: v for k, v in vars(config.data).items() if k not in READ_LATER}
    return _corpus(config.seed, tuple(values.items()))


@functools.cache
def _corpus(seed: int, values: tuple) -> Corpus:
    data = Data(**dict(values))
    found = _read(data, seed)
    vectors = word_vectors.read(data.vectors) if data.vectors else {}
    vocabulary = Vocabulary.of(
        found.sentences["train"],
        data.min_count,
        # A vector makes a word of any split known. It tells nothing of labels.
        vectors.keys() & _words(found.sentences),
    )
    encoded = {
        split: tuple(encode(sentence, vocabulary) for sentence in sentences)
        for split, sentences in found.sentences.items()
    }
    lost = {
        split: _lost(sentences, vocabulary, data)
        for split, sentences in found.sentences.items()
    }
    return Corpus(
        found.about, found.sentences, found.dropped, vocabulary, encoded, lost
    )


def _words(splits: Mapping[str, Sequence[AnnotatedSentence]]) -> set[str]:
    return {
        word.lower()
        for sentences in splits.values()
        for sentence in sentences
        for word in sentence.parsed.words
    }


def _read(data: Data, seed: int) -> Read:
    if data.source not in ("written", "generated"):
        return sources.read(data.source, data.root, data.trees, data.parser)
    if data.source == "generated":
        found = {split: generated.sentences(split, seed) for split in SPLITS}
        about = "Generated sentences"
    else:
        counts = zip(SPLITS, data.sentences, strict=True)
        most = {"entities": data.entities, "words": max(data.buckets)}
        found = {split: written(split, n, seed, **most) for split, n in counts}
        about = (
            "Real facts of Wikidata's films in sentences that a grammar writes, with "
            "exact trees; the splits share no film and no person"
        )
    return Read(found, {split: Dropped() for split in found}, about)


def sizes(config: Config) -> Sizes:
    """Rows of the tables: those that the config says, else those of the training set,
    which is read then. UserError: as of `check_sizes`."""
    said = _said(config)
    if all(said):
        return said
    check_sizes(config)
    found = corpus(config).vocabulary.sizes
    return Sizes(*(a or b for a, b in zip(said, found, strict=True)))


def check_sizes(config: Config) -> None:
    """UserError: the training set has more than the config says."""
    found = corpus(config).vocabulary.sizes
    for name, most, count in zip(Sizes._fields, _said(config), found, strict=True):
        if most and count > most:
            raise UserError(
                f"config.data.{name}={most}: the training set has {count}; 0 takes all"
            )


def _said(config: Config) -> Sizes:
    d = config.data
    return Sizes(d.words, d.tags, d.arcs, d.kinds, d.relations)


def encode(sentence: AnnotatedSentence, vocabulary: Vocabulary) -> Encoded:
    """A sentence in numbers, without entities and relations that have none."""
    parsed = sentence.parsed
    numbers = vocabulary.numbers
    columns = {
        "words": [word.lower() for word in parsed.words],
        "tags": parsed.tags,
        "arcs": parsed.arcs,
    }
    word, tag, arc = (
        np.array([vocabulary.number(field, x) for x in names], np.int32)
        for field, names in columns.items()
    )
    kinds = numbers["kinds"]
    spans = [
        (e.start, e.end, kinds[e.kind]) for e in sentence.entities if e.kind in kinds
    ]
    parent = np.array(parsed.heads, np.int32)
    label = bilou.encode(spans, len(parsed))
    related = _relations(sentence, numbers)
    return Encoded(parsed.words, word, tag, arc, parent, label, related)


def _relations(
    sentence: AnnotatedSentence, numbers: Mapping[str, Mapping[str, int]]
) -> Int[np.ndarray, "relations 3"]:
    """The first of several relations of a pair counts; `_lost` counts the others."""
    found: dict[tuple[int, int], int] = {}
    for relation in sentence.relations:
        ends = [sentence.entities[i] for i in (relation.head, relation.tail)]
        known = all(e.kind in numbers["kinds"] for e in ends)
        if not known or relation.kind not in numbers["relations"]:
            continue
        head, tail = (e.end - 1 for e in ends)
        number = numbers["relations"][relation.kind]
        pair = min(head, tail), max(head, tail)
        found.setdefault(pair, 1 + 2 * number + (head > tail))
    rows = [(*pair, value) for pair, value in found.items()]
    return np.array(rows, np.int32).reshape(-1, 3)


def _lost(found, vocabulary: Vocabulary, data: Data) -> Counter:
    """What no network of these caps can find, by reason."""
    lost: Counter[str] = Counter()
    kinds = {*vocabulary.kinds}
    types = {*vocabulary.relations}
    for sentence in found:
        if len(sentence.parsed) > max(data.buckets):
            lost[f"sentences longer than {max(data.buckets)} words"] += 1
        heads = sentence.parsed.heads
        deep = sum(depth >= data.levels for depth in parses.depths(heads))
        lost[f"words deeper than {data.levels} levels of a whole tree"] += deep
        if len(sentence.entities) > data.entities:
            over = len(sentence.entities) - data.entities
            lost[f"entities beyond {data.entities} of a sentence"] += over
        for entity in sentence.entities:
            lost["entities of a kind that training lacks"] += entity.kind not in kinds
        pairs = {frozenset((r.head, r.tail)) for r in sentence.relations}
        lost["relations of a pair that has another one, backwards"] += len(
            sentence.relations
        ) - len(pairs)
        for relation in sentence.relations:
            lost["relations of a type that training lacks"] += (
                relation.kind not in types
            )
            first, last = (
                sentence.entities[i].end - 1 for i in (relation.head, relation.tail)
            )
            if max(map(len, parses.sides(heads, first, last))) > data.path:
                lost[f"relations whose path is longer than {data.path} a side"] += 1
    return +lost
