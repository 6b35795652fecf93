"""The lines of metrics.jsonl: read, and cut where a run goes on."""

import contextlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NO_METRICS = ("step", "split", "seconds")  # what else a record has


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Records of a metrics.jsonl, oldest first, without a line cut short by a kill. Of
    other lines that cannot be read, a warning says how many there are."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        lines = []
    records = [_record(line) for line in lines]
    if unread := sum(record is None for record in records[:-1]):
        message = "%s: %d damaged lines are left out"
        logging.getLogger("launch").warning(message, path, unread)
    return [record for record in records if record is not None]


def _record(line: bytes) -> dict[str, Any] | None:
    """None: the line is no record."""
    with contextlib.suppress(ValueError):
        record = json.loads(line)
        if isinstance(record, dict) and isinstance(record.get("step"), int):
            numbers = [x for name, x in record.items() if name != "split"]
            whole = all(isinstance(x, int | float) for x in numbers)
            return record if whole and "split" in record else None
    return None


def keep_until(path: Path, step: int) -> None:
    """Drops what a killed run wrote after its checkpoint at `step`.

    The line of `step` itself stays: a loop evaluates, then saves. At step 0 nothing
    was resumed, and nothing is kept.
    """
    old = read_metrics(path) if step else []
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        file.writelines(line_of(r) for r in old if r["step"] <= step)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def line_of(record: Mapping[str, Any]) -> str:
    return json.dumps(record) + "\n"
