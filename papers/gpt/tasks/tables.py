"""Tables in files: tab-separated without quotes, csv, and one JSON object a line."""

import csv
import dataclasses
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from common.contract import UserError
from common.files import texts

_SHOWN = 5  # broken lines that a note names


@dataclasses.dataclass
class Table:
    """The wanted columns of a table.

    Attributes:
      path: the file.
      lines: the line number of each row, from 1.
      rows: the wanted fields of each row, stripped.
      broken: {line number: what is wrong with it} of the lines that are left out.
      has: the names of all columns, in lower case.
    """

    path: Path
    lines: list[int] = dataclasses.field(default_factory=list)
    rows: list[tuple[str, ...]] = dataclasses.field(default_factory=list)
    broken: dict[int, str] = dataclasses.field(default_factory=dict)
    has: tuple[str, ...] = ()

    def leave_out(self, line: int, why: str) -> None:
        self.broken[line] = why

    def notes(self) -> list[str]:
        """A line about what was left out. UserError: that is more than half."""
        if not self.broken:
            return []
        total = len(self.rows) + len(self.broken)
        shown = [f"{n} ({why})" for n, why in [*self.broken.items()][:_SHOWN]]
        more = ", ..." if len(self.broken) > _SHOWN else ""
        note = (
            f"{self.path.name}: {len(self.broken):,} of {total:,} rows cannot be read: "
            f"line {', '.join(shown)}{more}"
        )
        if 2 * len(self.broken) > total:
            raise UserError(f"{note}; is it the right file?")
        return [note + "; they are left out"]


def read(
    path: Path,
    kind: str,
    wanted: Sequence[str],
    *,
    header: Sequence[str] = (),
    optional: Sequence[str] = (),
    ragged: bool = False,
) -> Table:
    """The wanted columns of a file, whose names may be in capitals or not.

    A line is left out, and named, where it has too many or too few fields or where a
    wanted one is empty.

    Args:
      path: UTF-8 with or without a mark, lines ended by LF, CRLF or CR, gzipped or not.
      kind: "tsv" (quotes are letters, as in GLUE), "csv" (quotes around fields) or
        "jsonl".
      wanted: columns that rows consist of, in this order.
      header: the names of the columns where no first line has them.
      optional: wanted columns that the file may lack; rows then have "" there.
      ragged: whether rows may have more fields than there are names, or fewer if the
        wanted ones are there.

    Raises:
      UserError: the file is empty, is no such table, or has no such column.
    """
    text = _lines_by_lf(texts.read(path).decode())
    if not text.strip():
        raise UserError(f"{str(path)!r} is empty")
    if kind == "jsonl":
        return _json_lines(path, text, wanted, optional)
    records = _tsv(text) if kind == "tsv" else _csv(path, text)
    columns = _lower(header or next(records, (0, []))[1])
    places = _places(path, columns, wanted, optional)
    table = Table(path, has=columns)
    for line, fields in records:
        if len(fields) == len(columns) or (ragged and len(fields) > max(places)):
            _add(table, line, [fields[i] if i >= 0 else "" for i in places], wanted)
        else:
            table.leave_out(line, f"{len(fields)} fields, not {len(columns)}")
    if not table.rows and not table.broken:
        raise UserError(f"{str(path)!r} names its columns and has no rows")
    return table


def _lines_by_lf(text: str) -> str:
    """str.splitlines would also cut at U+2028 and U+0085, which may stand in sentences.
    A lone CR ends lines only where no LF does."""
    text = text.replace("\r\n", "\n")
    return text if "\n" in text else text.replace("\r", "\n")


def _lower(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in names)


def _tsv(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.split("\t")


def _csv(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for fields in reader:
            if any(map(str.strip, fields)):
                yield reader.line_num, fields
    except csv.Error as error:
        raise UserError(
            f"{str(path)!r}, up to line {reader.line_num}, is no csv: {error}; "
            'fields with commas stand in "", and quotes in them are doubled'
        ) from None


def _places(
    path: Path, columns: Sequence[str], wanted: Sequence[str], optional: Sequence[str]
) -> list[int]:
    """Where the wanted columns are; -1: nowhere."""
    places = []
    for name in wanted:
        if name.lower() in columns:
            places.append(columns.index(name.lower()))
        elif name in optional:
            places.append(-1)
        else:
            raise UserError(
                f"{str(path)!r} has no column {name!r}; its first line has "
                f"{_shortened(columns)}"
            )
    return places


def _shortened(columns: Sequence[str], most: int = 200) -> str:
    names = ", ".join(columns)
    return names if len(names) <= most else names[:most] + "..."


def _add(table: Table, line: int, fields: Sequence[str], wanted: Sequence[str]) -> None:
    row = tuple(field.strip() for field in fields)
    empty = [
        name
        for name, field in zip(wanted, row, strict=True)
        if not field and name.lower() in table.has
    ]
    if empty:
        table.leave_out(line, f"{empty[0]} is empty")
    else:
        table.lines.append(line)
        table.rows.append(row)


def _json_lines(
    path: Path, text: str, wanted: Sequence[str], optional: Sequence[str]
) -> Table:
    objects: dict[int, dict[str, str]] = {}
    table = Table(path)
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                objects[number] = _json_fields(line)
            except ValueError as error:
                table.leave_out(number, str(error))
    if not objects:
        raise UserError(f"{str(path)!r} has no line that is a JSON object")
    table.has = tuple(dict.fromkeys(name for o in objects.values() for name in o))
    _places(path, table.has, wanted, optional)
    for number, fields in objects.items():
        row = [fields.get(name.lower(), "") for name in wanted]
        _add(table, number, row, wanted)
    return table


def _json_fields(line: str) -> dict[str, str]:
    """{name in lower case: text} of an object; lists and objects in it are dropped."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return {
        name.lower(): value if isinstance(value, str) else json.dumps(value)
        for name, value in found.items()
        if isinstance(value, str | int | float)
    }
