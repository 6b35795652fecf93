"""What `evaluate` yields becomes a report: results.json, Markdown, PNG, one HTML page.

The page is a single file that opens from disk and asks nothing of the network.
"""

import io
import itertools
import json
import numbers
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common.cells import format_cell
from common.contract import Table, UserError
from launch.reports.page import page
from launch.reports.results import Result, inline, show
from launch.workdir import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed


SUMMARY = "Summary"


class Report:
    """Results of one evaluation, shown as they come and written at the end.

    facts: where the results come from: command, versions, devices, date.
    """

    def __init__(self, folder: Path, *, title: str, facts: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._title = title
        self._facts = dict(facts)
        self._results: dict[str, Result] = {}  # by slug, which names PNGs and anchors

    def add(self, name: str, value: Any) -> None:
        """Keeps and prints a number, Table, str, matplotlib Figure or uint8 image
        `[H, W]` or `[H, W, 3]`. ValueError: the name was used before.
        """
        if any(result.name == name for result in self._results.values()):
            raise ValueError(f"two results of one report are called {name!r}")
        slug = self._free(_slug(name))
        value = _plain(value)
        if isinstance(value, Table):
            result = Result(name, "table", _plain_table(name, value))
        elif isinstance(value, str):
            result = Result(name, "text", value)
        elif isinstance(value, numbers.Real):
            result = Result(name, "number", value)
        else:
            write_whole(self._folder / f"{slug}.png", _png(name, value))
            result = Result(name, "figure", f"{slug}.png")
        self._results[slug] = result
        _show(result, self._folder)

    def _free(self, slug: str) -> str:
        """The slug, numbered where another name has it: "IMG 1" beside "IMG_1"."""
        numbered = (f"{slug}-{i}" for i in itertools.count(2))
        free = (s for s in itertools.chain([slug], numbered) if s not in self._results)
        return next(free)

    def write(self, **more: str) -> None:
        """Writes results.json, report.md and index.html; the PNGs are there already.

        more: facts that are known only now.
        """
        self._facts |= more
        self._results = dict(sorted(self._results.items(), key=_place))
        results = [result.to_json() for result in self._results.values()]
        content = {"title": self._title, "facts": self._facts, "results": results}
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        write_whole(self._folder / "results.json", text)
        write_whole(self._folder / "report.md", self._markdown())
        html = page(self._title, self._results, self._facts, self._folder)
        write_whole(self._folder / "index.html", html)

    def _markdown(self) -> str:
        parts = [f"# {inline(self._title)}"]
        for result in self._results.values():
            parts += [f"## {inline(result.name)}", result.to_markdown()]
        facts = [f"- {inline(k)}: {inline(v)}" for k, v in self._facts.items()]
        return "\n\n".join([*parts, "---", "\n".join(facts)]) + "\n"


def read_results(folder: Path) -> tuple[dict[str, str], dict[str, Result]]:
    """Facts and `{name: Result}` of the report written to `folder`. UserError: it is
    missing, or damaged."""
    path = folder / "results.json"
    try:
        content = json.loads(path.read_bytes())
        results = [Result.from_json(entry) for entry in content["results"]]
        return dict(content["facts"]), {result.name: result for result in results}
    except FileNotFoundError:
        raise UserError(f"{path} is missing: evaluate first") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read ({why}): evaluate again") from error


def training_section(
    runs: Mapping[str, Mapping[str, Any]], which: str
) -> Iterator[tuple[str, "Table | Figure"]]:
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
    if figure := curves(runs):
        yield "Training curves", figure


def _logged(runs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The metrics that any run logged, the loss first."""
    records = [record for run in runs.values() for record in run["metrics"]]
    names = dict.fromkeys(name for record in records for name in record)
    loss_first = sorted(names, key=lambda name: name != "loss")
    return [name for name in loss_first if name not in ("step", "split", "seconds")]


def curves(runs: Mapping[str, Mapping[str, Any]]) -> "Figure | None":
    """Curves of all that runs logged, a panel a metric; None: they logged nothing.

    runs: {name: {"metrics": the records of its metrics.jsonl}}
    """
    from common import figures

    if not (metrics := _logged(runs)):
        return None
    labels = {"train": "{}", "valid": "{}, validation"}
    parts = {}
    for metric in metrics:
        lines = {
            label.format(name): _series(run, split, metric)
            for name, run in runs.items()
            for split, label in labels.items()
        }
        parts[metric] = {label: line for label, line in lines.items() if line[0]}
    dashed = [labels["valid"].format(name) for name in runs]
    return figures.panels(parts, "step", dashed=dashed)


def _training_row(name: str, run: Mapping[str, Any]) -> list[str | int | float | None]:
    items = run["items"]
    seconds = run["seconds"]
    rate = items / seconds if seconds else None
    splits = "train", "valid"
    last = [(_series(run, split, "loss")[1] or [None])[-1] for split in splits]
    counts = run["parameters"], run["steps"], items
    return [name, *counts, seconds / 60, rate, *last]


def _series(
    run: Mapping[str, Any], split: str, metric: str
) -> tuple[list[int], list[float]]:
    """Steps and values of a split's metric; both empty if it does not report it."""
    records = [r for r in run["metrics"] if r["split"] == split and metric in r]
    return [r["step"] for r in records], [r[metric] for r in records]


def _place(named: tuple[str, Result]) -> bool:
    """A sort key: the summary stands first, all else in its order."""
    return named[1].name != SUMMARY


def _plain(value: Any) -> Any:
    """numpy and JAX scalars as Python's own, which JSON knows."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _plain_table(name: str, table: Table) -> Table:
    for row in table.rows:
        if len(row) != len(table.columns):
            raise ValueError(
                f"table {name!r}: {len(row)} cells in a row of "
                f"{len(table.columns)} columns: {row}"
            )
    rows = [[_plain(cell) for cell in row] for row in table.rows]
    return Table(list(table.columns), rows, table.note)


def _png(name: str, value: Any) -> bytes:
    """PNG bytes of a matplotlib Figure (told by its method) or a uint8 image."""
    if hasattr(value, "savefig"):
        from common import figures

        return figures.png(value)
    value = np.asarray(value) if hasattr(value, "dtype") else value
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8:
        raise TypeError(f"a report cannot show {name!r}, a {type(value).__name__}")
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(value).save(buffer, "png")
    return buffer.getvalue()


def _show(result: Result, folder: Path) -> None:
    """Prints one result as soon as it is there."""
    match result.kind:
        case "number":
            print(f"{result.name}: {format_cell(result.value)}", flush=True)
        case "figure":
            print(f"{result.name}: {folder / result.value}", flush=True)
        case "table":
            show(result.name, result.value)
        case "text":
            print(f"\n{result.name}\n\n{result.value}\n", flush=True)


def _slug(name: str) -> str:
    return re.sub(r"[\W_]+", "-", name.lower()).strip("-") or "result"
