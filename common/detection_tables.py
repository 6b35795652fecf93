"""Tables of detectors' scores, in percent. A dash stands where there is no truth."""

from collections.abc import Mapping

from common.contract import Table
from common.detection_metrics import CocoScores


def summary_table(rows: Mapping[str, CocoScores], first: str = "") -> Table:
    """COCO's numbers of several detectors, a row each.

    first: the title of the column of names.
    """
    columns = (first, "AP", "AP50", "AP75", "S", "M", "L", "AR1", "AR10", "AR100")
    return Table(
        columns,
        [
            [name, *map(percent, (s.ap, s.ap50, s.ap75, s.small, s.medium, s.large,
                                   s.ar1, s.ar10, s.ar100))]
            for name, s in rows.items()
        ],
    )  # fmt: skip


def class_table(scores: CocoScores) -> Table:
    """AP and AP50 of each class, and how many objects it has."""
    rows = zip(
        scores.names, scores.objects, scores.by_class, scores.by_class_50, strict=True
    )
    return Table(
        ("class", "objects", "AP", "AP50"),
        [[name, int(n), percent(ap), percent(ap50)] for name, n, ap, ap50 in rows],
    )


def percent(value: float) -> float | None:
    """None, which is printed as a dash, for the -1 of a class without truths."""
    return None if value < 0 else round(100 * float(value), 1)
