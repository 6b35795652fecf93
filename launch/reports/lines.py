"""What `predict` yields as lines of JSON on stdout, for programs: --json."""

import contextlib
import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from common.contract import Records
from common.files.pictures import is_picture
from launch.reports.results import Result


class Lines:
    """A paper's Records, a line a row. Where it yields none, all else:

    {"text": all that it wrote}
    {"table": name, "rows": [{column: cell}], "note": text}
    {"name": name, "value": a number or text}
    {"picture": name, "file": path}, or "files" of two that belong together
    {"name": name, "file": path} of what is no picture
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
            cells = [map(_finite, row) for row in result.value.rows]
            rows = [dict(zip(columns, row, strict=True)) for row in cells]
            line = {"table": result.name, "rows": rows, "note": result.value.note}
        elif result.kind == "figure":
            line = {"picture": result.name, "file": str(folder / result.value)}
        elif result.kind == "pair":
            files = [str(folder / file) for file in result.value.values()]
            line = {"picture": result.name, "files": files}
        elif result.kind == "file":
            kind = "picture" if is_picture(Path(result.value)) else "name"
            line = {kind: result.name, "file": result.value}
        else:
            line = {"name": result.name, "value": _finite(result.value)}
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
        text = json.dumps(line, ensure_ascii=False, allow_nan=False)
        print(text, file=self._out, flush=True)


def _finite(cell: Any) -> Any:
    """JSON has neither inf nor NaN: they are null."""
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


@contextlib.contextmanager
def alone_on_stdout() -> Iterator[Lines]:
    """Lines for stdout; all else that is printed meanwhile goes to stderr."""
    lines = Lines()
    with contextlib.redirect_stdout(sys.stderr):
        try:
            yield lines
        finally:
            lines.close()
