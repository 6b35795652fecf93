"""Relative effective context length (Dai et al. 2019, section 4.3 and appendix C).

The longest context that a model still profits from, compared within a group of models.
A model profits if its loss falls when its context grows. Only positions that are hard
for every model of the group count, and only as far as the loss falls below the best
loss that any model of the group has with the shorter context.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

LossFn = Callable[[str, int], Float[np.ndarray, "position"]]

PAPER = "XL-151M 900/800/700, QRNN 500/400/300, LSTM 400/300/200 at r = 0.1/0.5/1"


def relative_gain(
    best: Float[np.ndarray, "position"],
    short: Float[np.ndarray, "position"],
    longer: Float[np.ndarray, "position"],
    fraction: float,
) -> float:
    """(exp f(c, c) - exp f(c, c')) / exp f(c, c), where f(c, c') is the mean of
    min(b_c(t), l(c', t)) over the `fraction` of positions with the largest b_c.

    best: b_c(t), the lowest loss of any model of the group at context c.
    short, longer: one model's losses at c and at c' > c.
    """
    hard = np.argsort(-best, kind="stable")[: max(1, round(fraction * len(best)))]
    now = np.minimum(best, short)[hard].mean()
    then = np.minimum(best, longer)[hard].mean()
    return float((np.exp(now) - np.exp(then)) / np.exp(now))


def recl(
    models: list[str],
    loss: LossFn,
    *,
    step: int,
    longest: int,
    fraction: float,
    threshold: float = 0.01,
) -> dict[str, int]:
    """The RECL of each model, in tokens: its context grows by `step` until the relative
    gain is below `threshold`, or until the context is `longest`.

    `loss(model, context)` is l(c, t), at the same positions t for all models.
    """

    def length(model: str) -> int:
        for context in range(step, longest, step):
            best = np.min([loss(m, context) for m in models], axis=0)
            longer = loss(model, context + step)
            if relative_gain(best, loss(model, context), longer, fraction) < threshold:
                return context
        return longest

    return {model: length(model) for model in models}
