"""What a detector finds in a split, and how good that is."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from common.boxes import clip, letterbox
from common.detection_metrics import CocoScores, coco_metrics
from common.host import to_host
from common.metrics import over
from common.rows import split_beside
from common.soft_nms import Suppression, by_config
from common.truth import Found, Truth, found
from papers.yolov3 import data
from papers.yolov3.annotations import annotated
from papers.yolov3.config import Config
from papers.yolov3.train import State, ema_variables, eval_step, predicted, scores_of


class Raw(NamedTuple):
    """What a detector says of a picture before suppression, sorted by nothing."""

    boxes: Float[np.ndarray, "n 4"]  # corners in pixels of the picture, clipped to it
    scores: Float[np.ndarray, "n classes"]  # 0 where a class is too unlikely


def validate(config: Config, outputs: Mapping[str, Any]) -> dict[str, float]:
    """{"ap", "ap50", "ap75"} of a detector on the validation pictures, or those of a
    batch."""
    if "found" not in outputs:
        return {}
    rows = outputs["found"]
    truths, detections = measured(config, "valid", rows)
    scores = coco_metrics(truths, detections, names(config))
    return {"ap": scores.ap, "ap50": scores.ap50, "ap75": scores.ap75}


def names(config: Config) -> tuple[str, ...]:
    """Of the network's classes; numbers where the set has fewer."""
    found = annotated(config.data, "train").names
    return (*found, *map(str, range(len(found), config.model.classes)))


def measured(
    config: Config, split: str, rows: Mapping[str, np.ndarray]
) -> tuple[list[Truth], list[Found]]:
    """The truth and the findings of those pictures of a split that `rows` are of, in
    pixels of the pictures.

    rows: "found" of `train.eval_step`."""
    pictures = annotated(config.data, split)
    truths = [pictures.truth(int(i)) for i in rows["index"]]
    boxes = boxes_back(config, rows["size"], rows["boxes"])
    detections = [
        found(box[present], score[present], label[present])
        for box, score, label, present in zip(
            boxes, rows["scores"], rows["classes"], rows["present"], strict=True
        )
    ]
    return truths, detections


def boxes_back(config: Config, sizes, boxes) -> list[np.ndarray]:
    """Boxes of the network's inputs, in pixels of pictures of these sizes (height,
    width), clipped to them."""
    side = config.data.size
    result = []
    for (height, width), own in zip(sizes.tolist(), boxes, strict=True):
        box = letterbox(height, width, side, side)
        result.append(clip(box.boxes_back(np.asarray(own)), height, width))
    return result


def scores(config: Config, state: State, split: str) -> CocoScores:
    """COCO's numbers of a detector after `eval.suppression`."""
    step = partial(jax.jit(partial(eval_step, config)), state)
    rows = over(step, data.batches(config, split))["found"]
    return coco_metrics(*measured(config, split, rows), names(config))


def raw_detections(config: Config, state: State, split: str) -> list[Raw]:
    """What the detector says of every picture of a split before suppression: boxes
    whose objectness, and classes whose probability, is above
    `eval.suppression.score_threshold`, and of these the `eval.candidates` best."""
    run = jax.jit(partial(_candidates, config))
    pictures = annotated(config.data, split)
    result: list[Raw] = [Raw(np.zeros((0, 4)), np.zeros((0, config.model.classes)))]
    result *= len(pictures)
    variables = ema_variables(state)
    for batch in data.batches(config, split):
        image = split_beside(variables, batch["image"])
        boxes, class_scores = to_host(run(variables, state.anchors, image))
        for row in np.flatnonzero(batch["mask"]):
            i = int(batch["index"][row])
            likely = class_scores[row].max(-1) > 0
            (own,) = boxes_back(config, batch["size"][[row]], [boxes[row][likely]])
            result[i] = Raw(own, class_scores[row][likely])
    return result


def _candidates(config: Config, variables, anchors, image):
    found = predicted(config, variables, anchors, image)
    scores = scores_of(found, config.eval.suppression.score_threshold)
    count = min(config.eval.candidates, scores.shape[1])
    _, rows = jax.lax.top_k(scores.max(-1), count)
    take = lambda x: jax.numpy.take_along_axis(x, rows[..., None], 1)  # noqa: E731
    return take(found.boxes), take(scores)


def after_suppression(raw: Sequence[Raw], rule: Suppression) -> list[Found]:
    """What a rule leaves of `raw_detections`."""
    most = max((len(one.boxes) for one in raw), default=0)
    run = jax.jit(partial(by_config, config=rule))
    result = []
    for one in raw:
        boxes = np.zeros((most, 4), np.float32)
        values = np.zeros((most, one.scores.shape[-1]), np.float32)
        boxes[: len(one.boxes)] = one.boxes
        values[: len(one.boxes)] = one.scores
        left = to_host(run(boxes, values))
        there = left.present
        result.append(found(left.boxes[there], left.scores[there], left.classes[there]))
    return result
