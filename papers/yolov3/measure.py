"""What a detector finds in a split, and how good that is."""

import dataclasses
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
from common.soft_nms import Suppression, suppress
from common.truth import Found, Truth, found
from papers.yolov3 import annotations, data
from papers.yolov3.annotations import annotated
from papers.yolov3.config import Config
from papers.yolov3.detector import predicted, refuse_nan, scores_of
from papers.yolov3.train import State, ema_variables, eval_step


class Raw(NamedTuple):
    """What a detector says of a picture before suppression, sorted by nothing."""

    boxes: Float[np.ndarray, "n 4"]  # corners in pixels of the picture, not clipped
    scores: Float[np.ndarray, "n classes"]  # 0 where a class is too unlikely
    size: tuple[int, int]  # height and width of the picture


def validate(config: Config, outputs: Mapping[str, Any]) -> dict[str, float]:
    """{"ap", "ap50", "ap75"} of a detector on the validation pictures, or those of a
    batch."""
    if "found" not in outputs:
        return {}
    rows = outputs["found"]
    truths, detections = measured(config, "valid", rows)
    scores = coco_metrics(truths, detections, names(config), by_size=False)
    return {"ap": scores.ap, "ap50": scores.ap50, "ap75": scores.ap75}


def names(config: Config) -> tuple[str, ...]:
    """Of the network's classes."""
    return annotations.class_names(config.data, config.model.classes)


def measured(
    config: Config, split: str, rows: Mapping[str, np.ndarray]
) -> tuple[list[Truth], list[Found]]:
    """The truth and the findings of those pictures of a split that `rows` are of, in
    pixels of the pictures.

    rows: "found" of `train.eval_step`."""
    refuse_nan(rows["diverged"])
    pictures = annotated(config.data, split)
    truths = [pictures.truth(int(i)) for i in rows["index"]]
    boxes = [
        clip(own, *size)
        for own, size in zip(
            boxes_back(config, rows["size"], rows["boxes"]), rows["size"], strict=True
        )
    ]
    detections = [
        found(box[present], score[present], label[present])
        for box, score, label, present in zip(
            boxes, rows["scores"], rows["classes"], rows["present"], strict=True
        )
    ]
    return truths, detections


def boxes_back(config: Config, sizes, boxes) -> list[np.ndarray]:
    """Boxes of the network's inputs, in pixels of pictures of these sizes (height,
    width)."""
    side = config.data.size
    result = []
    for (height, width), own in zip(sizes.tolist(), boxes, strict=True):
        box = letterbox(height, width, side, side)
        result.append(box.boxes_back(np.asarray(own)))
    return result


def raw_detections(config: Config, state: State, split: str) -> list[Raw]:
    """What the detector says of every picture of a split before suppression: boxes
    whose objectness, and classes whose probability, is above
    `eval.suppression.score_threshold`, and of these the `eval.candidates` best. As in
    darknet, boxes are clipped to their pictures after suppression."""
    run = jax.jit(partial(_candidates, config))
    pictures = annotated(config.data, split)
    nothing = np.zeros((0, 4)), np.zeros((0, config.model.classes))
    result = [Raw(*nothing, (1, 1))] * len(pictures)
    variables = ema_variables(state)
    for batch in data.batches(config, split):
        image = split_beside(variables, batch["image"])
        boxes, class_scores = to_host(run(variables, state.anchors, image))
        refuse_nan(np.isnan(class_scores))
        for row in np.flatnonzero(batch["mask"]):
            i = int(batch["index"][row])
            likely = class_scores[row].max(-1) > 0
            (own,) = boxes_back(config, batch["size"][[row]], [boxes[row][likely]])
            size = tuple(batch["size"][row].tolist())
            result[i] = Raw(own, class_scores[row][likely], size)
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
    numbers = {name: vars(rule)[name] for name in _NUMBERS}
    others = {k: v for k, v in vars(rule).items() if k not in _NUMBERS}
    result = []
    for start in range(0, len(raw), _AT_ONCE):
        part = raw[start : start + _AT_ONCE]
        boxes = np.zeros((_AT_ONCE, most, 4), np.float32)
        values = np.zeros((_AT_ONCE, most, part[0].scores.shape[-1]), np.float32)
        for i, one in enumerate(part):
            boxes[i, : len(one.boxes)] = one.boxes
            values[i, : len(one.boxes)] = one.scores
        left = to_host(_suppressed(boxes, values, numbers, **others))
        for i in range(len(part)):
            there = left.present[i]
            own = clip(left.boxes[i][there], *part[i].size)
            result.append(found(own, left.scores[i][there], left.classes[i][there]))
    return result


_AT_ONCE = 50  # pictures
# Of a rule: one program serves all values of these.
_NUMBERS = ("iou_threshold", "sigma", "score_threshold")


@partial(jax.jit, static_argnames=("method", "per_class", "keep", "agnostic"))
def _suppressed(boxes, values, numbers, **others):
    return suppress(boxes, values, **numbers, **others)


def truths_of(config: Config, split: str) -> list[Truth]:
    """The objects of every picture of a split."""
    return [*annotated(config.data, split).truths]


class Setting(NamedTuple):
    """A rule of suppression, and how a detector scores with it on a split."""

    rule: Suppression
    scores: CocoScores


def scored(
    config: Config, raw: Sequence[Raw], split: str, rule: Suppression
) -> CocoScores:
    """COCO's numbers of what a rule leaves, but for those by size."""
    detections = after_suppression(raw, rule)
    truths = truths_of(config, split)
    return coco_metrics(truths, detections, names(config), by_size=False)


# What is tried of each rule, on the validation split.
SETTINGS = {
    "hard": [{"iou_threshold": x} for x in (0.3, 0.45, 0.6, 0.7)],
    "linear": [{"iou_threshold": x} for x in (0.3, 0.45, 0.6, 0.7)],
    "gaussian": [{"sigma": x} for x in (0.2, 0.3, 0.5, 0.8)],
}


def best_setting(config: Config, raw: Sequence[Raw], method: str) -> Setting:
    """The setting of a rule with the largest AP on the validation split.

    raw: `raw_detections` of that split."""
    own = config.eval.suppression
    rules = [
        dataclasses.replace(own, method=method, **changes)
        for changes in SETTINGS[method]
    ]
    tried = [Setting(rule, scored(config, raw, "valid", rule)) for rule in rules]
    return max(tried, key=lambda setting: setting.scores.ap)


def classifier_error(config: Config, state: State, split: str) -> dict[str, float]:
    """Loss and error of the classifier."""
    step = partial(jax.jit(partial(eval_step, config)), state)
    return over(step, data.batches(config, split))
