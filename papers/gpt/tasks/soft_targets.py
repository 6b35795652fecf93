"""Scores as distributions over the whole numbers from 0 to 5 (Tai et al. 2015,
https://arxiv.org/abs/1503.00075, section 5.2)."""

import numpy as np
from jaxtyping import Float, Num

from papers.gpt.tasks.task import TOP_SCORE


def soft_target(scores: Num[np.ndarray, "*rows"]) -> Float[np.ndarray, "*rows 6"]:
    """The distribution whose mean is the score y: floor(y) + 1 has y - floor(y), and
    floor(y) has the rest. Scores are in [0, 5]."""
    scores = np.asarray(scores, np.float64)
    distance = np.abs(scores[..., None] - np.arange(TOP_SCORE + 1))
    return np.maximum(1 - distance, 0).astype(np.float32)


def expected(soft: Float[np.ndarray, "*rows 6"]) -> Float[np.ndarray, "*rows"]:
    """The mean score of distributions: what is predicted of them."""
    return np.asarray(soft, np.float64) @ np.arange(TOP_SCORE + 1)
