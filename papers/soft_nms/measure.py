"""A detector's raw boxes, what the settings leave of them, and how good that is."""

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float

from common.boxes import iou
from common.detection_metrics import CocoScores, coco_metrics
from common.soft_nms import suppress
from common.truth import Found, Truth
from papers.soft_nms.config import Config
from papers.soft_nms.settings import NONE, PAPER, Setting, of_method, swept
from papers.yolov3 import measure as detector
from papers.yolov3.annotations import annotated

CHUNK = 64  # pictures that are suppressed at once
PER_CLASS = 300  # boxes of a class before suppression, the paper's
KEEP = 100  # of a picture after it, COCO's


@dataclasses.dataclass(frozen=True)
class Raw:
    """What a detector says of some pictures before suppression, padded with scores of
    0 to one number of boxes."""

    boxes: Float[np.ndarray, "pictures n 4"]
    scores: Float[np.ndarray, "pictures n classes"]
    truths: Sequence[Truth]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.truths)

    def take(self, rows: np.ndarray) -> "Raw":
        """Some of the pictures, of a mask or of indices."""
        truths = [self.truths[i] for i in np.arange(len(self))[rows]]
        return Raw(self.boxes[rows], self.scores[rows], truths, self.names)

    @property
    def one_class(self) -> "Raw":
        """All objects as one class; a box has the score of its best one. An object with
        several labels is one."""
        scores = self.scores.max(-1, keepdims=True, initial=0)
        return Raw(self.boxes, scores, [*map(_unlabelled, self.truths)], ("object",))


def _unlabelled(truth: Truth) -> Truth:
    _, first = np.unique(truth.boxes, axis=0, return_index=True)
    alone = truth.take(np.sort(first))
    return dataclasses.replace(alone, classes=np.zeros_like(alone.classes))


def raw(config: Any, state: Any, split: str) -> Raw:
    """The raw boxes of a trained YOLOv3 over a split."""
    rows = detector.raw_detections(config, state, split)
    pictures = annotated(config.data, split)
    truths = [pictures.truth(i) for i in range(len(pictures))]
    return padded(
        [row.boxes for row in rows],
        [row.scores for row in rows],
        truths,
        detector.names(config),
    )


def padded(
    boxes: Sequence[Float[np.ndarray, "n 4"]],
    scores: Sequence[Float[np.ndarray, "n classes"]],
    truths: Sequence[Truth],
    names: Sequence[str],
) -> Raw:
    """`Raw` of the boxes of each picture."""
    most = max((len(own) for own in boxes), default=0)
    room = -(-max(most, 1) // 64) * 64  # so that seeds share their programs
    wide = np.zeros((len(boxes), room, 4), np.float32)
    likely = np.zeros((len(boxes), room, len(names)), np.float32)
    for i, (own, values) in enumerate(zip(boxes, scores, strict=True)):
        wide[i, : len(own)] = own
        likely[i, : len(own)] = values
    return Raw(wide, likely, truths, tuple(names))


def suppressed(raw: Raw, setting: Setting, score_threshold: float) -> list[Found]:
    """What a setting leaves, of each class and then of each picture the best."""
    rule = setting.suppression(score_threshold, per_class=PER_CLASS, keep=KEEP)
    found = []
    for i in range(0, len(raw), CHUNK):
        boxes, scores = raw.boxes[i : i + CHUNK], raw.scores[i : i + CHUNK]
        short = [(0, CHUNK - len(boxes)), (0, 0), (0, 0)]
        best = suppress(np.pad(boxes, short), np.pad(scores, short), **vars(rule))
        best = jax.device_get(best)
        found += [
            Found(best.boxes[j][there], best.scores[j][there], best.classes[j][there])
            for j, there in enumerate(best.present[: len(boxes)])
        ]
    return found


def scores(raw: Raw, found: Sequence[Found]) -> CocoScores:
    return coco_metrics(raw.truths, found, raw.names, by_size=False)


def crowded(truths: Iterable[Truth], overlap: float) -> Bool[np.ndarray, "pictures"]:
    """The pictures in which two objects of a class overlap by more than `overlap`."""
    return np.array([_is_crowd(truth, overlap) for truth in truths], bool)


def _is_crowd(truth: Truth, overlap: float) -> bool:
    ious = iou(truth.boxes, truth.boxes)
    same = truth.classes[:, None] == truth.classes
    return bool((np.triu(ious * same, 1) > overlap).any())


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One detector, one set of classes: the settings chosen, and what they reach."""

    config: Config
    valid: Raw
    test: Raw

    @functools.cached_property
    def sweep(self) -> dict[Setting, float]:
        """{setting: AP} on the validation pictures."""
        return {
            s: scores(self.valid, self._found(self.valid, s)).ap
            for s in [NONE, *swept(self.config.eval)]
        }

    @functools.cached_property
    def chosen(self) -> dict[str, Setting]:
        """{method: its setting with the highest AP on the validation pictures}."""
        methods = {s.method for s in self.sweep} - {NONE.method}
        return {
            m: max(of_method(self.sweep, m), key=self.sweep.__getitem__)
            for m in sorted(methods, key=[s.method for s in PAPER].index)
        }

    @functools.cached_property
    def labelled(self) -> dict[str, Setting]:
        """The rows of the tables: none, the paper's settings, and those chosen."""
        rows = {"none": NONE}
        rows |= {f"{s}, the paper's": s for s in PAPER}
        return rows | {f"{m}, chosen": s for m, s in self.chosen.items()}

    @functools.cached_property
    def found(self) -> dict[Setting, list[Found]]:
        """What each reported setting leaves of the test pictures."""
        return {s: self._found(self.test, s) for s in {*self.labelled.values()}}

    @functools.cached_property
    def reported(self) -> dict[Setting, CocoScores]:
        """{setting: its scores on the test pictures}."""
        return {s: scores(self.test, found) for s, found in self.found.items()}

    @functools.cached_property
    def contrasted(self) -> dict[str, Setting]:
        """Those rows that are measured on crowds: hard suppression as the paper has it,
        and the settings chosen."""
        rows = {f"{PAPER[0]}, the paper's": PAPER[0]}
        return rows | {f"{m}, chosen": s for m, s in self.chosen.items()}

    @functools.cached_property
    def halves(self) -> dict[Setting, tuple[float, float]]:
        """{setting: AP of the crowded test pictures, and of the others}; -1 where there
        are none."""
        crowd = crowded(self.test.truths, self.config.eval.crowded)
        return {
            s: (self._part(self.found[s], crowd), self._part(self.found[s], ~crowd))
            for s in {*self.contrasted.values()}
        }

    def gain(self, method: str) -> float:
        """AP of the method's chosen setting less that of hard suppression's."""
        best = {m: self.reported[s].ap for m, s in self.chosen.items()}
        return best[method] - best["hard"]

    def _part(self, found: Sequence[Found], rows: np.ndarray) -> float:
        if not rows.any():
            return -1.0
        own = [found[i] for i in np.flatnonzero(rows)]
        return scores(self.test.take(rows), own).ap

    def _found(self, raw: Raw, setting: Setting) -> list[Found]:
        return suppressed(raw, setting, self.config.eval.score_threshold)


Comparisons = Mapping[str, list[Comparison]]  # {set of classes: one for each seed}


def comparisons(config: Config, trained: Mapping[str, tuple[Any, Any]]) -> Comparisons:
    """One class and all classes, each of every trained detector."""
    result: dict[str, list[Comparison]] = {}
    for own, state in trained.values():
        valid = raw(own, state, "valid")
        valid = valid.take(np.arange(min(len(valid), config.eval.chosen_on)))
        test = raw(own, state, "test")
        alone = Comparison(config, valid.one_class, test.one_class)
        result.setdefault("one class", []).append(alone)
        if len(test.names) > 1:
            name = f"{len(test.names)} classes"
            result.setdefault(name, []).append(Comparison(config, valid, test))
    return result
