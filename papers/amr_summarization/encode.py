"""Pairs as numbers: what is read and what is written, in either direction."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from papers.amr_summarization import pieces, verbalise, vocabulary
from papers.amr_summarization.amr import Amr
from papers.amr_summarization.config import Config
from papers.amr_summarization.linearise import Known, linearise
from papers.amr_summarization.pairs import Pair
from papers.amr_summarization.vocabulary import END, Vocabulary


class Source(NamedTuple):
    """What is read: words in small letters with their tags, or pieces of a graph."""

    items: Sequence[str]
    tags: Sequence[str]


class Sample(NamedTuple):
    """What is read, and the pieces that should be written."""

    source: Source
    target: list[str]


class Encoded(NamedTuple):
    """A sample's numbers. Pointers begin at `config.model.symbols`."""

    item: np.ndarray  # [source]
    ending: np.ndarray  # [source]
    tag: np.ndarray  # [source]
    target: np.ndarray  # [target], the end included


def sentence(words: Sequence[str], tags: Sequence[str]) -> Source:
    """What the parser reads."""
    return Source([word.lower() for word in words], tags)


def graph(amr: Amr) -> Source:
    """What the generator reads."""
    items = verbalise.graph_items(amr).items
    return Source(items, [""] * len(items))


def sample(direction: str, pair: Pair, known: Known) -> Sample:
    """A pair as the network of that direction reads and writes it."""
    if direction == "parser":
        written = linearise(pair.amr, pair.words, known)
        return Sample(sentence(pair.words, pair.tags), written)
    read = verbalise.graph_items(pair.amr)
    written = verbalise.target(pair.words, read, pair.amr, known)
    return Sample(Source(read.items, [""] * len(read.items)), written)


def built(config: Config, pairs: Iterable[Pair]) -> Vocabulary:
    """The vocabulary of training pairs. Forms are counted first, because what has no
    form is written by its name."""
    least = config.data.min_count
    pairs = list(pairs)
    forms = _counts(config, pairs, lambda piece: True)[1]

    def frequent(piece: str) -> bool:
        return not pieces.is_form(piece) or forms[piece] >= least

    items, symbols = _counts(config, pairs, frequent)
    return Vocabulary(
        vocabulary.common(items, config.model.items, least),
        vocabulary.common(symbols, config.model.symbols, least),
    )


def _counts(config: Config, pairs: list[Pair], known: Known) -> tuple[Counter, Counter]:
    items: Counter = Counter()
    symbols: Counter = Counter()
    for pair in pairs:
        source, target = sample(config.direction, pair, known)
        items.update(source.items)
        symbols.update(p for p in target if pieces.pointed(p) is None)
    return items, symbols


def source(config: Config, vocab: Vocabulary, read: Source) -> dict[str, np.ndarray]:
    """The arrays "item", "ending" and "tag" of what is read."""
    endings = config.model.endings
    return {
        "item": np.array([vocab.item(i) for i in read.items], np.int32),
        "ending": np.array(
            [vocabulary.ending(i, endings) for i in read.items], np.int32
        ),
        "tag": np.array([vocabulary.tag(tag) for tag in read.tags], np.int32),
    }


def encoded(config: Config, vocab: Vocabulary, pair: Pair) -> Encoded:
    read, written = sample(config.direction, pair, vocab.known)
    target = [*vocab.encode(written, config.model.symbols), END]
    return Encoded(**source(config, vocab, read), target=np.array(target, np.int32))
