"""How much of a test text the training text has: 8-grams in a Bloom filter, section 4.

Texts are brought to lower-case alphanumeric words with a single space between. A gram
is 64 bits: an exact function of its words, equal for two grams by chance in 1 of 2^64.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Int, UInt64

from common.contract import Table, UserError

GRAM = 8
_WORD = re.compile(r"[^\W_]+")
_ODD = np.uint64(0x9E3779B97F4A7C15)
_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
_PART = 1 << 20  # grams at once


class Bloom:
    """A set of grams. It knows each one that was added, and rarely one that was not.

    With n grams in m bits and k probes a gram, a new one is taken for seen with a
    probability of (1 - exp(-k n / m))^k. `capacity` grams keep it below
    `false_positives`: m = -n ln p / (ln 2)^2 and k = -log2 p, 38.3 bits and 27 probes a
    gram for the paper's 1e-8.

    Args:
      capacity: how many different grams it is for.
      false_positives: p at that many.
    """

    def __init__(self, capacity: int, false_positives: float = 1e-8):
        if capacity < 1 or not 0 < false_positives < 1:
            raise UserError(
                f"no Bloom filter for {capacity} grams with {false_positives} false "
                "positives; give at least one gram and a share between 0 and 1"
            )
        bits = -capacity * math.log(false_positives) / math.log(2) ** 2
        self.size = 8 * math.ceil(bits / 8)
        self.probes = max(1, round(-math.log2(false_positives)))
        self._bytes = np.zeros(self.size // 8, np.uint8)
        self.count = 0

    @classmethod
    def of(cls, texts: Sequence[str], false_positives: float = 1e-8) -> "Bloom":
        """The grams of texts, with room for as many as they have words."""
        words = sum(len(_WORD.findall(text)) for text in texts)
        bloom = cls(max(1, words), false_positives)
        bloom.add(*texts)
        return bloom

    def add(self, *texts: str) -> None:
        """The grams of texts; none crosses from one to the next. Many short texts are
        added faster in one call."""
        for grams in _gathered(texts):
            fresh = np.unique(grams)
            self.count += int((~self._has(fresh)).sum())
            for place in self._places(fresh):
                np.bitwise_or.at(self._bytes, place >> 3, _bit(place))

    def seen(self, grams: UInt64[np.ndarray, "gram"]) -> np.ndarray:
        """Whether each gram is in, [gram] bool."""
        return np.concatenate(
            [np.zeros(0, bool), *(self._has(part) for part in _parts(grams))]
        )

    def share(self, text: str) -> float:
        """The share of a text's grams that are in; 0 of a text without any."""
        grams = grams_of(text)
        return float(self.seen(grams).mean()) if len(grams) else 0.0

    @property
    def false_positives(self) -> float:
        """The rate by the formula, for the grams that were added."""
        return (1 - math.exp(-self.probes * self.count / self.size)) ** self.probes

    def _has(self, grams: UInt64[np.ndarray, "gram"]) -> np.ndarray:
        found = np.ones(len(grams), bool)
        for place in self._places(grams):
            found &= (self._bytes[place >> 3] & _bit(place)) != 0
        return found

    def _places(self, grams: UInt64[np.ndarray, "gram"]):
        """The bits of each probe: a start and a step from two mixes of the gram."""
        start = _mixed(grams)
        step = _mixed(grams ^ _ODD) | np.uint64(1)
        for probe in range(self.probes):
            place = (start + np.uint64(probe) * step) % np.uint64(self.size)
            yield place.astype(np.int64)


def normalised(text: str) -> str:
    """Lower-case words of letters and digits, a single space between."""
    return " ".join(_WORD.findall(text.lower()))


def grams_of(text: str, n: int = GRAM) -> UInt64[np.ndarray, "gram"]:
    """The hashes of all n-grams of a text in order; none if it has fewer words."""
    words = _WORD.findall(text.lower())
    if len(words) < n:
        return np.zeros(0, np.uint64)
    codes = {word: index for index, word in enumerate(dict.fromkeys(words))}
    hashes = np.asarray([_word_hash(word) for word in codes], np.uint64)
    each = hashes[np.asarray([codes[word] for word in words])]
    count = len(words) - n + 1
    grams = np.zeros(count, np.uint64)
    for at in range(n):
        grams = _mixed(grams * _FACTOR + each[at : at + count])
    return grams


def _word_hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())


def _mixed(x: UInt64[np.ndarray, "gram"]) -> UInt64[np.ndarray, "gram"]:
    """Every bit of x in every bit: SplitMix64's finaliser (Steele et al., 2014)."""
    x = x + _ODD
    x = (x ^ (x >> np.uint64(30))) * _FACTOR
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _bit(place: Int[np.ndarray, "gram"]) -> np.ndarray:
    return np.left_shift(np.uint8(1), (place & 7).astype(np.uint8))


def _gathered(texts: Iterable[str]):
    """The grams of texts in arrays of about _PART."""
    held: list[np.ndarray] = []
    count = 0
    for text in texts:
        held.append(grams_of(text))
        count += len(held[-1])
        if count >= _PART:
            yield from _parts(np.concatenate(held))
            held, count = [], 0
    if held:
        yield from _parts(np.concatenate(held))


def _parts(grams: UInt64[np.ndarray, "gram"]):
    return (grams[start : start + _PART] for start in range(0, len(grams), _PART))


def table(filters: Mapping[str, Bloom], texts: Mapping[str, str]) -> Table:
    """The percentage of 8-grams of each text that each filter has: Table 6."""
    rows = [
        [name, *(100 * each.share(text) for each in filters.values())]
        for name, text in texts.items()
    ]
    rates = ", ".join(f"{n} {f.false_positives:.1e}" for n, f in filters.items())
    note = f"percent of {GRAM}-grams also in a training text; false positives: {rates}"
    return Table(("test text", *filters), rows, note)
