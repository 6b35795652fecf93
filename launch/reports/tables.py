"""A table as HTML that reads on a wide screen and on a narrow one.

Columns that share the first words of their names stand below these words. A table of
sentences becomes, on a narrow screen, a list of its rows.
"""

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from common.cells import format_cell, numeric_columns
from common.contract import Table

LONG = 28  # letters, from which on a cell is a sentence
SHORT = 24  # letters of a cell that stays on one line
WHOLE = 12  # the same, of a heading
SHARE = "probability"  # the column whose numbers are drawn too
LEAST = 3  # columns that make a group by their first word alone


def html_table(table: Table) -> str:
    """The table, and its note below."""
    names, texts = list(table.columns), [list(map(_text, row)) for row in table.rows]
    columns = list(zip(*texts, strict=True)) or [()] * len(names)
    numeric = numeric_columns(table)
    classes = [_class(*pair) for pair in zip(columns, numeric, strict=True)]
    lists = sum(kind == "long" for kind in classes) > 1
    styles = [[*map(_style, names, row)] for row in table.rows]
    rows = "\n".join(
        _row(row, classes, names if lists else [], own)
        for row, own in zip(texts, styles, strict=True)
    )
    kind = ' class="list"' if lists else ""
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="wide"><table{kind}>\n<thead>{_head(names, classes)}</thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>\n{note}"
    )


def _row(
    texts: Sequence[str],
    classes: Sequence[str],
    names: Sequence[str],
    styles: Sequence[str],
) -> str:
    """names: of the columns, where each cell carries its own. styles: of the cells."""
    cells = []
    for i, (text, kind) in enumerate(zip(texts, classes, strict=True)):
        label = f' data-label="{escape(names[i])}"' if names else ""
        cells.append(f"<td{_attribute(kind)}{label}{styles[i]}>{escape(text)}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _style(name: str, cell: Any) -> str:
    """A probability has a bar behind it."""
    if name != SHARE or not isinstance(cell, float):
        return ""
    share = 100 * min(max(cell, 0.0), 1.0)
    return f' style="--share: {share:.1f}%"'


def _head(names: Sequence[str], classes: Sequence[str]) -> str:
    """One row of headings, or two where columns are grouped."""
    groups = grouped(names)
    if all(not prefix for prefix, _ in groups):
        cells = [_heading(*pair) for pair in zip(names, classes, strict=True)]
        return f"<tr>{''.join(cells)}</tr>"
    above, below, kinds = [], [], iter(classes)
    for prefix, rest in groups:
        if not prefix:
            above.append(_heading(rest[0], next(kinds), ' rowspan="2"'))
            continue
        above.append(_heading(prefix, "group", f' colspan="{len(rest)}"'))
        below += [_heading(name, next(kinds)) for name in rest]
    return f"<tr>{''.join(above)}</tr>\n<tr>{''.join(below)}</tr>"


def _heading(name: str, kind: str, more: str = "") -> str:
    kinds = [kind] * (kind in ("right", "group")) + ["whole"] * (len(name) <= WHOLE)
    return f"<th{_attribute(' '.join(kinds))}{more}>{escape(_text(name))}</th>"


def grouped(names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The columns' names as (what neighbours share, what each adds). A column on its
    own is ("", [its name])."""
    groups: list[tuple[str, list[str]]] = []
    at = 0
    while at < len(names):
        prefix, count = _shared(names[at:])
        rest = [name[len(prefix) :].strip() for name in names[at : at + count]]
        groups.append((prefix.rstrip(" :,"), rest))
        at += count
    return groups


def _shared(names: Sequence[str]) -> tuple[str, int]:
    """The longest beginning that the first name shares with those right after it, and
    with how many. Two share what ends in a colon or comma, `LEAST` share a word."""
    ends = [match.end() for match in re.finditer(r"[:,] | ", names[0])]
    for end in reversed(ends):
        prefix = names[0][:end]
        count = 0
        while count < len(names) and names[count].startswith(prefix):
            count += 1
        if count >= (2 if prefix[-2] in ":," else LEAST):
            return prefix, count
    return "", 1


def _class(texts: Sequence[str], numeric: bool) -> str:
    if numeric:
        return "right"
    most = max(map(len, texts), default=0)
    return "long" if most > LONG else "short" if most <= SHORT else ""


def _attribute(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _text(cell: Any) -> str:
    """A cell's text. Markdown's links are for the README that it may stand in: the page
    lies elsewhere, and shows their words alone."""
    return re.sub(r"\[([^][]+)\]\([^()]+\)", r"\1", format_cell(cell))
