"""A file of a detector's boxes, before suppression, rescored."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from common.contract import Table, UserError
from common.detection_metrics import CocoScores, coco_metrics
from common.detection_tables import percent
from common.files import coco_results, outputs, storage
from common.files.coco_results import Results
from common.soft_nms import Suppression
from common.truth import Found, Truth, found
from papers.soft_nms import annotations, figures
from papers.soft_nms.config import Config
from papers.soft_nms.rescore import refuse_improbable, rescored
from papers.soft_nms.settings import METHODS, NONE, PAPER, Setting, of_method, swept


def predict(config: Config, state: Any, inputs: str) -> Iterator[Any]:
    """Rescores the boxes of `--input`, COCO results as json or an npz, and writes them
    to `predict.out`: `predict.suppression` in each picture and class, then of each
    picture the best. Yields what was written; and, where `predict.annotations` is
    given, the scores of every rule.

    state: None: nothing is trained.

    UserError: a file that cannot be read or written, scores that are no probabilities,
    or annotations of other pictures.
    """
    del state
    if not inputs:
        raise UserError("--input='' is no file: give COCO results, .json or .npz")
    source = storage.path(inputs)
    boxes = coco_results.read(source)
    refuse_improbable(boxes.scores)
    rule = config.predict.suppression
    truth = None
    if config.predict.annotations:
        truth = annotations.read(config.predict.annotations)
        _check(boxes, truth)
    place = _place(config, source)
    kept = suppressed(config, boxes, rule)
    coco_results.write(place, kept)
    rows = [
        ["boxes", len(boxes), len(kept)],
        ["pictures", len(boxes.image_ids), len({*kept.image.tolist()})],
        ["highest score", *(_highest(x.scores) for x in (boxes, kept))],
    ]
    note = f"{rule.method}; {_counts(rule)}"
    yield "Rescored", Table(("", "read", "written"), rows, note)
    yield "COCO results", place
    if truth is not None:
        scores = _scores(config, boxes, truth)
        yield "Scores", _table(config, scores, len(truth.truths))
        if config.predict.sweep:
            yield (
                "Sensitivity",
                figures.over_parameter(
                    {"AP": {s: own.ap for s, own in scores.items()}}
                ),
            )


def suppressed(config: Config, boxes: Results, rule) -> Results:
    """What a rule leaves of the boxes of every picture, by falling score."""
    single = boxes.scores.astype(np.float32)
    lowered = rescored(
        _groups(boxes),
        boxes.boxes.astype(np.float32),
        single,
        rule,
        per_class=rule.per_class,
        offset=config.predict.offset,
    )
    # A score that nothing has lowered stays as the file has it.
    scores = boxes.scores * (lowered / np.where(single > 0, single, 1))
    rows = np.lexsort((-scores, boxes.image))
    rows = rows[scores[rows] > 0]
    rows = rows[_rank(boxes.image[rows]) < rule.keep]
    return dataclasses.replace(
        boxes,
        image=boxes.image[rows],
        boxes=boxes.boxes[rows],
        scores=scores[rows],
        categories=boxes.categories[rows],
    )


def _groups(boxes: Results) -> Int[np.ndarray, "n"]:
    """A number for each picture and class."""
    _, classes = np.unique(boxes.categories, return_inverse=True)
    return boxes.image * (classes.max(initial=0) + 1) + classes


def _rank(images: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
    """The place of each row among those of its picture, which stand together."""
    _, first, counts = np.unique(images, return_index=True, return_counts=True)
    return np.arange(len(images)) - np.repeat(first, counts)


def _place(config: Config, source: Path) -> Path:
    """Where the result is written."""
    name = f"{source.stem}.{config.predict.suppression.method}{source.suffix.lower()}"
    if not config.predict.out:
        return source.parent / name
    path = outputs.target(config.predict.out, source, name)
    if path.suffix.lower() not in (".json", ".npz"):
        raise UserError(f"config.predict.out={path}: its ending is .json or .npz")
    return path


def _check(boxes: Results, truth: annotations.Annotations) -> None:
    strange = [name for name in boxes.image_ids if name not in truth.truths]
    if strange:
        raise UserError(
            f"{len(strange)} of {len(boxes.image_ids)} pictures are not among the "
            f"annotations, such as image_id {strange[0]!r}: they are of another set"
        )
    boxes.by_picture(truth.category_ids)  # refuses other categories


def _scores(
    config: Config, boxes: Results, truth: annotations.Annotations
) -> dict[Setting, CocoScores]:
    """Those of no suppression, of the paper's settings, and of all of a sweep."""
    settings = {*PAPER, *(swept(config.eval) if config.predict.sweep else ())}
    rows = [NONE, *(s for m in METHODS for s in of_method(settings, m))]
    return {s: _measured(config, boxes, truth, s) for s in rows}


def _table(config: Config, scores: Mapping[Setting, CocoScores], count: int) -> Table:
    """AP, AP50, AP75 and AR100 of every setting."""
    rule = config.predict.suppression
    rows = [
        [str(s), *map(percent, (own.ap, own.ap50, own.ap75, own.ar100))]
        for s, own in scores.items()
    ]
    note = f"{count:,} pictures; {_counts(rule)}"
    return Table(("suppression", "AP", "AP50", "AP75", "AR100"), rows, note)


def _counts(rule: Suppression) -> str:
    return (
        f"at most {rule.per_class} boxes of a class before, {rule.keep} of a picture "
        "after"
    )


def _measured(
    config: Config, boxes: Results, truth: annotations.Annotations, setting: Setting
) -> CocoScores:
    own = config.predict.suppression
    rule = setting.suppression(
        own.score_threshold, per_class=own.per_class, keep=own.keep
    )
    kept = suppressed(config, boxes, rule)
    by_picture = kept.by_picture(truth.category_ids)
    truths: list[Truth] = [*truth.truths.values()]
    seen: list[Found] = [by_picture.get(t.image_id, found([], [])) for t in truths]
    return coco_metrics(truths, seen, truth.names, by_size=False)


def _highest(scores: Float[np.ndarray, "n"]) -> float | None:
    return round(float(scores.max()), 4) if len(scores) else None
