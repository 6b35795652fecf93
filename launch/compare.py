"""Several workdirs of one paper on one page: what differs between their configs, their
curves over each other, and their tables as one, with means and deviations.

    python -m launch.compare workdir/a workdir/b workdir/c --out=workdir/compare
"""

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.contract import Table, UserError
from common.files import storage
from launch.records import NO_METRICS, read_metrics
from launch.reports.report import Report, read_results
from launch.reports.results import Result
from launch.reports.training import Curves
from launch.workdir import VARIANT, remembered

OWN = "Training"  # the table of seconds and steps, which each report has of its own


@dataclasses.dataclass(frozen=True)
class Workdir:
    """What a trained and evaluated workdir holds."""

    label: str
    fields: Mapping[str, Any]  # {dotted name: value} of its config
    runs: Mapping[str, Any]  # {run: {"metrics": records}}
    results: Mapping[str, Result]
    facts: Mapping[str, str]

    @classmethod
    def read(cls, folder: Path, label: str) -> "Workdir":
        """UserError: nothing was trained or evaluated in the folder."""
        _, _, config = remembered(folder)
        facts, results = read_results(folder / "report")
        logs = sorted(folder.glob("*/metrics.jsonl"))
        runs = {log.parent.name: {"metrics": read_metrics(log)} for log in logs}
        return cls(label, dict(_flat(config)), runs, results, facts)


def main(argv: Sequence[str]) -> int:
    """Returns the exit code: 0 done, 2 a mistake, told in a line."""
    parser = argparse.ArgumentParser(prog="python -m launch.compare")
    parser.add_argument("workdirs", nargs="+", metavar="WORKDIR")
    parser.add_argument("--out", default="workdir/compare", help="folder of the page")
    arguments = parser.parse_args(argv)
    try:
        folders = [storage.path(name) for name in arguments.workdirs]
        compare(folders, storage.path(arguments.out))
    except UserError as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    return 0


def compare(folders: Sequence[Path], out: Path) -> None:
    """Writes the page to the folder `out`. UserError: one is no workdir, or they are of
    several papers."""
    pages = [folder for folder in folders if (folder / "results.json").exists()]
    folders = [folder for folder in folders if folder not in pages]
    for page in pages:  # a shell names it too, of workdir/sweep/*
        print(f"left out: {page} is a page of `compare`", flush=True)
    if len({*folders}) < 2:
        raise UserError("give two workdirs or more")
    for folder in folders:
        if not (folder / VARIANT).exists():
            raise UserError(f"{folder} is no workdir: it has no {VARIANT}")
    papers = {remembered(folder)[0] for folder in folders}
    if len(papers) > 1:
        raise UserError(f"workdirs of one paper, not of {', '.join(sorted(papers))}")
    labels = _labels(folders)
    found = [Workdir.read(*pair) for pair in zip(folders, labels, strict=True)]
    facts = {w.label: w.facts.get("command", "") for w in found}
    title = f"{papers.pop()}: {len(found)} workdirs"
    report = Report(out, title=title, facts=facts)
    for name, value in _values(found):
        report.add(name, value)
    report.write()
    print(f"report: {out / 'index.html'}", flush=True)


def _labels(folders: Sequence[Path]) -> list[str]:
    """As few parts of each path, from its end, as tell all apart."""
    most = max(len(folder.parts) for folder in folders)
    for count in range(1, most + 1):
        labels = ["/".join(folder.parts[-count:]) for folder in folders]
        if len({*labels}) == len(labels):
            break
    return labels


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield path, value
        return
    for name, inner in value.items():
        yield from _flat(inner, f"{path}.{name}".lstrip("."))


def _values(found: Sequence[Workdir]) -> Iterator[tuple[str, Any]]:
    yield "Configs", differences(found)
    runs = {f"{w.label} · {run}": x for w in found for run, x in w.runs.items()}
    if curves := Curves.of(runs):
        yield "Curves", curves
    if last := last_on_valid(found):
        yield "Last on valid", last
    yield from _tables(found)


def _tables(found: Sequence[Workdir]) -> Iterator[tuple[str, Table | str]]:
    """The tables and numbers that all have, as one, and the names of the others."""
    apart = []
    missing = []
    names = dict.fromkeys(name for w in found for name in w.results)
    for name in names:
        own = {w.label: w.results[name] for w in found if name in w.results}
        kinds = {result.kind for result in own.values()}
        if not kinds & {"table", "number"} or name == OWN:
            continue
        if len(own) < len(found):
            missing.append(f"{name} (only in {', '.join(own)})")
        elif table := len(kinds) == 1 and joined([x.value for x in own.values()]):
            yield name, table
        else:
            apart.append(name)
    if apart:
        yield "Not alike", f"rows or columns differ: {', '.join(apart)}"
    if missing:
        yield "Not in all", ", ".join(missing)


def last_on_valid(found: Sequence[Workdir]) -> Table | None:
    """What each run reported last of its validation data, a column a workdir, without
    what is the same in all. None: nothing is left."""
    columns = [
        {(run, name): x for run, own in w.runs.items() for name, x in _last(own)}
        for w in found
    ]
    names = dict.fromkeys(pair for column in columns for pair in column)
    rows = [[*pair, *(column.get(pair) for column in columns)] for pair in names]
    rows = [row for row in rows if any(value != row[2] for value in row[3:])]
    columns = ("run", "metric", *(w.label for w in found))
    return Table(columns, rows, "without what is alike in all") if rows else None


def _last(run: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """(metric, value) of the newest record of "valid"."""
    records = [r for r in run["metrics"] if r["split"] == "valid"]
    newest = records[-1] if records else {}
    return ((k, v) for k, v in newest.items() if k not in NO_METRICS)


def differences(found: Sequence[Workdir]) -> Table:
    """The fields of which two workdirs have different values."""
    names = dict.fromkeys(name for w in found for name in w.fields)
    rows = [[name, *(w.fields.get(name) for w in found)] for name in names]
    rows = [row for row in rows if any(value != row[1] for value in row[2:])]
    shown = [[name, *(None if x is None else str(x) for x in xs)] for name, *xs in rows]
    note = "" if shown else "all fields are equal"
    if any(name not in ("seed", "runs") for name, *_ in shown):
        note = (
            "means and deviations below are over these settings, not over seeds alone"
        )
    return Table(("field", *(w.label for w in found)), shown, note)


def joined(values: Sequence[Any]) -> Table | None:
    """Tables, or numbers, as one table: the mean of each number, and the largest
    deviation from it. None: they have other columns, or other words in their rows."""
    tables = [x if isinstance(x, Table) else Table(("value",), [[x]]) for x in values]
    first = tables[0]
    shapes = {(tuple(t.columns), len(t.rows)) for t in tables}
    if len(shapes) > 1 or not first.rows:
        return None
    columns, cells = [], []
    for i, name in enumerate(first.columns):
        column = [[row[i] for row in table.rows] for table in tables]
        words = [[x for x in own if isinstance(x, str)] for own in column]
        if any(own != words[0] for own in words):
            return None
        columns.append(name)
        if words[0] or all(own == column[0] for own in column):
            cells.append(column[0])
            continue
        pairs = [_mean(own) for own in zip(*column, strict=True)]
        columns.append("±")
        cells += [[mean for mean, _ in pairs], [spread for _, spread in pairs]]
    note = f"means of {len(tables)} workdirs; ±: the largest deviation from them"
    rows = [list(row) for row in zip(*cells, strict=True)]
    return Table(columns, rows, "; ".join(filter(None, [first.note, note])))


def _mean(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    if any(x is None for x in values):
        return None, None
    mean = float(np.mean(values))
    return mean, float(np.max(np.abs(np.array(values, float) - mean)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
