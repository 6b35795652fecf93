"""The tables and pictures of trained detectors: average precision, what a classifier's
trunk is worth, and the rules of suppression."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from common.contract import Claim, Table, summary
from common.data.annotated_choice import source_of
from common.detection_metrics import CocoScores, coco_metrics, voc_ap
from common.detection_tables import class_table, percent
from common.truth import Found
from papers.yolov3 import annotations, figures, measure
from papers.yolov3.config import Config
from papers.yolov3.runs import base
from papers.yolov3.train import State

Values = Iterator[tuple[str, Any]]
PAGE = "[YOLOv3](papers/yolov3)"
# Runs that section 4 tried in vain, and what it says of them.
IN_VAIN = {
    "focal": "about 2 AP less",
    "linear_xy": "a couple of AP less",
    "multiple_xy": "decreased stability, did not work well",
    "two_thresholds": "could not get good results",
}


@dataclasses.dataclass
class Detector:
    """A trained run, and what it says of the test pictures before suppression."""

    name: str
    config: Config
    state: State
    raw: list[measure.Raw]
    found: list[Found]  # in the test pictures, by `eval.suppression`
    scores: CocoScores


def evaluate(config: Config, trained: Mapping[str, tuple[Config, State]]) -> Values:
    """Yields (name, value): AP of every detector, by class and by size, its curves and
    pictures, and the three rules of suppression. Settings are chosen on the validation
    split, and all numbers are the test split's."""
    detectors = []
    for name, (c, state) in trained.items():
        if c.task == "detect":
            detectors.append(_detector(name, c, state))
        else:
            yield "Classifier", _classifier(name, c, state)
    if not detectors:
        return
    first = detectors[0]
    yield "Average precision", _precision(detectors)
    if len(_by_base(detectors)) < len(detectors):
        yield "Over seeds", _seeds(detectors)
    yield "By class", _by_class(first)
    yield (
        "Precision and recall",
        figures.precision_recall({one.name: one.scores for one in detectors}),
    )
    yield (
        "Precision and recall by IoU",
        figures.precision_recall_by_iou(first.scores),
    )
    if config.eval.pictures:
        yield (
            "Hits and misses",
            figures.hits_and_misses(first.config, "test", first.found),
        )
    for i in range(min(config.eval.pictures, len(first.found))):
        yield (
            f"Found in picture {i}, beside the truth",
            figures.beside_truth(first.config, "test", first.found, i),
        )
    if config.eval.compare:
        same = next(iter(_by_base(detectors).values()))
        yield "Suppression", _suppression(same)
    if in_vain := _in_vain(detectors):
        yield "What did not help", in_vain
    if claims := [*_claims(detectors)]:
        yield "Summary", summary(PAGE, claims)


def _detector(name: str, config: Config, state: State) -> Detector:
    raw = measure.raw_detections(config, state, "test")
    found = measure.after_suppression(raw, config.eval.suppression)
    scores = coco_metrics(
        measure.truths_of(config, "test"), found, measure.names(config)
    )
    return Detector(name, config, state, raw, found, scores)


def _precision(detectors: list[Detector]) -> Table:
    columns = ("run", "AP", "AP50", "AP75", "S", "M", "L", "AR100", "VOC AP50")
    rows = []
    for one in detectors:
        s = one.scores
        numbers = (s.ap, s.ap50, s.ap75, s.small, s.medium, s.large, s.ar100)
        truths = measure.truths_of(one.config, "test")
        voc = voc_ap(truths, one.found, offset=0.0).mean
        rows.append([one.name, *map(percent, (*numbers, voc))])
    rule = detectors[0].config.eval.suppression
    note = (
        f"per cent, {len(detectors[0].found):,} test pictures; {rule.method} "
        f"suppression; S below 32 x 32 pixels, L above 96 x 96"
    )
    return Table(columns, rows, note)


def _by_base(detectors: list[Detector]) -> dict[str, list[Detector]]:
    groups: dict[str, list[Detector]] = {}
    for one in detectors:
        groups.setdefault(base(one.name)[0], []).append(one)
    return groups


def _seeds(detectors: list[Detector]) -> Table:
    """Means and standard deviations over the seeds of a run."""
    rows = []
    for name, seeds in _by_base(detectors).items():
        values = 100 * np.array([[s.scores.ap, s.scores.ap50, s.scores.ap75]
                                 for s in seeds])  # fmt: skip
        spread = values.std(0, ddof=1) if len(seeds) > 1 else [None] * 3
        pairs = zip(values.mean(0), spread, strict=True)
        rows.append([name, len(seeds), *(x for pair in pairs for x in pair)])
    columns = ("run", "seeds", "AP", "sd", "AP50", "sd", "AP75", "sd")
    return Table(columns, rows, "per cent; sd: between seeds")


def _by_class(one: Detector) -> Table:
    return dataclasses.replace(class_table(one.scores), note=f"run {one.name}")


def _suppression(detectors: list[Detector]) -> Table:
    """The three rules on one run and its seeds, each with the setting that is best on
    the validation split."""
    valid = [measure.raw_detections(d.config, d.state, "valid") for d in detectors]
    rows = []
    for method in measure.SETTINGS:
        for one, raw in zip(detectors, valid, strict=True):
            chosen = measure.best_setting(one.config, raw, method)
            test = measure.scored(one.config, one.raw, "test", chosen.rule)
            number = (
                chosen.rule.sigma if method == "gaussian" else chosen.rule.iou_threshold
            )
            numbers = (chosen.scores.ap, test.ap, test.ap50, test.ap75, test.ar100)
            rows.append([method, one.name, number, *map(percent, numbers)])
    columns = (
        "rule",
        "run",
        "N_t or sigma",
        "AP, valid",
        "AP",
        "AP50",
        "AP75",
        "AR100",
    )
    note = "the setting with the best AP on the validation split; then the test split"
    return Table(columns, rows, note)


def _in_vain(detectors: list[Detector]) -> Table | None:
    """What section 4 tried, beside the detector with the same start."""
    named = {one.name: one for one in detectors}
    tried = [name for name in IN_VAIN if name in named]
    if not tried or "yolov3" not in named:
        return None
    own = named["yolov3"].scores
    rows = []
    for name in tried:
        other = named[name].scores
        changes = (other.ap - own.ap, other.ap50 - own.ap50)
        rows.append([name, *(100 * change for change in changes), IN_VAIN[name]])
    columns = ("run", "AP, points", "AP50, points", "the paper (COCO)")
    return Table(columns, rows, "change against the run yolov3; below 0: it is worse")


def _classifier(name: str, config: Config, state: State) -> Table:
    found = measure.classifier_error(config, state, "test")
    row = [name, found["loss"], 100 * found["error"]]
    kind = config.classifier.root or "crops of one digit"
    columns = ("run", "test loss", "test error %")
    return Table(columns, [row], f"the trunk that detectors start from; {kind}")


def _claims(detectors: list[Detector]) -> Iterator[Claim]:
    groups = _by_base(detectors)
    first = detectors[0].config
    pictures = len(annotations.annotated(first.data, "test"))
    composed = source_of(first.data) == "scenes"
    data = f"{pictures:,} {'composed scenes' if composed else 'pictures'}"

    def mean(name: str) -> float:
        return float(np.mean([one.scores.ap50 for one in groups[name]]))

    if "yolov3" in groups and "scratch" in groups:
        with_trunk, without = mean("yolov3"), mean("scratch")
        yield Claim(
            "a detector starts from a classifier's trunk",
            "Darknet-53 is trained on ImageNet first (no ablation)",
            f"AP50 {100 * with_trunk:.1f} with, {100 * without:.1f} without ({data})",
            with_trunk > without,
        )
    if "yolov3" in groups and "focal" in groups:
        before, after = mean("yolov3"), mean("focal")
        yield Claim(
            "the focal loss does not help",
            "AP falls by about 2 points (COCO)",
            f"AP50 {100 * before:.1f} to {100 * after:.1f} ({data})",
            after <= before,
        )
