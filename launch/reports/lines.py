"""What `predict` yields as lines of JSON on stdout, for programs: --json."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from common.contract import Records
from launch.reports.results import Result


class Lines:
    """A paper's Records, a line a row. Where it yields none, all else:

    {"text": all that it wrote}
    {"table": name, "rows": [{column: cell}], "note": text}
    {"name": name, "value": a number or text}
    {"picture": name, "file": path}
    """

    def __init__(self) -> None:
        self._out = sys.stdout
        self._text = ""
        self._others: list[Mapping[str, Any]] = []
        self._has_records = False

    def records(self, records: Records) -> None:
        """Writes the rows at once."""
        self._has_records = True
        for row in records.rows:
            self._write(row)

    def text(self, text: str) -> None:
        self._text += text

    def result(self, result: Result, folder: Path) -> None:
        """A result of the report in `folder`."""
        self._end_text()
        if result.kind == "table":
            columns = result.value.columns
            rows = [dict(zip(columns, r, strict=True)) for r in result.value.rows]
            line = {"table": result.name, "rows": rows, "note": result.value.note}
        elif result.kind == "figure":
            line = {"picture": result.name, "file": str(folder / result.value)}
        else:
            line = {"name": result.name, "value": result.value}
        self._others.append(line)

    def close(self) -> None:
        """Writes what is left to say."""
        self._end_text()
        if not self._has_records:
            for line in self._others:
                self._write(line)

    def _end_text(self) -> None:
        if self._text.strip():
            self._others.append({"text": self._text})
        self._text = ""

    def _write(self, line: Mapping[str, Any]) -> None:
        print(json.dumps(line, ensure_ascii=False), file=self._out, flush=True)


@contextlib.contextmanager
def alone_on_stdout() -> Iterator[Lines]:
    """Lines for stdout; all else that is printed meanwhile goes to stderr."""
    lines = Lines()
    with contextlib.redirect_stdout(sys.stderr):
        try:
            yield lines
        finally:
            lines.close()
