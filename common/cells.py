"""Cells of a table as text, in reports, READMEs and notebooks."""

import numbers
from collections.abc import Sequence
from html import escape
from typing import Any, Protocol


class Grid(Protocol):
    """A table: `common.contract.Table`."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str


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


def numeric_columns(table: Grid) -> list[bool]:
    """For each column: does it hold numbers (and gaps) alone? Those align right."""
    columns = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    return [
        any(cell is not None for cell in column)
        and not any(isinstance(cell, str) for cell in column)
        for column in columns
    ]


def html(table: Grid) -> str:
    """The table for a notebook: numbers stand right, the note below."""
    right = numeric_columns(table)
    sides = ["right" if numeric else "left" for numeric in right]

    def line(tag: str, cells: Sequence[Any]) -> str:
        pairs = zip(sides, map(format_cell, cells), strict=True)
        inside = (
            f'<{tag} style="text-align:{s}">{escape(x)}</{tag}>' for s, x in pairs
        )
        return f"<tr>{''.join(inside)}</tr>"

    head = line("th", table.columns)
    body = "".join(line("td", row) for row in table.rows)
    note = f"<p>{escape(table.note)}</p>" if table.note else ""
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>{note}"
