"""The paper's figures: AUC over time, attention between titles, sweeps."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from common.contract import Table
from papers.dkn.measure import auc
from papers.dkn.scoring import Case, Scored

SHOWN = ("dkn", "dkn_words", "kpcnn", "dssm", "deepwide", "libfm", "dmf")


def by_time(rows: Mapping[str, Scored], periods: int) -> Any:
    """AUC of equally long parts of the test, mean over the seeds (figure 6)."""
    from common import figures  # matplotlib takes a second

    series = {}
    for name in [n for n in SHOWN if n in rows] or [*rows][:6]:
        values = [
            [auc(x.label[part], x.score[part]) for part in _parts(x.time, periods)]
            for x in rows[name].test
        ]
        series[name] = (1 + np.arange(periods), np.mean(values, axis=0))
    return figures.curves(series, "period of the test", "AUC", points=True)


def _parts(time: np.ndarray, periods: int) -> list[np.ndarray]:
    """Places of the items of each period, by time."""
    return np.array_split(np.argsort(time, kind="stable"), periods)


def attention(case: Case) -> Any:
    """The weights of a user's clicks for candidates (figure 9)."""
    from common import figures

    return figures.heatmap(
        case.weights,
        "clicked before",
        "candidate",
        colour_label="attention",
        x_ticks=[_short(title) for title in case.clicks],
        y_ticks=[_short(title) for title in case.candidates],
    )


def _short(title: str) -> str:
    return title if len(title) <= 34 else f"{title[:31]}..."


def sweeps(table: Table) -> Any:
    """AUC over the width of words, a line for each width of entities (figure 7)."""
    from common import figures

    series: dict[str, tuple[list, list]] = {}
    for name, d, k, m, last, value, _ in table.rows:
        kind = name.rstrip("0123456789")
        line = {"m": "filters m", "windows_to_": "windows 1 to l"}.get(kind, f"k = {k}")
        x, y = series.setdefault(line, ([], []))
        x.append({"m": m, "windows_to_": last}.get(kind, d))
        y.append(value)
    label = "d (lines k), filters m, or the longest window"
    return figures.curves(series, label, "AUC, %", points=True)
