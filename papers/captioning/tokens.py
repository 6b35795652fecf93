"""Captions as numbers of words, for every picture of a set."""

import dataclasses
import functools
import warnings

import numpy as np
from jaxtyping import Int

from common.contract import UserError
from papers.captioning import sources
from papers.captioning.sources import CaptionedImages
from papers.captioning.vocabulary import Vocabulary, padded, words_of


@dataclasses.dataclass(frozen=True, eq=False)
class Tokens:
    """The captions of a set's pictures, one after another.

    Attributes:
      rows: int32 [captions, length], as of `Vocabulary.encode`.
      first: int64 [pictures + 1]: those of picture i are rows first[i] to first[i + 1].
    """

    rows: Int[np.ndarray, "captions length"]
    first: Int[np.ndarray, "pictures_and_1"]

    def of(self, index: int) -> Int[np.ndarray, "own length"]:
        """All captions of a picture."""
        return self.rows[self.first[index] : self.first[index + 1]]

    def drawn(
        self, index: int, count: int, rng: np.random.Generator
    ) -> Int[np.ndarray, "count length"]:
        """Captions to train on: a random run of `count` neighbours where there are
        more, and all of them, some repeated, where there are fewer."""
        own = self.of(index)
        if len(own) >= count:
            start = rng.integers(len(own) - count + 1)
            return own[start : start + count]
        return own[np.resize(rng.permutation(len(own)), count)]

    def first_ones(self, index: int, count: int) -> Int[np.ndarray, "count length"]:
        """Captions to measure on: the first ones; where there are fewer, from the first
        on again, so that all pictures weigh the same."""
        own = self.of(index)
        return own[np.arange(count) % len(own)]


def vocabulary(data) -> Vocabulary:
    """The words of the training captions that `config.data` names, made once a process.

    The same captions and the same `min_count` give the same vocabulary anywhere, so a
    workdir's config is enough to make it again.
    """
    return vocabulary_of(sources.Wanted.of(data), data.min_count)


@functools.lru_cache(maxsize=4)
def vocabulary_of(wanted: sources.Wanted, min_count: int) -> Vocabulary:
    """`vocabulary`, of these fields."""
    texts = sources.load(wanted)["train"].texts
    return Vocabulary.of((text for own in texts for text in own), min_count)


def tokens(
    data: CaptionedImages, vocabulary: Vocabulary, length: int, name: str
) -> tuple[CaptionedImages, Tokens]:
    """The pictures that have a caption with a known word, and their captions' tokens.

    What is left out or cut is counted in a warning: captions of which no word is known,
    pictures that have no other, and the ends of long captions.

    Args:
      name: of the set, for messages.

    Raises:
      UserError: no caption has a known word.
    """
    counts = _Counts()
    kept = []
    rows = []
    first = [0]
    for i, own in enumerate(data.texts):
        known = [counts.known(text, vocabulary, length) for text in own]
        known = [numbers for numbers in known if numbers]
        if known:
            kept.append(i)
            rows += [padded(numbers, length) for numbers in known]
            first.append(len(rows))
        else:
            counts.pictures.append(data.names[i])
    if not rows:
        raise UserError(f"no caption of {name} has a word of the vocabulary")
    counts.say(name, length)
    if len(kept) < len(data):
        data = data.take(kept)
    return data, Tokens(np.stack(rows), np.array(first))


class _Counts:
    """What is left out or cut."""

    def __init__(self) -> None:
        self.unknown: list[str] = []  # captions without a known word
        self.pictures: list[str] = []  # names of those with no other caption
        self._lengths: list[int] = []  # of the captions with a known word, in words

    def known(self, text: str, vocabulary: Vocabulary, length: int) -> list[int]:
        """The numbers of the words; [] where none is known."""
        words = words_of(text)
        numbers = vocabulary.numbers(words)
        if all(i == vocabulary.unk for i in numbers):
            self.unknown.append(text)
            return []
        self._lengths.append(len(words))
        return numbers

    def say(self, name: str, length: int) -> None:
        parts = []
        if self.unknown:
            few = ": --config.data.min_count=1 keeps them" if name == "train" else ""
            parts.append(
                f"{len(self.unknown)} captions without a known word are left out, such "
                f"as {self.unknown[0][:60]!r}{few}"
            )
        if self.pictures:
            parts.append(
                f"{len(self.pictures)} pictures have no other caption and are left "
                f"out, such as {self.pictures[0]!r}"
            )
        parts += self._cut(length)
        if parts:
            warnings.warn(f"{name}: {'; '.join(parts)}", stacklevel=3)

    def _cut(self, length: int) -> list[str]:
        """What is said of long captions. Advice is for more than one in a hundred: a
        step takes as long as the most words."""
        cut = [n for n in self._lengths if n > length]
        if not cut:
            return []
        said = (
            f"{len(cut)} captions have more than {length} words, up to {max(cut)}, and "
            "are cut"
        )
        needed = int(np.quantile(self._lengths, 0.99, method="higher"))
        if needed > length:
            said += f": --config.data.length={needed} keeps 99 in 100 whole"
        return [said]
