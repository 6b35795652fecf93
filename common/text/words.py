"""Vocabularies of words between white space."""

import collections
import dataclasses
import functools
import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from common.text.vocab import Decoder, Vocab

EOS = "<eos>"
UNK = "<unk>"


@dataclasses.dataclass(frozen=True)
class WordVocab(Vocab):
    """Words between white space, <unk> for all others, <eos> at the end of a line."""

    words: tuple[str, ...]  # by id
    line_ends: bool = True  # append <eos>

    unit = "word"

    @classmethod
    def of(
        cls,
        train: bytes,
        *,
        eos: bool = True,
        min_count: int = 1,
        max_size: int | None = None,
    ) -> "WordVocab":
        """The words of a text in order of frequency, then of first appearance.

        <eos> has id 0. <unk> keeps its rank in a text that has it (WikiText, Penn
        Treebank), and otherwise comes next.

        Args:
          train: UTF-8 text.
          eos: end every line, empty ones too, with <eos>.
          min_count: words seen less often are unknown.
          max_size: the largest `size`, <eos> and <unk> included.
        """
        counts = collections.Counter(_words(train))
        common = [word for word, n in counts.most_common() if n >= min_count]
        first = [EOS] if eos else []
        if UNK not in common[: max_size and max_size - len(first)]:
            first.append(UNK)
        return cls(tuple(dict.fromkeys(first + common))[:max_size], eos)

    @property
    def size(self) -> int:
        return len(self.words)

    @property
    def eos(self) -> int | None:
        return self._id_of.get(EOS)

    @property
    def unk(self) -> int:
        return self._id_of[UNK]

    @functools.cached_property
    def _id_of(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    def _encode(self, data: bytes) -> np.ndarray:
        id_of = self._id_of
        unk = self.unk
        words = _words(data, line_end=[EOS] if self.line_ends else [])
        return np.fromiter((id_of.get(word, unk) for word in words), np.int32)

    def decoder(self) -> Decoder:
        space = ""  # written before the next word; none at the start of a line

        def decode(ids: ArrayLike, final: bool = False) -> str:
            nonlocal space
            pieces = []
            for i in self.checked(ids):
                line_end = self.words[i] == EOS
                pieces += ["\n"] if line_end else [space, self.words[i]]
                space = "" if line_end else " "
            return "".join(pieces)

        return decode


def _words(data: bytes, line_end: list[str] | None = None) -> Iterator[str]:
    """Yields words line by line, because a list of all would not fit in memory."""
    for line in io.BytesIO(data):
        yield from line.decode("utf-8", "replace").split()
        yield from line_end or ()
