"""The losses of a batch, by what a run learns."""

from typing import Any

import jax
from jaxtyping import Array, Float

from common.losses import cross_entropy
from common.metrics import Mean, in_top
from papers.yolov3.config import Config, network
from papers.yolov3.decode import boxes_of, in_slots, scales
from papers.yolov3.detector import slots_grid
from papers.yolov3.objective import floor, losses, printed_loss
from papers.yolov3.targets import Targets, Truths, targets


def _classification(config: Config, logits, rows, anchors) -> dict[str, Mean]:
    del config, anchors
    values = {
        "loss": cross_entropy(logits, rows["label"]),
        "error": ~in_top(logits, rows["label"], 1),
    }
    return {name: Mean.of(value, rows["mask"]) for name, value in values.items()}


def _detection(
    config: Config, maps: Any, rows: Any, anchors: Float[Array, "anchors 2"]
) -> dict[str, Mean]:
    c = config.objective
    slots = slots_grid(config, anchors, rows["image"].shape[1:3])
    raw = in_slots(maps)
    aims = batch_targets(config, raw, rows, anchors)
    gamma = {"gamma": c.focal, "alpha": c.focal_alpha}
    parts = losses(raw, aims, slots, xy=c.xy, **gamma)
    values = {"loss": parts.total, **parts._asdict()}
    if c.xy == "logistic" and not c.focal:
        values["above_floor"] = parts.total - floor(aims)
        values["darknet_loss"] = printed_loss(raw, aims, len(maps))
    return {name: Mean.of(value, rows["mask"]) for name, value in values.items()}


LOSSES = {"detect": _detection, "classify": _classification}


def batch_targets(config: Config, raw, rows, anchors) -> Targets:
    """The targets of every image, of what its slots predict now."""
    c = config.objective
    size = rows["image"].shape[1:3]
    slots = slots_grid(config, anchors, size)
    parts = scales(network(config))
    predicted = jax.lax.stop_gradient(boxes_of(raw, slots, c.xy))

    def of_image(truths, boxes):
        return targets(
            truths,
            slots,
            parts,
            anchors,
            boxes,
            size,
            config.model.classes,
            ignore=c.ignore,
            positive_above=c.positive if c.assign == "two" else None,
        )

    truths = Truths(rows["boxes"], rows["classes"], rows["present"])
    return jax.vmap(of_image)(truths, predicted)
