"""Tables: AP of the settings, means over the detectors' seeds, in per cent."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from common.contract import Claim, Table
from common.detection_metrics import IOUS
from papers.soft_nms.measure import Comparison, Comparisons
from papers.soft_nms.paper_results import COCO
from papers.soft_nms.settings import METHODS, PAPER, Setting

NOTHING = 0.05  # points of AP that are rounded away


def methods(comparisons: Comparisons) -> Table:
    """AP, AP50, AP75 and AR100 of the test pictures."""
    names = ("ap", "ap50", "ap75", "ar100")
    columns = ["suppression"]
    columns += [f"{kind}: {n}" for kind in comparisons for n in _TITLES]

    def cells(one: Comparison, label: str) -> list[float]:
        found = one.reported[one.labelled[label]]
        return [vars(found)[name] for name in names]

    (first, *_) = comparisons.values()
    rows = _rows(comparisons, cells, first[0].labelled)
    return Table(columns, rows, _note(comparisons))


_TITLES = ("AP", "AP50", "AP75", "AR100")


def halves(comparisons: Comparisons) -> Table:
    """AP of the pictures with a crowd, and of the others."""
    columns = ["suppression"]
    columns += [f"{kind}: {n}" for kind in comparisons for n in ("crowded", "others")]

    def cells(one: Comparison, label: str) -> list[float]:
        return [*one.halves[one.contrasted[label]]]

    (first, *_) = comparisons.values()
    crowd = first[0].config.eval.crowded
    note = f"crowded: two objects of a class overlap by more than {crowd:g}"
    rows = _rows(comparisons, cells, first[0].contrasted)
    return Table(columns, rows, note)


def by_iou(comparisons: Comparisons, kind: str) -> Table:
    """AP at each IoU that a hit must have."""

    def cells(one: Comparison, label: str) -> list[float]:
        return [*one.reported[one.labelled[label]].by_iou]

    columns = ["suppression", *(f"AP at {x:.2f}" for x in IOUS)]
    rows = _rows({kind: comparisons[kind]}, cells, comparisons[kind][0].labelled)
    return Table(columns, rows, kind)


def sweep(comparisons: Comparisons) -> Table:
    """AP of the validation pictures for every setting."""
    rows = []
    (first, *_) = comparisons.values()
    for setting in first[0].sweep:
        aps = [[one.sweep[setting] for one in seeds] for seeds in comparisons.values()]
        parameter = {"none": None, "gaussian": "sigma"}.get(setting.method, "N_t")
        value = None if parameter is None else setting.value
        rows.append([setting.method, parameter, value, *map(_percent, aps)])
    columns = ["suppression", "parameter", "value", *(f"{k}: AP" for k in comparisons)]
    return Table(columns, rows, "validation pictures; each rule's best is chosen here")


def gains(comparisons: Comparisons) -> Table:
    """What the soft rules gain over hard suppression, best against best, and how far
    the paper's own settings are below each rule's best."""
    rows = []
    for kind, seeds in comparisons.items():
        for setting in PAPER:
            method = setting.method
            chosen = ", ".join(f"{one.chosen[method].value:g}" for one in seeds)
            below = [_below_best(one, setting) for one in seeds]
            each = [100 * one.gain(method) for one in seeds]
            words = "" if method == "hard" else ", ".join(f"{g:+.1f}" for g in each)
            rows.append([kind, method, chosen, _mean(each), words, _percent(below)])
    return Table(
        ("classes", "suppression", "chosen", "gain in AP", "by seed", "lost untuned"),
        rows,
        "gain: over hard suppression at its own best N_t, test pictures. lost untuned: "
        "AP that the paper's setting is below the best, validation pictures",
    )


def _below_best(one: Comparison, setting: Setting) -> float:
    return one.sweep[one.chosen[setting.method]] - one.sweep[setting]


def claims(comparisons: Comparisons, data: str) -> Iterable[Claim]:
    """The paper's claims: that soft rules are ahead of hard suppression, and that they
    depend less on their parameter."""
    there = "; ".join(f"{name} {hard} to {soft}" for name, hard, soft in COCO)
    for kind, seeds in comparisons.items():
        each = {m: [100 * one.gain(m) for one in seeds] for m in METHODS[1:]}
        words = (
            f"{m} {', '.join(f'{g:+.1f}' for g in own)}" for m, own in each.items()
        )
        yield Claim(
            "lowering scores finds more than dropping boxes",
            f"COCO AP: {there}",
            f"{data}, {kind}, best against best: {'; '.join(words)} AP by seed",
            _verdict(g > NOTHING for own in each.values() for g in own),
        )
    kind, seeds = next(iter(comparisons.items()))
    lost = {s.method: [_below_best(one, s) for one in seeds] for s in PAPER}
    words = (f"{m} {_percent(own)}" for m, own in lost.items())
    yield Claim(
        "the soft rules need less tuning than the hard one",
        "sigma .4 to .7 and N_t .3 to .4 are alike",
        f"{data}, {kind}, AP that N_t .3 or sigma .5 is below the best: "
        f"{', '.join(words)}",
        _verdict(
            soft < hard
            for m in METHODS[1:]
            for soft, hard in zip(lost[m], lost["hard"], strict=True)
        ),
    )


def _verdict(cases: Iterable[bool]) -> bool | None:
    """True where all hold, False where none does."""
    cases = [*cases]
    return True if all(cases) else None if any(cases) else False


def _rows(
    comparisons: Comparisons,
    cells: Callable[[Comparison, str], list[float]],
    labels: Iterable[str],
) -> list[list[str | float | None]]:
    """A row for each label, with the means over the seeds of every set of classes."""
    rows = []
    for label in labels:
        row: list[str | float | None] = [label]
        for seeds in comparisons.values():
            values = zip(*(cells(one, label) for one in seeds), strict=True)
            row += [_percent(each) for each in values]
        rows.append(row)
    return rows


def _note(comparisons: Comparisons) -> str:
    (first, *_) = comparisons.values()
    runs = f"{len(first)} seeds" if len(first) > 1 else "1 seed"
    pictures = f"{len(first[0].test):,} test pictures"
    valid = f"{len(first[0].valid):,} validation pictures"
    return f"{pictures}, means of {runs}. chosen: the best setting on {valid}"


def _percent(values: Sequence[float]) -> float | None:
    if min(values) < 0:
        return None
    return round(100 * float(np.mean(values)), 1)


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 1)
