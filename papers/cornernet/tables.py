"""The tables of the trained networks, with the paper's numbers beside ours. AP in
percent."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from common.contract import Claim, Table, summary
from common.data.annotated_choice import source_of
from common.detection_metrics import IOUS, CocoScores
from common.detection_tables import percent, summary_table
from papers.cornernet import paper_results
from papers.cornernet.corner_metrics import QUADRANTS
from papers.cornernet.measure import mean_and_std

if TYPE_CHECKING:
    from papers.cornernet.evaluate import Net

PAGE = "[CornerNet](papers/cornernet)"
PAPER = {**paper_results.POOLING, **paper_results.REDUCTION}
METRICS = ("ap", "ap50", "ap75")
WORDS = {
    "corner_pool": "with corner pooling",
    "no_pool": "without",
    "no_penalty_reduction": "no penalty reduction",
    "fixed_radius": "a radius of 2.5",
    "object_radius": "by the object",
    "main": "main",
}


def scores(nets: Sequence["Net"]) -> Table:
    """A row for each run."""
    columns = (
        "run", "tags at most apart", "valid AP", "AP", "AP50", "AP75", "AR100",
        "boxes found an image",
    )  # fmt: skip
    rows = []
    for net in nets:
        least = net.config.predict.threshold
        count = sum(int((own.scores >= least).sum()) for own in net.findings)
        own = [percent(x) for x in (net.valid.ap, *_three(net.test), net.test.ar100)]
        mean = count / max(len(net.findings), 1)
        rows.append([net.name, net.threshold, *own, round(mean, 2)])
    chosen = nets[0].config.eval.choose_threshold
    note = f"{len(nets[0].findings):,} test pictures"
    if chosen:
        note += (
            "; how far apart the tags of a pair may be is chosen for each run on the "
            f"validation split, of {', '.join(f'{x:g}' for x in chosen)}"
        )
    least = f"{nets[0].config.predict.threshold:g}"
    return Table(columns, rows, f"{note}; boxes are counted from a score of {least}")


def kinds(kinds: Mapping[str, Sequence["Net"]]) -> Table:
    """A row for each kind of run: means and deviations over its seeds."""
    columns = ("", "seeds", "AP", "AP50", "AP75", "paper's AP", "AP50", "AP75")
    rows = []
    for kind, nets in kinds.items():
        values = [_spread([getattr(net.test, name) for net in nets])
                  for name in METRICS]  # fmt: skip
        paper = PAPER.get(kind, (None,) * 3)[:3]
        rows.append([WORDS[kind], len(nets), *values, *paper])
    note = (
        "test split, mean ± deviation over seeds; the paper's: COCO's validation split"
    )
    return Table(columns, rows, note)


def differences(pooled: Sequence["Net"], plain: Sequence["Net"]) -> Table:
    """What corner pooling adds, seed by seed: both runs of a row draw the same initial
    parameters and see the same batches."""
    rows = []
    for number, (a, b) in enumerate(zip(pooled, plain, strict=False)):
        gains = [getattr(a.test, name) - getattr(b.test, name) for name in METRICS]
        rows.append([f"seed {number}", *(round(100 * x, 1) + 0.0 for x in gains)])
    means = np.mean([row[1:] for row in rows], 0)
    rows.append(["mean", *(round(float(x), 2) for x in means)])
    paper = np.subtract(*(paper_results.POOLING[k] for k in ("corner_pool", "no_pool")))
    rows.append(["paper", *(round(float(x), 1) for x in paper[:3])])
    return Table(
        ("", "AP", "AP50", "AP75"), rows, "points: with corner pooling less without it"
    )


def by_iou(kinds: Mapping[str, Sequence["Net"]]) -> Table:
    """AP at each IoU (table 5), a mean over seeds."""
    chosen = range(0, len(IOUS), 2)
    columns = ("IoU", *(f"{IOUS[i]:.1f}" for i in chosen))
    rows = []
    for kind, nets in kinds.items():
        means = np.mean([net.test.by_iou for net in nets], 0)
        rows.append([WORDS[kind], *(percent(means[i]) for i in chosen)])
    rows.append(["paper, COCO", 56.1, 52.0, 46.8, 38.8, 23.4])
    return Table(columns, rows, "AP of the test split at one IoU, a mean over seeds")


def corners(corners: Mapping[str, Sequence[Mapping[tuple[str, str], float]]]) -> Table:
    """AP of corners by quadrant (table 3), a mean over seeds."""
    shown = [kind for kind in ("no_pool", "corner_pool") if kind in corners]
    shown += [kind for kind in corners if kind not in shown]
    rows = []
    for kind in ("top-left", "bottom-right"):
        for quadrant in (*QUADRANTS, "whole"):
            means = [
                float(np.mean([seed[kind, quadrant] for seed in corners[run]]))
                for run in shown
            ]
            values = [None if np.isnan(x) else round(100 * x, 1) for x in means]
            paper = paper_results.CORNERS.get((kind, quadrant), (None, None))
            rows.append([f"{kind}, {quadrant}", *values, *paper])
    columns = ("corners, part of the picture", *(WORDS[kind] for kind in shown))
    columns += ("paper, without", "paper, with")
    note = "a corner within a cell of a true one of its class is right (our rule)"
    return Table(columns, rows, note)


def ablations(rows: Mapping[str, Sequence[Mapping[str, CocoScores]]]) -> Table:
    """Scores with true maps in place of predicted ones (table 6), means over seeds."""
    names = list(next(iter(rows.values()))[0])
    columns = ("",)
    for kind in rows:
        columns += (f"{WORDS[kind]}, AP", "AP50")
    table = []
    for name in names:
        values = []
        for seeds in rows.values():
            for metric in ("ap", "ap50"):
                mean = np.mean([getattr(own[name], metric) for own in seeds])
                values.append(percent(mean))
        table.append([name, *values, *paper_results.TRUE_MAPS.get(name, (None, None))])
    note = (
        "the same trained networks; every other map is as predicted. True groups join "
        "corners within a cell of one object's; objects whose corners share a cell "
        "remain one"
    )
    return Table((*columns, "paper's AP", "AP50"), table, note)


def at_own_size(scores: Mapping[str, CocoScores]) -> Table:
    """COCO's numbers of the published test."""
    table = summary_table(scores, "run")
    rows = [*table.rows]
    for name, values in paper_results.TEST_DEV.items():
        rows.append([f"paper, COCO test-dev, {name}", *values, None, None, None])
    return Table(table.columns, rows, table.note)


def claims(config, kinds: Mapping[str, Sequence["Net"]]) -> Table | None:
    """Whether corner pooling helps, and which radius is best."""
    found = []
    data = source_of(config.data)
    if {"corner_pool", "no_pool"} <= {*kinds}:
        gains = [
            100 * (a.test.ap - b.test.ap)
            for a, b in zip(kinds["corner_pool"], kinds["no_pool"], strict=False)
        ]
        # Yes where every seed gains; in part where only their mean does.
        holds = True if min(gains) > 0 else None if np.mean(gains) > 0 else False
        means = [100 * float(np.mean([net.test.ap for net in kinds[kind]]))
                 for kind in ("no_pool", "corner_pool")]  # fmt: skip
        found.append(
            Claim(
                "corner pooling finds more, with the same parameters",
                "AP 36.5 without, 38.4 with (COCO)",
                f"AP {means[0]:.1f} without, {means[1]:.1f} with; by seed "
                f"{', '.join(f'{round(g, 1) + 0.0:+.1f}' for g in gains)} ({data})",
                holds,
            )
        )
    if {*paper_results.REDUCTION} <= {*kinds}:
        aps = {kind: 100 * float(np.mean([net.test.ap for net in kinds[kind]]))
               for kind in paper_results.REDUCTION}  # fmt: skip
        rising = [*aps.values()] == sorted(aps.values())
        found.append(
            Claim(
                "penalties that fall near corners help, most by the object's size",
                "AP 32.9, 35.6, 38.4 (COCO)",
                ", ".join(f"{WORDS[kind]}: AP {ap:.1f}" for kind, ap in aps.items())
                + f" ({data})",
                rising,
            )
        )
    return summary(PAGE, found) if found else None


def _three(scores: CocoScores) -> tuple[float, float, float]:
    return scores.ap, scores.ap50, scores.ap75


def _spread(values: Sequence[float]) -> str:
    """ "17.7 ± 0.4", in percent."""
    mean, std = mean_and_std([100 * value for value in values])
    return f"{mean:.1f} ± {std:.1f}" if len(values) > 1 else f"{mean:.1f}"
