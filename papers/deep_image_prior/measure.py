"""A finished run on the host, with the numbers that tables and pictures need."""

import dataclasses
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from common.host import to_host
from common.resize import enlarge
from papers.deep_image_prior.config import Config
from papers.deep_image_prior.data import restart, row_name
from papers.deep_image_prior.train import State, quality, restored

Images = Float[np.ndarray, "rows height width channels"]
# By task: the name of what needs no net.
UNTRAINED = {"sr": "bicubic", "inpaint": "mean filling", "restore": "mean filling"}


@dataclasses.dataclass(frozen=True)
class Fit:
    """One finished run, on the host."""

    name: str
    config: Config
    state: State
    result: Images  # the restored pictures, of `train.restored`

    @property
    def impedance(self) -> bool:
        """Whether this is the experiment of figure 2."""
        return len(self.config.data.targets) > 1

    @property
    def prior(self) -> bool:
        """Whether a net makes the picture."""
        return self.config.model.family == "skip"

    @property
    def truth(self) -> Images:
        return self.state.problem["truth"]

    @property
    def rows(self) -> range:
        """The rows that are shown."""
        return range(min(self.config.eval.shown, len(self.truth)))

    @property
    def steps(self) -> np.ndarray:
        """The steps of the history's samples, counted from 1."""
        return np.arange(0, int(self.state.step), self.config.history.every) + 1

    def history(self, name: str, row: int) -> np.ndarray:
        """A row's samples of a quality, at `steps`."""
        return self.state.history[name][row][: len(self.steps)]

    @property
    def restarts(self) -> list[int]:
        """The rows that restore the first picture."""
        every = int(np.sum(restart(self.config.data) == 0))
        return [*range(0, len(self.truth), every)]

    def label(self, row: int) -> str:
        return row_name(self.config, row)

    def quality(self, images: Images) -> np.ndarray:
        """`train.quality` of each row's image."""
        return np.asarray(quality(self.config, images, self.truth))


def gather(name: str, config: Config, state: Any) -> Fit:
    """The run's state, fetched to the host, and its result."""
    result = jax.jit(partial(restored, config))(state)
    wanted = ("step", "problem", "output", "average", "answer", "history", "frames")
    host = {field: to_host(getattr(state, field)) for field in wanted}
    return Fit(name, config, state.replace(**host), to_host(result))


def untrained(fit: Fit) -> Images:
    """What needs no net: the degraded picture as it is, enlarged by bicubic
    interpolation, or with the mean of the known pixels in place of the missing ones."""
    observed = fit.state.problem["observed"]
    if fit.config.task.name == "sr":
        return np.clip(enlarge(observed, fit.config.task.factor), 0, 1)
    if "mask" in fit.state.problem:
        mask = fit.state.problem["mask"]
        known = np.maximum(mask.sum((1, 2), keepdims=True), 1)
        return observed + (1 - mask) * observed.sum((1, 2), keepdims=True) / known
    return observed
