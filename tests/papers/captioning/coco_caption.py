"""Writes coco_caption.json: captions, and what coco-caption's own code gives them.

    pip install --no-deps --target=DIR pycocoevalcap
    PYTHONPATH=DIR python tests/papers/captioning/coco_caption.py

It needs pycocoevalcap's BLEU, ROUGE and CIDEr alone, which are Python and numpy.
"""

import json
import random
from pathlib import Path

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

WORDS = (
    "a", "the", "red", "blue", "dog", "cat", "on", "of", "left", "right", "grass",
    "sits", "runs", "two",
)  # fmt: skip


def main() -> None:
    rng = random.Random(0)

    def caption(least: int = 1, most: int = 12) -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(least, most)))

    references = [[caption(4) for _ in range(rng.choice((1, 3, 5)))] for _ in range(40)]
    candidates = [caption() for _ in references]
    for i in range(0, 30, 2):  # and captions that share runs of words
        words = references[i][0].split()
        words[rng.randrange(len(words))] = rng.choice(WORDS)
        candidates[i] = " ".join(words[: rng.randint(2, len(words))])
    candidates[1] = references[1][0]
    candidates[3] = "a a a a a a a a a"
    candidates[5] = "zebra"
    sets = {
        "forty": (candidates, references),
        "long": ([f"{c} {c} {c}" for c in candidates], references),
        "one": (candidates[:1], references[:1]),
        "nothing right": (["x y", "z"], [["a b"], ["c d e"]]),
    }
    found = {name: scored(*both) for name, both in sets.items()}
    text = json.dumps(found, indent=None, separators=(",", ":"))
    Path(__file__).with_suffix(".json").write_text(text + "\n")


def scored(candidates: list[str], references: list[list[str]]) -> dict:
    given = {i: [text] for i, text in enumerate(candidates)}
    right = dict(enumerate(references))
    return {
        "candidates": candidates,
        "references": references,
        "bleu": [float(x) for x in Bleu(4).compute_score(right, given, verbose=0)[0]],
        "rouge_l": [float(x) for x in Rouge().compute_score(right, given)[1]],
        "cider_d": [float(x) for x in Cider().compute_score(right, given)[1]],
    }


if __name__ == "__main__":
    main()
