"""How two runs differ on the same pictures, seed by seed."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from papers.captioning.measure import Measured


class Difference(NamedTuple):
    """Means over seeds, one run less another; errors are over the pictures."""

    nll: float  # nats a target; below 0 is better
    nll_error: float
    nll_by_seed: Float[np.ndarray, "seeds"]
    cider: float  # times 100; above 0 is better
    cider_error: float
    cider_by_seed: Float[np.ndarray, "seeds"]

    @property
    def better(self) -> bool | None:
        """Whether it is ahead, where two standard errors are a difference: in both
        numbers, True; in one, or in none, or once ahead and once behind, None; else it
        is behind, False."""
        total = _sign(-self.nll, self.nll_error) + _sign(self.cider, self.cider_error)
        return True if total == 2 else None if total >= 0 else False


def _sign(value: float, error: float) -> int:
    return int(np.sign(value)) if abs(value) > 2 * error else 0


def difference(one: Measured, other: Measured) -> Difference:
    """`one` less `other`, which have as many seeds and the same pictures."""
    pairs = [*zip(one.seeds, other.seeds, strict=True)]
    targets = one.seeds[0].targets
    nll = np.mean([a.nll - b.nll for a, b in pairs], axis=0)
    ratio = nll.sum() / targets.sum()
    # A ratio of sums over pictures: what each adds beyond its share.
    beyond = (nll - ratio * targets) / targets.mean()
    cider = np.mean([a.cider_d - b.cider_d for a, b in pairs], axis=0)
    return Difference(
        nll=float(ratio),
        nll_error=_error(beyond),
        nll_by_seed=np.array([a.nll_a_target - b.nll_a_target for a, b in pairs]),
        cider=float(cider.mean()),
        cider_error=_error(cider),
        cider_by_seed=np.array([(a.cider_d - b.cider_d).mean() for a, b in pairs]),
    )


def _error(values: Float[np.ndarray, "images"]) -> float:
    """The standard error of the mean; infinite for one picture."""
    if len(values) < 2:
        return float("inf")
    return float(values.std(ddof=1) / np.sqrt(len(values)))
