"""What is printed of the captions for "valid" while a run trains."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from papers.captioning import caption_metrics, data, tokens
from papers.captioning.config import Config
from papers.captioning.vocabulary import UNK, words_of


def scores(config: Config, outputs: Mapping[str, Any]) -> dict[str, float]:
    """Of greedy captions, means over the seeds: "bleu4" and "cider" (CIDEr-D) times
    100, "distinct" (how many different captions there are) and "unk" (UNKs in 100
    words). One caption for all images means that the image says nothing.

    outputs: "captions" [images, seeds, length] and "index" [images].
    """
    words = tokens.vocabulary(config.data)
    pictures = data.pictures(config, "valid")
    references = [
        [words_of(text) for text in pictures.captions(int(i))] for i in outputs["index"]
    ]
    found = []
    for seed in np.moveaxis(outputs["captions"], 1, 0):
        said = [words.decode(row).split() for row in seed]
        every = [word for caption in said for word in caption]
        found.append({
            "bleu4": 100 * caption_metrics.bleu(said, references)[3],
            "cider": 100 * float(caption_metrics.cider_d(said, references).mean()),
            "distinct": float(len({" ".join(caption) for caption in said})),
            "unk": 100 * every.count(UNK) / max(len(every), 1),
        })  # fmt: skip
    return {name: float(np.mean([f[name] for f in found])) for name in found[0]}
