"""The rules compared on the raw boxes of trained detectors."""

from collections.abc import Iterator, Mapping
from typing import Any

from common.contract import Claim, summary
from papers.soft_nms import cost, figures, tables
from papers.soft_nms.config import Config
from papers.soft_nms.measure import comparisons
from papers.yolov3.annotations import annotated, source_of

LINK = "[Soft-NMS](papers/soft_nms/README.md)"


def evaluate(config: Config, trained: Mapping[str, tuple[Any, Any]]) -> Iterator:
    """Yields (name, value). All detectors among `trained` are seeds of one comparison;
    classifiers are left out."""
    detectors = {
        name: pair for name, pair in trained.items() if pair[0].task == "detect"
    }
    claims: list[Claim] = []
    if detectors:
        compared = comparisons(config, detectors)
        yield "Suppression rules", tables.methods(compared)
        yield "Gain over hard suppression", tables.gains(compared)
        yield "Crowded pictures and others", tables.halves(compared)
        yield "Every setting", tables.sweep(compared)
        yield "Sensitivity", figures.sensitivity(compared)
        for kind in compared:
            yield f"AP at each IoU, {kind}", tables.by_iou(compared, kind)
            yield f"Precision and recall, {kind}", figures.precision(compared, kind)
        own, _ = next(iter(detectors.values()))
        pictures = annotated(own.data, "test")
        for kind, seeds in compared.items():
            drawn = figures.lost_neighbours(seeds[0], pictures, config.eval.pictures)
            if drawn is not None:
                yield f"Objects that hard suppression loses, {kind}", drawn
        kind = source_of(own.data)
        data = "composed scenes" if kind == "scenes" else own.data.name or kind
        claims += tables.claims(compared, data)
    if config.eval.timed:
        yield "Time", cost.table()
    if claims:
        yield "Summary", summary(LINK, claims)
