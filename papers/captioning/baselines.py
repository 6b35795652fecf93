"""Captions that need no model: one for all pictures, that of the nearest training
picture, and the references themselves."""

import numpy as np
from jaxtyping import Float

from common.data import augment
from papers.captioning import data
from papers.captioning.caption_metrics import CiderD
from papers.captioning.config import Config
from papers.captioning.measure import Measured, Scorer, references_of, scorer_of
from papers.captioning.sources import CaptionedImages
from papers.captioning.vocabulary import words_of

_CANDIDATES = 50  # training captions, the best of which is the constant one
_TRIED_ON = 100  # pictures of "valid" that it is chosen on
_AGAINST = 5  # references, each of which is scored against the others
_MOST = 10_000  # training pictures that are compared with; more take minutes to decode
_SIDE = 8  # pixels of a picture that is compared
_CHUNK = 500  # pictures in memory at once


def constant_caption(config: Config) -> str:
    """The training caption that fits all pictures best: of fifty drawn ones, that with
    the highest CIDEr-D on a hundred pictures of "valid"."""
    train_set = data.pictures(config, "train")
    valid = data.pictures(config, "valid")
    rng = np.random.default_rng(0)
    texts = sorted({text for own in train_set.texts for text in own})
    drawn = [texts[i] for i in rng.permutation(len(texts))[:_CANDIDATES]]
    some = np.sort(rng.permutation(len(valid))[:_TRIED_ON])
    cider = CiderD(references_of(valid.take(some)))
    fits = [cider.scores([words_of(text)] * len(some)).mean() for text in drawn]
    return " ".join(words_of(drawn[int(np.argmax(fits))]))


def constant_scores(caption: str, pictures: CaptionedImages) -> dict[str, float]:
    """What one caption for all pictures scores."""
    return scorer_of(pictures).scores([caption.split()] * len(pictures))


def reference_scores(pictures: CaptionedImages) -> dict[str, float] | None:
    """What a person scores: the first references, each against the others of its
    picture, in the mean. None: a picture has one reference only."""
    references = references_of(pictures)
    count = min(map(len, references))
    if count < 2:
        return None
    found = []
    for i in range(min(count, _AGAINST)):
        others = [own[:i] + own[i + 1 :] for own in references]
        found.append(Scorer(others).scores([own[i] for own in references]))
    return {name: float(np.mean([f[name] for f in found])) for name in found[0]}


def nearest_scores(
    config: Config, measured: Measured, split: str = "test"
) -> dict[str, float] | None:
    """What the captions of the nearest training pictures score: the first caption of
    the one whose colours, in 8 x 8 pixels, differ least in squares. None: there are
    more than 10,000 training pictures.
    """
    known = data.pictures(config, "train")
    if len(known) > _MOST:
        return None
    readable = data.readable(config, "train")
    small = _small(config, "train", np.flatnonzero(readable))
    captions = [known.captions(i)[0] for i in np.flatnonzero(readable)]
    asked = _small(config, split, measured.index)
    squares = np.square(small).sum(axis=1)
    nearest = (squares - 2 * asked @ small.T).argmin(axis=1)
    said = [words_of(captions[i]) for i in nearest]
    return scorer_of(measured.pictures).scores(said)


def _small(
    config: Config, split: str, indices: np.ndarray
) -> Float[np.ndarray, "pictures values"]:
    """Pictures of 8 x 8 pixels, as rows of numbers."""
    found = []
    for start in range(0, len(indices), _CHUNK):
        whole = data.images(config, split, indices[start : start + _CHUNK])
        found += [augment.resize(image, (_SIDE, _SIDE)).ravel() for image in whole]
    return np.stack(found).astype(np.float32)
