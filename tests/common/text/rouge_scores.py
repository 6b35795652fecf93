"""Writes rouge_scores.json: scores of the package rouge-score on random summaries.

    python tests/common/text/rouge_scores.py      # needs rouge-score

Sentences are drawn from few words, so that subsequences have many equally long ones.
"""

import json
import random
from pathlib import Path

WORDS = "the cat sat on a mat dogs ran 3.5 it's e-mail The"
NAMES = ("rouge1", "rouge2", "rougeLsum")


def summary(rng: random.Random) -> str:
    sentences = [
        rng.choices(WORDS, k=rng.randint(0, 9)) for _ in range(rng.randint(1, 4))
    ]
    return "\n".join(" ".join(words) for words in sentences)


def main() -> None:
    from rouge_score.rouge_scorer import RougeScorer

    rng = random.Random(0)
    scorer = RougeScorer(NAMES)
    rows = []
    for _ in range(40):
        prediction, reference = summary(rng), summary(rng)
        scores = scorer.score(reference, prediction)
        rows.append([prediction, reference, [scores[n].fmeasure for n in NAMES]])
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(rows, indent=0) + "\n")


if __name__ == "__main__":
    main()
