"""BLEU, ROUGE-L and CIDEr-D of captions, as coco-caption defines them.

Papineni et al. 2002 (BLEU), Lin 2004 (ROUGE), Vedantam et al. 2015 (CIDEr), and the
code that COCO's captions are scored with. All take `candidates`, a caption of each
image, and `references`, several of each image, as lists of words. Values are fractions;
CIDEr-D is 10 at most. Papers print them times 100.

METEOR and SPICE need Java and are not here.
"""

import collections
import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from common.contract import UserError

Words = Sequence[str]
References = Sequence[Sequence[Words]]  # of each image

_ORDERS = 4  # n-grams of 1 to 4 words
_BETA = 1.2  # ROUGE-L: how much more recall weighs than precision
_SIGMA = 6.0  # CIDEr-D: of the penalty for another length
_TINY = 1e-15  # coco-caption's, so that no match at all has a logarithm
_SMALL = 1e-9


def ngrams(words: Words, n: int) -> collections.Counter:
    """How often each run of n words occurs."""
    runs = zip(*(words[i:] for i in range(n)), strict=False)
    return collections.Counter(runs)


def _check(candidates: Sequence[Words], references: Sequence[Sequence]) -> None:
    if len(candidates) != len(references):
        raise UserError(
            f"{len(candidates)} captions for {len(references)} images with references"
        )
    if not candidates:
        raise UserError("no caption to score")
    if not all(map(len, references)):
        raise UserError("an image without a reference cannot be scored")


def bleu(
    candidates: Sequence[Words], references: References
) -> tuple[float, float, float, float]:
    """BLEU-1 to BLEU-4 of the corpus.

    Matches and lengths are summed over all images. An n-gram matches as often as it
    occurs in the reference that has it most often; the length that a short candidate is
    punished against is that of the reference closest to it, the shorter of two.
    """
    _check(candidates, references)
    matches = np.zeros(_ORDERS)
    totals = np.zeros(_ORDERS)
    length = 0
    closest = 0
    for words, own in zip(candidates, references, strict=True):
        length += len(words)
        closest += min(map(len, own), key=lambda n: (abs(n - len(words)), n))
        for n in range(1, _ORDERS + 1):
            most: collections.Counter = collections.Counter()
            for reference in own:
                most |= ngrams(reference, n)
            matches[n - 1] += (ngrams(words, n) & most).total()
            totals[n - 1] += max(len(words) - n + 1, 0)
    ratio = (length + _TINY) / (closest + _SMALL)
    brevity = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    precisions = (matches + _TINY) / (totals + _SMALL)
    means = np.cumprod(precisions) ** (1 / np.arange(1, _ORDERS + 1))
    return tuple(float(brevity * mean) for mean in means)


def rouge_l(
    candidates: Sequence[Words], references: References
) -> Float[np.ndarray, "images"]:
    """ROUGE-L of each image: F of the best precision and the best recall over its
    references, which need not be of the same one."""
    _check(candidates, references)
    return np.array(
        [
            _rouge_l(words, own)
            for words, own in zip(candidates, references, strict=True)
        ]
    )


def _rouge_l(words: Words, references: Sequence[Words]) -> float:
    common = [longest_common(words, reference) for reference in references]
    precision = max(common) / max(len(words), 1)
    recall = max(
        n / max(len(reference), 1)
        for n, reference in zip(common, references, strict=True)
    )
    if precision == 0 or recall == 0:
        return 0.0
    return (1 + _BETA**2) * precision * recall / (recall + _BETA**2 * precision)


def longest_common(a: Words, b: Words) -> int:
    """The length of the longest sequence of words that both have in this order."""
    row = [0] * (len(b) + 1)
    for word in a:
        before = 0  # of the row above, one column to the left
        for j, other in enumerate(b, start=1):
            above = row[j]
            row[j] = before + 1 if word == other else max(above, row[j - 1])
            before = above
    return row[-1]


@dataclasses.dataclass(frozen=True)
class DocumentFrequencies:
    """In how many images' references each n-gram occurs.

    Attributes:
      counts: {n-gram: images}.
      images: of the set.
    """

    counts: Mapping[tuple[str, ...], int]
    images: int

    @classmethod
    def of(cls, references: References) -> "DocumentFrequencies":
        counts: collections.Counter = collections.Counter()
        for own in references:
            counts.update(
                {gram for words in own for n in _SIZES for gram in ngrams(words, n)}
            )
        return cls(counts, len(references))

    def weight(self, gram: tuple[str, ...]) -> float:
        """log(images / images that have it): 0 for what all have."""
        seen = max(self.counts.get(gram, 0), 1)
        return math.log(self.images) - math.log(seen)


_SIZES = range(1, _ORDERS + 1)


class CiderD:
    """CIDEr-D against references, whose n-grams are weighted once.

    frequencies: of the set that the images are of; None: of `references`. With one
      image all weights are 0, and so is the score; with fewer than a hundred it says
      little.
    """

    def __init__(
        self, references: References, frequencies: DocumentFrequencies | None = None
    ) -> None:
        self._frequencies = frequencies or DocumentFrequencies.of(references)
        self._references = [
            [_Weighted.of(words, self._frequencies) for words in own]
            for own in references
        ]

    def scores(self, candidates: Sequence[Words]) -> Float[np.ndarray, "images"]:
        """Of each image, 10 at most."""
        _check(candidates, self._references)
        weighted = [_Weighted.of(words, self._frequencies) for words in candidates]
        means = [
            np.mean([own.likeness(reference) for reference in references])
            for own, references in zip(weighted, self._references, strict=True)
        ]
        return 10 * np.array(means)


def cider_d(
    candidates: Sequence[Words],
    references: References,
    frequencies: DocumentFrequencies | None = None,
) -> Float[np.ndarray, "images"]:
    """CIDEr-D of each image, as of `CiderD`."""
    _check(candidates, references)
    return CiderD(references, frequencies).scores(candidates)


@dataclasses.dataclass(frozen=True)
class _Weighted:
    """A caption's n-grams, weighted; their norms; and its length in pairs of words."""

    grams: Sequence[Mapping[tuple[str, ...], float]]  # for n = 1, 2, 3, 4
    norms: Sequence[float]
    pairs: int

    @classmethod
    def of(cls, words: Words, frequencies: DocumentFrequencies) -> "_Weighted":
        grams = [
            {g: k * frequencies.weight(g) for g, k in ngrams(words, n).items()}
            for n in _SIZES
        ]
        norms = [math.sqrt(sum(w * w for w in own.values())) for own in grams]
        return cls(grams, norms, max(len(words) - 1, 0))

    def likeness(self, reference: "_Weighted") -> float:
        """The mean over n of the clipped cosines, less where the lengths differ."""
        cosines = [
            _clipped_product(a, b) / (norm * other) if norm and other else 0.0
            for a, b, norm, other in zip(
                self.grams, reference.grams, self.norms, reference.norms, strict=True
            )
        ]
        apart = self.pairs - reference.pairs
        return math.exp(-(apart**2) / (2 * _SIGMA**2)) * sum(cosines) / _ORDERS


def _clipped_product(a: Mapping, b: Mapping) -> float:
    """A candidate gains nothing by repeating a word more often than the reference."""
    return sum(
        min(weight, b[gram]) * b[gram] for gram, weight in a.items() if gram in b
    )
