"""Writes the pages of workdirs again from what their reports hold; nothing is measured.

python -m launch.reports.again workdir/unit/default workdir/espcn/default
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from common.contract import UserError
from common.files import storage
from launch.records import read_metrics
from launch.reports.report import read_report, write_page
from launch.reports.training import CURVES, Curves
from launch.workdir import write_whole


def main(argv: Sequence[str]) -> int:
    """Returns the exit code: 0 done, 2 a mistake, told in a line."""
    parser = argparse.ArgumentParser(prog="python -m launch.reports.again")
    parser.add_argument("workdirs", nargs="+", metavar="WORKDIR")
    try:
        for name in parser.parse_args(argv).workdirs:
            again(storage.path(name) / "report")
    except UserError as error:
        print(f"again: {error}", file=sys.stderr)
        return 2
    return 0


def again(folder: Path) -> None:
    """Writes index.html of the report in `folder`. A report that is older than the
    curves on pages gets them from metrics.jsonl. UserError: there is no report."""
    title, facts, results = read_report(folder)
    for slug, result in results.items():
        if result.name == CURVES and not result.curves:
            results[slug] = dataclasses.replace(result, curves=_curves(folder, slug))
    try:
        write_page(folder, title, results, facts)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing: evaluate again") from error
    print(f"report: {folder / 'index.html'}", flush=True)


def _curves(folder: Path, slug: str) -> str:
    """The file of curves, written; "" if nothing was logged."""
    logs = sorted(folder.parent.glob("*/metrics.jsonl"))
    curves = Curves.of(
        {log.parent.name: {"metrics": read_metrics(log)} for log in logs}
    )
    if curves is None:
        return ""
    file = f"{slug}.curves.json"
    write_whole(folder / file, json.dumps(curves.content()))
    return file


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
