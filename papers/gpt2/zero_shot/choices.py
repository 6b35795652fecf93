"""Items with choices: the model chooses what it finds most probable."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from papers.gpt2.zero_shot.model import Model, continuations


def most_probable(
    model: Model, items: Sequence[Sequence[tuple[str, str]]]
) -> tuple[Int[np.ndarray, "items"], int]:
    """For each item, which of its (context, continuation) pairs has the most probable
    continuation, the first of equals; and how many contexts lost their beginning."""
    scored = continuations(model, [pair for pairs in items for pair in pairs])
    return chosen(scored.nll, [len(pairs) for pairs in items]), scored.cropped


def chosen(
    nll: Float[np.ndarray, "choices"], sizes: Sequence[int]
) -> Int[np.ndarray, "items"]:
    """Which of its choices each item takes; an item has the next `size` of them."""
    parts = np.split(nll, np.cumsum(sizes)[:-1])
    return np.asarray([part.argmin() for part in parts])


def accuracy(chosen: Int[np.ndarray, "items"], labels: Sequence[int]) -> float:
    return float(np.mean(chosen == np.asarray(labels)))


def chance(sizes: Sequence[int]) -> float:
    """The accuracy of guessing."""
    return float(np.mean([1 / size for size in sizes]))
