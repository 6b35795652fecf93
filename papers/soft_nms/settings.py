"""The settings that are compared: a rule, and its N_t or sigma."""

from collections.abc import Iterable
from typing import NamedTuple

from common.soft_nms import Suppression
from papers.soft_nms.config import Eval


class Setting(NamedTuple):
    method: str  # "none", "hard", "linear" or "gaussian"
    value: float = 1.0  # N_t, or the Gaussian's sigma

    def __str__(self) -> str:
        return self.method if self.method == "none" else f"{self.method} {self.value:g}"

    def suppression(self, score_threshold: float, **more) -> Suppression:
        """As a config section. No overlap is above 1: that is no suppression."""
        if self.method == "gaussian":
            rule = Suppression("gaussian", sigma=self.value)
        else:
            method = "hard" if self.method == "none" else self.method
            rule = Suppression(method, iou_threshold=self.value)
        rule.score_threshold = score_threshold
        vars(rule).update(more)
        return rule


NONE = Setting("none")
METHODS = ("hard", "linear", "gaussian")
# The paper's own: N_t .3 for its detectors' hard suppression and for the linear rule,
# sigma .5.
PAPER = (Setting("hard", 0.3), Setting("linear", 0.3), Setting("gaussian", 0.5))


def swept(config: Eval) -> list[Setting]:
    """Every setting of the config and the paper's; hard over the same N_t as linear."""
    values = {
        "hard": config.iou_thresholds,
        "linear": config.iou_thresholds,
        "gaussian": config.sigmas,
    }
    settings = {Setting(m, value) for m in METHODS for value in values[m]}
    return [s for m in METHODS for s in of_method(settings | {*PAPER}, m)]


def of_method(settings: Iterable[Setting], method: str) -> list[Setting]:
    """Those of one rule, by their value."""
    return sorted(s for s in settings if s.method == method)
