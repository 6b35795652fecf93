"""The runs of a config: what each changes, and what it comes after."""

import dataclasses
import re
from typing import Any

from common.config import changed, check
from common.contract import Run, UserError
from common.data.annotated_choice import PLANNED_CLASSES, is_named, source_of
from common.nearest import refuse_unknown
from common.variants import runs_of as checked_runs
from papers.yolov3 import annotations
from papers.yolov3.cfg import strides, yolo_layers
from papers.yolov3.config import Config, network

_SEED = re.compile(r"(.*)_seed([1-9]\d?)")
# What each run changes, and whether it starts from the classifier.
DETECTORS: dict[str, tuple[dict[str, Any], bool]] = {
    "yolov3": ({}, True),
    "scratch": ({}, False),
    "focal": ({"objective.focal": 2.0}, True),
    "linear_xy": ({"objective.xy": "linear"}, True),
    "multiple_xy": ({"objective.xy": "multiple"}, True),
    "two_thresholds": (
        {"objective.assign": "two", "objective.ignore": 0.3, "objective.positive": 0.7},
        True,
    ),
}
CLASSIFIER = "classifier"


def runs(config: Config) -> dict[str, Run]:
    """The rows of the variant's table. yolov3_seed1 is yolov3 with another seed."""
    check(config)
    if config.task != "detect":
        raise UserError("config.task follows from config.runs: choose runs")
    config = with_classes(config)
    made = checked_runs(config, lambda name: changes(config, name), _check)
    pretrained = (CLASSIFIER,) if CLASSIFIER in made else ()
    return {
        name: dataclasses.replace(run, after=pretrained if _builds_on(name) else ())
        for name, run in made.items()
    }


def base(run: str) -> tuple[str, int]:
    """The run's name without its seed, and its seed's number."""
    found = _SEED.fullmatch(run)
    return (found[1], int(found[2])) if found else (run, 0)


def _builds_on(run: str) -> bool:
    name, _ = base(run)
    return name != CLASSIFIER and DETECTORS[name][1]


def changes(config: Config, run: str) -> dict[str, Any]:
    """What a run changes in the config."""
    name, number = base(run)
    refuse_unknown("run", name, (*DETECTORS, CLASSIFIER))
    if name == CLASSIFIER:
        c = config.classifier
        return {
            "task": "classify",
            "loop.steps": c.steps,
            "loop.best": "",
            "optim.lr": c.lr,
            "data.batch_size": c.batch_size,
        }
    seed = {"seed": (config.seed + number) % 2**32} if number else {}
    return {**DETECTORS[name][0], **seed}


def with_classes(config: Config) -> Config:
    """The config with the numbers and names of classes that the training sets have,
    where it leaves them open. They are kept in each run's config.json."""
    m, c = config.model, config.classifier
    found = {}
    if not m.classes and not config.data.names and not is_named(config.data):
        found = {"model.classes": PLANNED_CLASSES}
    elif not m.classes and not config.data.names:
        names = annotations.names(config.data)
        found = {"model.classes": len(names), "data.names": names}
    elif not m.classes:
        found = {"model.classes": len(config.data.names)}
    if CLASSIFIER in config.runs and not c.classes:
        found["classifier.classes"] = annotations.count_image_classes(c)
    return changed(config, found)


def _check(config: Config) -> None:
    d = config.data
    if d.names and len(d.names) != config.model.classes:
        raise UserError(
            f"config.data.names: {len(d.names)} names for {config.model.classes} "
            "classes (config.model.classes)"
        )
    for low, high, name in (*[(*d.digits, "digits")], *[(*d.ink, "ink")]):
        if low > high:
            raise UserError(f"config.data.{name}={low},{high}: the first is the least")
    if source_of(d) == "scenes" and d.ink[1] > d.size:
        raise UserError(f"config.data.ink: at most config.data.size, {d.size}")
    if config.objective.positive < config.objective.ignore and (
        config.objective.assign == "two"
    ):
        raise UserError("config.objective.positive: at least config.objective.ignore")
    cfg = network(config)
    if config.task == "classify":
        return
    if not yolo_layers(cfg):
        raise UserError(
            f"config.model.cfg={config.model.cfg}: it classifies, and has no [yolo]"
        )
    step = max(strides(cfg))
    for side in (d.size, *d.sizes):
        if side % step:
            raise UserError(f"config.data.size={side}: a multiple of {step} is wanted")
