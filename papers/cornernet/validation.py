"""Average precision while training: what the host computes of found boxes."""

from typing import Any

import numpy as np

from common.data.annotated_batches import boxes_back
from common.detection_metrics import coco_metrics
from common.truth import Found, found
from papers.cornernet.config import Config
from papers.cornernet.data import split_of


def validate(config: Config, outputs: dict[str, Any]) -> dict[str, float]:
    """ "AP" and "AP50", of the boxes that `eval_step` found in the validation split."""
    rows = outputs["found"]
    data = split_of(config, "valid")
    findings = in_pictures({**rows, "mask": np.ones(len(rows["index"]))})
    truths = [data.truth(int(i)) for i in rows["index"]]
    scores = coco_metrics(truths, findings, data.names, by_size=False)
    return {"AP": max(scores.ap, 0.0), "AP50": max(scores.ap50, 0.0)}


def in_pictures(rows: dict[str, np.ndarray]) -> list[Found]:
    """Rows of found boxes in the input, as boxes in the pictures themselves."""
    results = []
    for i in np.flatnonzero(rows["mask"] > 0):
        there = rows["present"][i]
        boxes = rows["boxes"][i][there]
        boxes = boxes_back(boxes, rows["letterbox"][i], rows["size"][i])
        results.append(
            found(boxes, rows["scores"][i][there], rows["classes"][i][there])
        )
    return results
