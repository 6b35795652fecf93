"""Numbers: how well captions are predicted, and how well written ones fit.

All scores but the nll are in per cent; CIDEr-D is times 100, as papers print it, so
that it may be above 100.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

from common.host import to_host
from common.rows import split_beside
from papers.captioning import data, objective, train
from papers.captioning.caption_metrics import CiderD, References, Words, bleu, rouge_l
from papers.captioning.captions import Writer
from papers.captioning.config import Config
from papers.captioning.decoding import Options
from papers.captioning.model import Captioner
from papers.captioning.sources import CaptionedImages
from papers.captioning.vocabulary import UNK, words_of

SCORES = ("B1", "B2", "B3", "B4", "ROUGE-L", "CIDEr-D")


class Scorer:
    """Scores captions of a set's pictures against their references.

    Args:
      references: of each picture, as words.
    """

    def __init__(self, references: References) -> None:
        self._references = references
        self._cider = CiderD(references)
        self._known = [{" ".join(words) for words in own} for own in references]

    def cider_d(self, captions: Sequence[Words]) -> Float[np.ndarray, "images"]:
        """Of each picture, times 100."""
        return 100 * self._cider.scores(captions)

    def scores(self, captions: Sequence[Words]) -> dict[str, float]:
        """`SCORES`; "exact", captions that are one of the references; "distinct", how
        many different ones there are; and "UNK", its share of all words."""
        written = [" ".join(words) for words in captions]
        words = [word for own in captions for word in own]
        exact = [
            text in known for text, known in zip(written, self._known, strict=True)
        ]
        values = (
            # Without a match coco-caption's BLEU is a tiny number.
            *(round(100 * value, 4) for value in bleu(captions, self._references)),
            100 * float(rouge_l(captions, self._references).mean()),
            float(self.cider_d(captions).mean()),
        )
        return {
            **dict(zip(SCORES, values, strict=True)),
            "exact": 100 * float(np.mean(exact)),
            "distinct": float(len({*written})),
            "UNK": 100 * words.count(UNK) / max(len(words), 1),
        }


def references_of(pictures: CaptionedImages) -> list[list[list[str]]]:
    """All captions of each picture, as words."""
    return [[words_of(text) for text in own] for own in pictures.texts]


@functools.lru_cache(maxsize=4)
def scorer_of(pictures: CaptionedImages) -> Scorer:
    """The scorer of a split, made once a process."""
    return Scorer(references_of(pictures))


@dataclasses.dataclass(frozen=True)
class Seed:
    """What one language model does with a split's pictures.

    Attributes:
      captions: of each picture, by beam search.
      nll: of the references of each picture, in nats, summed over their targets.
      targets: how many they have: words, and one END a caption.
      cider_d: of each picture, times 100.
      scores: of the whole split.
    """

    captions: tuple[str, ...]
    nll: Float[np.ndarray, "images"]
    targets: Int[np.ndarray, "images"]
    cider_d: Float[np.ndarray, "images"]
    scores: Mapping[str, float]

    @property
    def nll_a_target(self) -> float:
        return float(self.nll.sum() / self.targets.sum())


@dataclasses.dataclass(frozen=True)
class Measured:
    """One run on a split.

    Attributes:
      pictures: those that can be read.
      index: the place of each in `data.pictures(config, split)`.
    """

    name: str
    config: Config
    pictures: CaptionedImages
    index: Int[np.ndarray, "images"]
    seeds: tuple[Seed, ...]

    def mean(self, score: str) -> float:
        """Over the seeds; "nll" is that a target."""
        return float(np.mean(self.values(score)))

    def spread(self, score: str) -> float | None:
        """The largest deviation from the mean; None: there is one seed."""
        values = self.values(score)
        return float(np.abs(values - values.mean()).max()) if len(values) > 1 else None

    def values(self, score: str) -> Float[np.ndarray, "seeds"]:
        if score == "nll":
            return np.array([seed.nll_a_target for seed in self.seeds])
        return np.array([seed.scores[score] for seed in self.seeds])


def measured(name: str, config: Config, state: Any, split: str = "test") -> Measured:
    """A trained run on a split, its captions by `eval.beams` beams."""
    found = _of_split(config, state, split)
    pictures = data.pictures(config, split)
    if len(found.index) < len(pictures):  # some cannot be read
        pictures = pictures.take(found.index)
    scorer = scorer_of(pictures)
    words = data.vocabulary_of_network(config)
    seeds = []
    for tokens, nll in zip(found.tokens, found.nll, strict=True):
        captions = tuple(words.decode(row) for row in tokens)
        said = [caption.split() for caption in captions]
        scores = scorer.scores(said)
        seeds.append(Seed(captions, nll, found.targets, scorer.cider_d(said), scores))
    return Measured(name, config, pictures, found.index, tuple(seeds))


class _Found(NamedTuple):
    """What the networks say of the pictures of a split that can be read."""

    index: Int[np.ndarray, "images"]
    tokens: Int[np.ndarray, "seeds images length"]  # each seed's best caption
    nll: Float[np.ndarray, "seeds images"]
    targets: Int[np.ndarray, "images"]

    def only(self, real: Bool[np.ndarray, "images"]) -> "_Found":
        """Without the rows that fill a batch."""
        index, targets = self.index[real], self.targets[real]
        return _Found(index, self.tokens[:, real], self.nll[:, real], targets)

    @classmethod
    def joined(cls, parts: Sequence["_Found"]) -> "_Found":
        """One after another."""
        index, tokens, nll, targets = zip(*parts, strict=True)
        return cls(
            np.concatenate(index),
            np.concatenate(tokens, axis=1),
            np.concatenate(nll, axis=1),
            np.concatenate(targets),
        )


def _of_split(config: Config, state: Any, split: str) -> _Found:
    writer = Writer.of(config, state)
    options = Options(config.data.length, config.eval.beams)
    likelihood = jax.jit(partial(_likelihood, config))
    parts = []
    for batch in data.batches(config, split):
        rows = {k: split_beside(writer.params, batch[k]) for k in ("image", "tokens")}
        found = likelihood(writer.params["language"], writer.encoder, **rows)
        nll, targets = to_host(found)
        best = writer.write(batch["image"], options).tokens[:, :, 0]
        part = _Found(batch["index"], np.moveaxis(best, 1, 0), nll, targets)
        parts.append(part.only(batch["mask"] > 0))
    return _Found.joined(parts)


def _likelihood(config: Config, language: Any, encoder: Any, image: Any, tokens: Any):
    """-log p of an image's captions by each seed [seeds, images], and how many targets
    they have [images]."""
    vectors = train.vectors(config, encoder, image)

    def of_seed(params):
        logits = Captioner(config.model).apply({"params": params}, vectors, tokens)
        each, mask = objective.losses(logits, tokens)
        return (each * mask).sum((1, 2)), mask.sum((1, 2))

    each, count = jax.vmap(of_seed)(language)
    return each, count[0]
