"""How runs were trained, from what they logged: a table, and curves."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from common.contract import Table
from launch.records import NO_METRICS

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

CURVES = "Training curves"
MOST = 1000  # points of a line that go into the page
LABELS = {"train": "{}", "valid": "{}, validation"}
Line = tuple[list[int], list[float]]  # steps, values


@dataclasses.dataclass(frozen=True)
class Curves:
    """All that runs logged, a panel a metric: {metric: {run: {split: its line}}}."""

    panels: Mapping[str, Mapping[str, Mapping[str, Line]]]

    @classmethod
    def of(cls, runs: Mapping[str, Mapping[str, Any]]) -> "Curves | None":
        """runs: {name: {"metrics": the records of its metrics.jsonl}}. None: they
        logged nothing."""
        panels = {
            metric: {
                name: {split: _series(run, split, metric) for split in LABELS}
                for name, run in runs.items()
            }
            for metric in _logged(runs)
        }
        return cls(panels) if panels else None

    def figure(self) -> "Figure":
        from common import figures

        parts = {}
        for metric, runs in self.panels.items():
            parts[metric] = {
                LABELS[split].format(name): line
                for name, lines in runs.items()
                for split, line in lines.items()
                if line[0]
            }
        names = dict.fromkeys(name for runs in self.panels.values() for name in runs)
        dashed = [LABELS["valid"].format(name) for name in names]
        return figures.panels(parts, "step", dashed=dashed)

    def content(self) -> list[dict[str, Any]]:
        """For JSON, [{"title", "lines": [{"run", "split", "x", "y"}]}]: of a long line
        every n-th point, and the last."""
        panels = []
        for metric, runs in self.panels.items():
            lines = [
                {"run": name, "split": split, "x": _thin(x), "y": _short(_thin(y))}
                for name, both in runs.items()
                for split, (x, y) in both.items()
                if x
            ]
            panels.append({"title": metric, "lines": lines})
        return panels


def training_section(
    runs: Mapping[str, Mapping[str, Any]], which: str
) -> Iterator[tuple[str, Table | Curves]]:
    """Yields how the runs were trained: a table, and curves of all that they logged.

    runs: `{name: {"parameters", "steps", "seconds", "items", "unit", "metrics"}}`:
        `items` were seen in all, `unit` is their plural ("tokens"), and `metrics` are
        the records of metrics.jsonl.
    which: of a run's states, the one that is measured.
    """
    units = {run["unit"] for run in runs.values()}
    unit = units.pop() if len(units) == 1 else "items"
    columns = ("run", "parameters", "steps", f"{unit} seen", "minutes", f"{unit}/s")
    columns += ("last training loss", "last validation loss")
    note = f"what is measured below is the state after these steps, {which}"
    rows = [_training_row(*run) for run in runs.items()]
    yield "Training", Table(columns, rows, note)
    if curves := Curves.of(runs):
        yield CURVES, curves


def _logged(runs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The metrics that any run logged, the loss first."""
    records = [record for run in runs.values() for record in run["metrics"]]
    names = dict.fromkeys(name for record in records for name in record)
    loss_first = sorted(names, key=lambda name: name != "loss")
    return [name for name in loss_first if name not in NO_METRICS]


def _training_row(name: str, run: Mapping[str, Any]) -> list[str | int | float | None]:
    items = run["items"]
    seconds = run["seconds"]
    rate = items / seconds if seconds else None
    last = [(_series(run, split, "loss")[1] or [None])[-1] for split in LABELS]
    counts = run["parameters"], run["steps"], items
    return [name, *counts, seconds / 60, rate, *last]


def _series(run: Mapping[str, Any], split: str, metric: str) -> Line:
    """Steps and values of a split's metric; both empty if it does not report it."""
    records = [r for r in run["metrics"] if r["split"] == split and metric in r]
    return [r["step"] for r in records], [r[metric] for r in records]


def _thin(values: list) -> list:
    every = -(-len(values) // MOST)
    return values if every <= 1 else [*values[:-1:every], values[-1]]


def _short(values: list[float]) -> list[float | None]:
    """To 6 digits; what is no number has none in JSON either."""
    rounded = [float(f"{value:.6g}") for value in values]
    return [x if abs(x) < float("inf") else None for x in rounded]
