"""What `evaluate` yields becomes a report: results.json, Markdown, PNG, one HTML page.

The page is a single file that opens from disk and asks nothing of the network.
"""

import base64
import dataclasses
import io
import json
import numbers
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as ConsoleTable
from rich.text import Text

from common.contract import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed


@dataclasses.dataclass(frozen=True)
class Result:
    """One entry of a report. `value` of a figure is the name of its PNG file."""

    name: str
    kind: str  # "number", "table", "text" or "figure"
    value: float | Table | str

    def to_json(self) -> dict[str, Any]:
        field = "file" if self.kind == "figure" else "value"
        value = dataclasses.asdict(self)["value"]
        return {"name": self.name, "kind": self.kind, field: value}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "Result":
        value = entry.get("value", entry.get("file"))
        value = Table(**value) if entry["kind"] == "table" else value
        return cls(entry["name"], entry["kind"], value)

    def to_markdown(self) -> str:
        match self.kind:
            case "table":
                return markdown_table(self.value)
            case "text":
                # A fence longer than any run of backticks inside cannot end early.
                runs = re.findall("`+", self.value)
                fence = "`" * max(3, 1 + max(map(len, runs), default=0))
                return f"{fence}text\n{self.value}\n{fence}"
            case "figure":
                return f"![{_inline(self.name)}]({self.value})"
        return format_cell(self.value)


class Report:
    """Results of one evaluation, shown as they come and written at the end.

    facts: where the results come from: command, versions, devices, date.
    """

    def __init__(self, folder: Path, *, title: str, facts: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._title, self._facts = folder, title, dict(facts)
        self._results: dict[str, Result] = {}  # by slug, which names PNGs and anchors

    def add(self, name: str, value: Any) -> None:
        """Keeps and prints a number, Table, str, matplotlib Figure or uint8 image
        `[H, W]` or `[H, W, 3]`. ValueError: the name was used before.
        """
        slug = _slug(name)
        if slug in self._results:
            raise ValueError(f"two results of one report are called {name!r}")
        value = _plain(value)
        if isinstance(value, Table):
            result = Result(name, "table", _plain_table(name, value))
        elif isinstance(value, str):
            result = Result(name, "text", value)
        elif isinstance(value, numbers.Real):
            result = Result(name, "number", value)
        else:
            (self._folder / f"{slug}.png").write_bytes(_png(name, value))
            result = Result(name, "figure", f"{slug}.png")
        self._results[slug] = result
        _show(result, self._folder)

    def write(self) -> None:
        """Writes results.json, report.md and index.html; the PNGs are there already."""
        results = [result.to_json() for result in self._results.values()]
        content = {"title": self._title, "facts": self._facts, "results": results}
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (self._folder / "results.json").write_text(text, encoding="utf-8")
        (self._folder / "report.md").write_text(self._markdown(), encoding="utf-8")
        (self._folder / "index.html").write_text(self._page(), encoding="utf-8")

    def _markdown(self) -> str:
        parts = [f"# {_inline(self._title)}"]
        for result in self._results.values():
            parts += [f"## {_inline(result.name)}", result.to_markdown()]
        facts = [f"- {_inline(k)}: {_inline(v)}" for k, v in self._facts.items()]
        return "\n\n".join([*parts, "---", "\n".join(facts)]) + "\n"

    def _page(self) -> str:
        sections = [
            _section(slug, result, self._folder)
            for slug, result in self._results.items()
        ]
        facts = [
            f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in self._facts.items()
        ]
        return PAGE.format(
            title=escape(self._title),
            style=STYLE,
            contents=_contents(self._results) if len(self._results) > 5 else "",
            sections="\n".join(sections),
            facts="\n".join(facts),
        )


def read_results(folder: Path) -> tuple[dict[str, str], dict[str, Result]]:
    """Facts and `{name: Result}` of the report written to `folder`."""
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    results = map(Result.from_json, content["results"])
    return content["facts"], {result.name: result for result in results}


def format_cell(value: str | float | None) -> str:
    """A cell as text: `1,234`, `0.5000`, `52,347`, `1.2e-05`; None is an en dash.

    Floats have 4 significant digits, and trailing zeros, so that columns line up.
    """
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, str):
        return value
    if isinstance(value, numbers.Integral):
        return f"{value:,}"
    if not 1e-4 <= abs(value) < 1e6:  # 0, nan and inf as well
        return f"{value:.4g}"
    exponent = int(f"{value:.3e}".partition("e")[2])  # after rounding: 9.9999 is 10.00
    return f"{value:,.{max(0, 3 - exponent)}f}"


def markdown_table(table: Table) -> str:
    """The table in Markdown, aligned in the source too; its note is a line below."""
    rows = [[_inline(format_cell(cell)) for cell in row] for row in table.rows]
    rows.insert(0, [_inline(column) for column in table.columns])
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    sides = [">" if right else "<" for right in _numeric(table)]
    lines = [_padded(row, sides, widths) for row in rows]
    rules = [
        "-" * (width - 1) + (":" if side == ">" else "-")
        for side, width in zip(sides, widths, strict=True)
    ]
    lines.insert(1, _padded(rules, sides, widths))
    return "\n".join(lines + (["", _inline(table.note)] if table.note else []))


def _padded(row: Sequence[str], sides: Sequence[str], widths: Sequence[int]) -> str:
    padded = [f"{c:{s}{w}}" for c, s, w in zip(row, sides, widths, strict=True)]
    return f"| {' | '.join(padded)} |"


def training_section(
    runs: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, "Table | Figure"]]:
    """Yields how the runs were trained: a table, and the loss curves if there are any.

    runs: `{name: {"parameters", "steps", "seconds", "items", "unit", "metrics"}}`:
        `items` were seen in all, `unit` is their plural ("tokens"), and `metrics` are
        the records of metrics.jsonl.
    """
    units = {run["unit"] for run in runs.values()}
    unit = units.pop() if len(units) == 1 else "items"
    columns = ("run", "parameters", "steps", f"{unit} seen", "minutes", f"{unit}/s")
    columns += ("last training loss", "last validation loss")
    yield "Training", Table(columns, [_training_row(*run) for run in runs.items()])

    series, dashed = {}, []
    for name, run in runs.items():
        for split, label in ("train", name), ("valid", f"{name}, validation"):
            steps, losses = _losses(run, split)
            if steps:
                series[label] = steps, losses
            if split == "valid":
                dashed.append(label)
    if series:
        from common import figures

        figure = figures.curves(series, "step", "loss", dashed=dashed, robust=True)
        yield "Training curves", figure


def _training_row(name: str, run: Mapping[str, Any]) -> list[str | int | float | None]:
    items, seconds = run["items"], run["seconds"]
    rate = items / seconds if seconds else None
    last = [(_losses(run, split)[1] or [None])[-1] for split in ("train", "valid")]
    counts = run["parameters"], run["steps"], items
    return [name, *counts, seconds / 60, rate, *last]


def _losses(run: Mapping[str, Any], split: str) -> tuple[list[int], list[float]]:
    """Steps and losses of a split; both empty if it reports no "loss"."""
    records = [r for r in run["metrics"] if r["split"] == split and "loss" in r]
    return [r["step"] for r in records], [r["loss"] for r in records]


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
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8:
        raise TypeError(f"a report cannot show {name!r}, a {type(value).__name__}")
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(value).save(buffer, "png")
    return buffer.getvalue()


def _show(result: Result, folder: Path) -> None:
    """Prints one result; a table in colour on a terminal, else as Markdown."""
    console = Console()
    match result.kind:
        case "number":
            print(f"{result.name}: {format_cell(result.value)}", flush=True)
        case "figure":
            print(f"{result.name}: {folder / result.value}", flush=True)
        case "table" if console.is_terminal:
            console.print(_console_table(result.name, result.value))
        case "table":
            print(f"\n{result.name}\n\n{markdown_table(result.value)}\n", flush=True)
        case "text":
            print(f"\n{result.name}\n\n{result.value}\n", flush=True)


def _console_table(name: str, table: Table) -> ConsoleTable:
    shown = ConsoleTable(
        title=Text(name, "bold"),
        title_justify="left",
        caption=Text(table.note),
        caption_justify="left",
        box=SIMPLE_HEAD,
    )
    for column, right in zip(table.columns, _numeric(table), strict=True):
        shown.add_column(Text(column), justify="right" if right else "left")
    for row in table.rows:
        shown.add_row(*(Text(format_cell(cell)) for cell in row))
    return shown


def _numeric(table: Table) -> list[bool]:
    """For each column: does it hold numbers (and gaps) alone? Those align right."""
    columns = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    return [
        any(cell is not None for cell in column)
        and not any(isinstance(cell, str) for cell in column)
        for column in columns
    ]


def _inline(text: str) -> str:
    """Text on one line of Markdown that neither ends a cell nor opens a tag."""
    return re.sub(r"([|<])", r"\\\1", " ".join(text.split()))


def _slug(name: str) -> str:
    return re.sub(r"[\W_]+", "-", name.lower()).strip("-") or "result"


def _section(slug: str, result: Result, folder: Path) -> str:
    """One result as HTML, with its name as heading, or as caption of a figure."""
    name = escape(result.name)
    match result.kind:
        case "figure":
            data = base64.b64encode((folder / result.value).read_bytes()).decode()
            image = f'<img src="data:image/png;base64,{data}" alt="{name}">'
            return (
                f'<figure id="{slug}">{image}<figcaption>{name}</figcaption></figure>'
            )
        case "table":
            body = _html_table(result.value)
        case "text":
            body = f"<pre>{escape(result.value)}</pre>"
        case _:
            body = f'<p class="number">{format_cell(result.value)}</p>'
    return f'<section id="{slug}"><h2>{name}</h2>\n{body}</section>'


def _html_table(table: Table) -> str:
    right = [' class="right"' if numeric else "" for numeric in _numeric(table)]

    def line(tag: str, cells: Sequence[Any]) -> str:
        pairs = zip(right, map(format_cell, cells), strict=True)
        return "".join(f"<{tag}{side}>{escape(text)}</{tag}>" for side, text in pairs)

    rows = "\n".join(f"<tr>{line('td', row)}</tr>" for row in table.rows)
    head = f"<tr>{line('th', table.columns)}</tr>"
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="wide"><table>\n<thead>{head}</thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>\n{note}"
    )


def _contents(results: Mapping[str, Result]) -> str:
    links = [
        f'<li><a href="#{slug}">{escape(result.name)}</a></li>'
        for slug, result in results.items()
    ]
    return "<nav><ol>\n" + "\n".join(links) + "\n</ol></nav>"


PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<h1>{title}</h1>
{contents}
{sections}
<footer><dl>
{facts}
</dl></footer>
</body>
</html>
"""

STYLE = """\
:root {
  color-scheme: light dark;
  --ink: #1d2025; --muted: #646b76; --line: #dcdfe4; --paper: #fff; --tint: #f5f6f8;
  --link: #0067a3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e3e6ea; --muted: #9aa2ad; --line: #353a42; --paper: #15171b;
    --tint: #1f2227; --link: #6cb8ea;
  }
}
body {
  max-width: 46rem; margin: 0 auto; padding: 3.5rem 1.25rem 4rem;
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  color: var(--ink); background: var(--paper);
}
h1 { margin: 0 0 1.5rem; font-size: 1.9rem; line-height: 1.2; }
h2 { margin: 2.75rem 0 0.6rem; font-size: 1.15rem; line-height: 1.3; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
nav ol { margin: 0; padding-left: 1.4rem; columns: 16rem; }
nav, .note, figcaption, footer { font-size: 0.875rem; color: var(--muted); }
.wide { overflow-x: auto; }
table { min-width: 60%; border-collapse: collapse; font-size: 0.925rem; }
th, td { padding: 0.4rem 1.4rem 0.4rem 0; text-align: left; vertical-align: top; }
th { font-weight: 600; border-bottom: 2px solid var(--line); }
td { border-bottom: 1px solid var(--line); }
th.right, td.right { padding: 0.4rem 0 0.4rem 1.4rem; text-align: right; }
td.right { font-variant-numeric: tabular-nums; white-space: nowrap; }
.note { margin: 0.6rem 0 0; }
.number { margin: 0; font-size: 1.6rem; font-variant-numeric: tabular-nums; }
pre {
  margin: 0; padding: 1rem; border-radius: 6px; background: var(--tint);
  font: 0.85rem/1.55 ui-monospace, "SF Mono", Menlo, Consolas, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere;
}
figure { margin: 2.75rem 0 0; }
figure img { max-width: 100%; border-radius: 6px; background: #fff; }
figcaption { margin-top: 0.5rem; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.1rem 1.25rem; }
dl, dd { margin: 0; overflow-wrap: anywhere; }
"""
