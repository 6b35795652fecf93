"""A trained run's answers on the test, and its scores."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from common.metrics import over
from papers.sptree import data, measure, scoring, train
from papers.sptree.config import Config
from papers.sptree.corpus import corpus
from papers.sptree.scoring import Score
from papers.sptree.sources.annotated_sentence import AnnotatedSentence


@dataclasses.dataclass(frozen=True)
class Scored:
    """A run, and of each seed the annotated test sentences."""

    name: str
    config: Config
    gold: Sequence[AnnotatedSentence]
    said: Sequence[Sequence[AnnotatedSentence]]  # by seed
    lost: float  # entities a sentence that no pair was made of, mean over the seeds
    parameters: int  # of one seed
    of_pairs: int  # of them, those that make the vector of a pair

    @classmethod
    def of(cls, name: str, config: Config, state: Any) -> "Scored":
        said, lost = predictions(config, state, "test")
        between = state.params.get("relation", {}).get("tree", {})
        counts = [
            sum(x.size for x in jax.tree.leaves(tree)) // config.seeds
            for tree in (state.params, between)
        ]
        return cls(name, config, corpus(config).sentences["test"], said, lost, *counts)

    @functools.cached_property
    def scores(self) -> list[Score]:
        """Of each seed."""
        return [scoring.score(self.gold, said) for said in self.said]

    @functools.cached_property
    def whole_scores(self) -> list[Score]:
        """With what the reader of the corpus left out as missed."""
        dropped = corpus(self.config).dropped["test"]
        return [measure.with_dropped(score, dropped) for score in self.scores]

    def values(self, value: Callable[[Score], float]) -> Float[np.ndarray, "seeds"]:
        return np.array([value(score) for score in self.scores])

    def relation_f1(self) -> Float[np.ndarray, "seeds"]:
        return self.values(lambda score: score.relations.f1)

    def p(self, other: "Scored", of: str, shuffles: int) -> float:
        """How probable so large a difference in F1 is by chance: approximate
        randomisation over the test sentences, each seed's taken together."""
        gold = [*self.gold] * len(self.said)
        ours = [sentence for said in self.said for sentence in said]
        theirs = [sentence for said in other.said for sentence in said]
        return measure.differ(gold, ours, theirs, of, shuffles)


def predictions(
    config: Config, state: Any, split: str
) -> tuple[list[list[AnnotatedSentence]], float]:
    """Of every seed all sentences of a split, as the network annotates them, and how
    many entities a sentence were not paired. Sentences longer than every bucket get
    nothing."""
    step = jax.jit(partial(train.eval_step, config))
    found = over(lambda batch: step(state, batch), data.batches(config, split))
    outputs = found["outputs"]
    sentences = corpus(config).sentences[split]
    rows = [int(row) for row in outputs["row"]]
    chosen = [sentences[row] for row in rows]
    every = []
    for seed in range(config.seeds):
        said = [dataclasses.replace(s, entities=(), relations=()) for s in sentences]
        answers = scoring.read(config, outputs, chosen, seed)
        for row, answer in zip(rows, answers, strict=True):
            said[row] = answer
        every.append(said)
    lost = np.mean(outputs["lost"]) if "lost" in outputs else 0.0
    return every, float(lost)
