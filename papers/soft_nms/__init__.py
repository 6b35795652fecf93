"""Soft-NMS: Improving Object Detection With One Line of Code.

Bodla, Singh, Chellappa, Davis 2017, arXiv:1704.04503.

Non-maximum suppression drops every box that overlaps a better one, and with it objects
that stand close together. Soft-NMS lowers their scores instead: of two boxes on one
object the worse one falls behind, and of two boxes on two objects both stay.

    >>> import numpy as np
    >>> from papers import soft_nms
    >>> boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [0, 5, 10, 15]])
    >>> kept = soft_nms.soft_nms(boxes, np.array([0.9, 0.8, 0.7]), method="linear")
    >>> kept.index
    array([0, 2, 1])
    >>> kept.scores.round(2)
    array([0.9 , 0.47, 0.16], dtype=float32)

It trains nothing of its own: its runs are those of `papers.yolov3`.
"""

from papers.soft_nms.config import runs
from papers.soft_nms.evaluate import evaluate
from papers.soft_nms.lecture import LECTURE
from papers.soft_nms.predict import predict
from papers.soft_nms.rescore import soft_nms, soft_nms_merge
from papers.soft_nms.variants import PARAM_COUNTS, VARIANTS, get_config
from papers.yolov3 import (
    CPU_DEVICES,
    State,
    batch_spec,
    batches,
    eval_step,
    init,
    train_step,
    validate,
)


def predicts_untrained(config) -> bool:
    """Always: boxes and scores are all that a rule reads."""
    return True
