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
        """Whether it is ahead. A difference counts from two standard errors on.

        True: ahead in both numbers. False: behind in one, and not ahead in the other.
        None: anything else.
        """
        ahead = [
            _counts(-self.nll, self.nll_error),
            _counts(self.cider, self.cider_error),
        ]
        if ahead == [1, 1]:
            return True
        return False if sum(ahead) < 0 else None


def _counts(ahead: float, error: float) -> int:
    """1: ahead; -1: behind; 0: by less than two standard errors."""
    return int(np.sign(ahead)) if abs(ahead) > 2 * error else 0


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
