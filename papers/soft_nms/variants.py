"""The variants of Soft-NMS: which detectors' boxes are suppressed."""

from functools import partial

from common.variants import get
from papers import yolov3
from papers.soft_nms.config import Config, Eval


def _default() -> Config:
    """YOLOv3's small detector of digits on photographs, 3 seeds, its boxes under every
    rule: one class and ten, crowds and others."""
    detector = yolov3.get_config("default")
    detector.runs = ("yolov3", "yolov3_seed1", "yolov3_seed2", "classifier")
    detector.eval.suppression.score_threshold = 0.005  # of the raw boxes
    return Config(detector)


def _smoke() -> Config:
    """Seconds, a tiny detector on few scenes: what the tests run."""
    settings = Eval(
        iou_thresholds=(0.3, 0.6),
        sigmas=(0.5,),
        chosen_on=8,
        pictures=1,
        timed=False,
    )
    return Config(yolov3.get_config("smoke"), settings)


def _folder() -> Config:
    """A folder of yours, VOC, COCO or darknet: tiny YOLOv3 trained on it, then its
    boxes under every rule (--config.detector.data.root=FOLDER)."""
    return Config(yolov3.get_config("tiny_voc"))


VARIANTS = {"default": _default, "smoke": _smoke, "folder": _folder}

# Parameters of the first run, a detector of papers/yolov3, for VOC's twenty classes.
PARAM_COUNTS = {"folder": 8_713_766}

get_config = partial(get, VARIANTS)
