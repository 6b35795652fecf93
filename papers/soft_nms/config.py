"""Configuration of Soft-NMS. It trains nothing of its own: its runs are YOLOv3's."""

import dataclasses
from dataclasses import field

from common.config import above, at_least, between, check_fields
from common.contract import Run, UserError
from common.soft_nms import Suppression
from papers import yolov3
from papers.yolov3.config import Config as Detector


@dataclasses.dataclass
class Eval:
    """Which settings are compared. Those of each rule are chosen on the validation
    split and reported on the test split."""

    # N_t of hard and of linear suppression, and sigma of the Gaussian one.
    iou_thresholds: tuple[float, ...] = between(
        0.0, 1.0, (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    )
    sigmas: tuple[float, ...] = above(0.0, (0.1, 0.3, 0.5, 0.7, 0.9, 1.2))
    chosen_on: int = at_least(1, 200)  # pictures of the validation split
    score_threshold: float = at_least(0.0, 1e-3)  # lowered scores below are dropped
    crowded: float = between(0.0, 1.0, 0.3)  # IoU of two objects of a class: a crowd
    pictures: int = at_least(0, 6)  # in which hard suppression loses an object
    timed: bool = True  # measure seconds


@dataclasses.dataclass
class Predict:
    """How a file of boxes is rescored."""

    suppression: Suppression = field(default_factory=lambda: Suppression("linear"))
    offset: float = between(0.0, 1.0, 0.0)  # 1: corners are inclusive pixels
    # The file to write, .json or .npz, or a folder; "": beside the input, with the
    # method in its name.
    out: str = ""
    annotations: str = ""  # COCO's json of the truth: print scores of every rule
    sweep: bool = False  # and of all settings of config.eval


@dataclasses.dataclass
class Config:
    detector: Detector = field(default_factory=Detector)  # as of papers/yolov3
    eval: Eval = field(default_factory=Eval)
    predict: Predict = field(default_factory=Predict)


def runs(config: Config) -> dict[str, Run]:
    """YOLOv3's runs of `config.detector`."""
    check_fields(config)
    if not config.eval.iou_thresholds or not config.eval.sigmas:
        raise UserError("config.eval.iou_thresholds and .sigmas: give one at least")
    try:
        made = yolov3.runs(config.detector)
    except UserError as error:  # it names its fields as its own config has them
        line = str(error).replace("config.", "config.detector.")
        raise UserError(line) from None
    return {
        name: dataclasses.replace(run, paper="yolov3") for name, run in made.items()
    }
