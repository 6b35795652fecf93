"""The words of captions, and their numbers.

    0         START before the first word, END after the last one, and padding
    1 .. V    the words, the most frequent first

So a network writes V + 1 symbols.
"""

import collections
import dataclasses
import functools
import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from common.contract import UserError
from common.files import storage, texts

END = 0  # also START and padding
UNK = "UNK"  # no word is written so: words are in lower case


def words_of(text: str) -> list[str]:
    """A caption's words: in lower case, split at white space, without punctuation.

    Punctuation within a word is left out too, as NeuralTalk2 does: "t-shirt" becomes
    "tshirt". A dash longer than a hyphen separates words.
    """
    return unicodedata.normalize("NFC", text).lower().translate(_KEPT).split()


class _Kept(dict):
    """What stands for each code point, for `str.translate`; found when first met."""

    def __missing__(self, code: int) -> str:
        self[code] = found = self._found(chr(code))
        return found

    @staticmethod
    def _found(letter: str) -> str:
        """The letter, a space, or nothing."""
        if letter.isspace() or letter in "–—―":  # noqa: RUF001
            return " "
        return "" if unicodedata.category(letter)[0] in "PSC" else letter


_KEPT = _Kept()


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Words by their number, which counts from 1."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, captions: Iterable[str], min_count: int = 1) -> "Vocabulary":
        """The words that occur `min_count` times or more, by frequency and then by
        first appearance. UNK stands for the others, and has a number only if there are
        some.

        UserError: no word is left.
        """
        counts = collections.Counter(w for text in captions for w in words_of(text))
        kept = [word for word, n in counts.most_common() if n >= min_count]
        if not counts:
            raise UserError("the captions have no words in them")
        if not kept:
            most, times = counts.most_common(1)[0]
            raise UserError(
                f"no word occurs {min_count} times in the captions, and the most "
                f"frequent one, {most!r}, {times}: lower --config.data.min_count"
            )
        return cls((*kept, *[UNK] * (len(kept) < len(counts))))

    @property
    def size(self) -> int:
        """V: how many words there are, UNK among them."""
        return len(self.words)

    @property
    def unk(self) -> int | None:
        """The number of UNK; None: there is none."""
        return self.number.get(UNK)

    @functools.cached_property
    def number(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words, start=1)}

    def numbers(self, words: Iterable[str]) -> list[int]:
        """The words' numbers. Unknown words have UNK's; where there is no UNK, they are
        left out."""
        unk = self.unk
        found = (self.number.get(word, unk) for word in words)
        return [i for i in found if i is not None]

    def encode(self, text: str, length: int) -> Int[np.ndarray, "length"]:
        """The numbers of a caption's first words, padded."""
        return padded(self.numbers(words_of(text)), length)

    def decode(self, tokens: Iterable[int]) -> str:
        """The caption before the first END. UserError: a word has no such number."""
        found = []
        for token in map(int, tokens):
            if token == END:
                break
            if not 0 < token <= self.size:
                raise UserError(f"no word has the number {token}: 1 to {self.size}")
            found.append(self.words[token - 1])
        return " ".join(found)

    @functools.cached_property
    def mark(self) -> np.uint32:
        """32 bits of the words' digest, which a state remembers; never 0."""
        digest = hashlib.sha256("\n".join(self.words).encode("utf-8", "surrogatepass"))
        return np.uint32(int(digest.hexdigest()[:8], 16) or 1)

    def save(self, path: str | Path) -> None:
        """Writes the json that `load` reads."""
        storage.path(path).write_text(
            json.dumps({"words": self.words}, ensure_ascii=False, indent=1), "utf-8"
        )

    @classmethod
    def load(cls, path: str | Path) -> "Vocabulary":
        """UserError: it is not what `save` writes."""
        file = storage.path(path)
        try:
            words = texts.read_json(file)["words"]
        except UserError:
            raise
        except (OSError, KeyError, TypeError) as error:
            cannot = f"{str(path)!r} is no vocabulary: {storage.reason(error)}"
            raise UserError(cannot) from None
        distinct = isinstance(words, list) and len({*map(str, words)}) == len(words)
        if not distinct or not all(isinstance(word, str) for word in words):
            raise UserError(f"{str(path)!r} is no vocabulary: give distinct words")
        return cls(tuple(words))


def padded(numbers: Sequence[int], length: int) -> Int[np.ndarray, "length"]:
    """The first `length` numbers, END after them."""
    row = np.full(length, END, np.int32)
    cut = numbers[:length]
    row[: len(cut)] = cut
    return row


def refuse_other_vocabulary(vocabulary: Vocabulary, size: int, trained: int) -> None:
    """UserError where a network does not know this vocabulary's numbers.

    Args:
      size: words that the network knows.
      trained: the mark of the vocabulary that it was trained with; 0: not known.
    """
    if vocabulary.size != size or trained not in (0, vocabulary.mark):
        raise UserError(
            f"the network was trained with another vocabulary ({size} words) than "
            f"that of the captions config.data names now ({vocabulary.size}): name "
            "the captions that it was trained on"
        )
