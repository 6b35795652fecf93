"""ROUGE-1, -2 and -L as ROUGE-1.5.5 -m computes them (Lin, 2004), as F1.

Words are in lower case, of the letters a-z and digits, and stemmed by Porter's rules
where they have more than three letters. Unstemmed values equal those of the package
rouge-score, which is no dependency because it asks for nltk.
"""

import functools
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple


class Rouge(NamedTuple):
    """F1 of words, of pairs of words, and of longest common subsequences."""

    rouge_1: float
    rouge_2: float
    rouge_l: float


def rouge(prediction: str, reference: str, *, stem: bool = True) -> Rouge:
    """A summary against a reference. Newlines part the sentences of both, over which
    ROUGE-L of a summary unites its subsequences (section 3.2 of Lin, 2004)."""
    own = [words(line, stem) for line in prediction.split("\n")]
    other = [words(line, stem) for line in reference.split("\n")]
    flat = [word for sentence in own for word in sentence]
    other_flat = [word for sentence in other for word in sentence]
    return Rouge(
        _of_grams(flat, other_flat, 1),
        _of_grams(flat, other_flat, 2),
        _of_subsequences(own, other),
    )


def words(text: str, stem: bool = True) -> list[str]:
    found = re.findall(r"[a-z0-9]+", text.lower())
    return (
        [stemmed(word) if len(word) > 3 else word for word in found] if stem else found
    )


@functools.lru_cache(1 << 16)
def stemmed(word: str) -> str:
    return _porter().stemWord(word)


@functools.cache
def _porter():
    import snowballstemmer

    return snowballstemmer.stemmer("porter")


def _of_grams(own: Sequence[str], other: Sequence[str], n: int) -> float:
    own_grams, other_grams = _grams(own, n), _grams(other, n)
    hits = sum((own_grams & other_grams).values())
    return _f1(hits, sum(own_grams.values()), sum(other_grams.values()))


def _grams(found: Sequence[str], n: int) -> Counter:
    return Counter(zip(*(found[i:] for i in range(n)), strict=False))


def _f1(hits: float, own: int, other: int) -> float:
    return 2 * hits / (own + other) if hits else 0.0


def _of_subsequences(own: list[list[str]], other: list[list[str]]) -> float:
    """A word of a reference sentence is hit if it is in a longest common subsequence
    with any sentence of the summary, each word as often as both texts have it."""
    left = Counter(word for sentence in own for word in sentence)
    left &= Counter(word for sentence in other for word in sentence)
    hits = 0
    for sentence in other:
        for at in sorted({i for each in own for i in common_places(sentence, each)}):
            if left[sentence[at]]:
                left[sentence[at]] -= 1
                hits += 1
    return _f1(hits, sum(map(len, own)), sum(map(len, other)))


def common_places(a: Sequence[str], b: Sequence[str]) -> list[int]:
    """The places in `a` of a longest common subsequence with `b`. Of several it takes
    the one that the Perl script finds."""
    lengths = [[0] * (len(b) + 1)]
    for word in a:
        above, row = lengths[-1], [0]
        for j, other in enumerate(b):
            row.append(above[j] + 1 if word == other else max(above[j + 1], row[j]))
        lengths.append(row)
    places = []
    i, j = len(a), len(b)
    while i and j:
        if a[i - 1] == b[j - 1]:
            i, j = i - 1, j - 1
            places.append(i)
        elif lengths[i][j - 1] > lengths[i - 1][j]:
            j -= 1
        else:
            i -= 1
    return places[::-1]
