"""Results as text: numbers, tables in Markdown and on the console."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as ConsoleTable
from rich.text import Text

from common.cells import format_cell, numeric_columns
from common.contract import Table

SUMMARY = "Summary"  # the result that a table of all papers takes


@dataclasses.dataclass(frozen=True)
class Result:
    """One entry of a report.

    value: of a figure the name of its PNG file; of a pair {the name of each picture:
        its PNG file}; of a file, which a paper wrote itself, its path.
    curves: the file with the numbers that a figure draws; "": there is none.
    source: the line of the paper that yielded it, "papers/unit/evaluate.py:31".
    """

    name: str
    kind: str  # "number", "table", "text", "figure", "pair" or "file"
    value: float | Table | str | Mapping[str, str]
    curves: str = ""
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        field = "file" if self.kind == "figure" else "value"
        entry = dataclasses.asdict(self)
        more = {name: entry[name] for name in ("curves", "source") if entry[name]}
        return {"name": self.name, "kind": self.kind, field: entry["value"], **more}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "Result":
        value = entry.get("value", entry.get("file"))
        value = Table(**value) if entry["kind"] == "table" else value
        more = {name: entry.get(name, "") for name in ("curves", "source")}
        return cls(entry["name"], entry["kind"], value, **more)

    def to_markdown(self) -> str:
        match self.kind:
            case "table":
                return markdown_table(self.value)
            case "text":
                fence = _fence(self.value, 3)
                return f"{fence}text\n{self.value}\n{fence}"
            case "figure":
                return f"![{inline(self.name)}]({self.value})"
            case "pair":
                pictures = self.value.items()
                return "\n".join(
                    f"![{inline(name)}]({file})" for name, file in pictures
                )
        return format_cell(self.value)


def markdown_table(table: Table) -> str:
    """The table in Markdown, aligned in the source too; its note is a line below."""
    rows = [[inline(format_cell(cell)) for cell in row] for row in table.rows]
    rows.insert(0, [inline(column) for column in table.columns])
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    sides = [">" if right else "<" for right in numeric_columns(table)]
    lines = [_padded(row, sides, widths) for row in rows]
    rules = [
        "-" * (width - 1) + (":" if side == ">" else "-")
        for side, width in zip(sides, widths, strict=True)
    ]
    lines.insert(1, _padded(rules, sides, widths))
    return "\n".join(lines + (["", inline(table.note)] if table.note else []))


def _padded(row: Sequence[str], sides: Sequence[str], widths: Sequence[int]) -> str:
    padded = [f"{c:{s}{w}}" for c, s, w in zip(row, sides, widths, strict=True)]
    return f"| {' | '.join(padded)} |"


def show(name: str, table: Table) -> None:
    """Prints a table: in colour on a terminal, else as Markdown."""
    console = Console()
    if console.is_terminal:
        console.print(_console_table(name, table))
    else:
        print(f"\n{name}\n\n{markdown_table(table)}\n", flush=True)


def _console_table(name: str, table: Table) -> ConsoleTable:
    shown = ConsoleTable(
        title=Text(name, "bold"),
        title_justify="left",
        caption=Text(table.note),
        caption_justify="left",
        box=SIMPLE_HEAD,
    )
    for column, right in zip(table.columns, numeric_columns(table), strict=True):
        shown.add_column(Text(column), justify="right" if right else "left")
    for row in table.rows:
        shown.add_row(*(Text(format_cell(cell)) for cell in row))
    return shown


def inline(text: str) -> str:
    """Text on one line of Markdown that neither ends a cell nor opens a tag."""
    return re.sub(r"([|<])", r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Text on one line as code in Markdown."""
    text = " ".join(text.split())
    fence = _fence(text, 1)
    space = " " * (len(fence) > 1)
    return f"{fence}{space}{text}{space}{fence}"


def _fence(text: str, least: int) -> str:
    """Longer than any run of backticks inside, which then cannot end it early."""
    runs = re.findall("`+", text)
    return "`" * max(least, 1 + max(map(len, runs), default=0))
