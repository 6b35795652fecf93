"""The page of a workdir while it trains: how far each run is, and its curves so far.

A thread of process 0 writes it from the files that runs leave anyway. The training
loop neither waits for it nor knows of it.
"""

import contextlib
import json
import logging
import threading
import time
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Self

from common.cells import format_cell
from common.contract import UserError
from common.files import storage
from launch.distributed import is_first
from launch.records import read_metrics
from launch.reports.page import REFRESH, drawn
from launch.reports.report import read_report, write_page
from launch.reports.training import Curves
from launch.window import duration

ON_DISK, IN_BUCKET = 15.0, 120.0  # seconds between two pages, at least
TIMES = 100  # of what the last page took: the thread takes 1% of a core at most
RECENT = 20  # lines of a log that tell how long a step takes


class LivePage:
    """A context manager, around training and the evaluation after it.

    steps: of each run, at its end. facts: where the numbers come from.
    """

    def __init__(
        self,
        workdir: Path,
        title: str,
        steps: Mapping[str, int],
        facts: Mapping[str, str],
    ) -> None:
        self._workdir = workdir
        self._title = title
        self._steps = dict(steps)
        self._facts = dict(facts)
        self._pause = ON_DISK if storage.is_local(workdir) else IN_BUCKET
        self._ended = threading.Event()
        self._writing = threading.Lock()  # one page at a time
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        if is_first():
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()
        if is_first() and self._reloads():  # no report came instead
            self._try_write("stopped", reloads=False)

    def measuring(self) -> None:
        """From here on the report is on its way, and the thread is no more."""
        self._stop()
        if is_first():
            self._try_write("trained; now measured")

    def write(self, state: str, *, reloads: bool = True) -> None:
        """Writes the page once. Results of an evaluation before stay on it."""
        folder = self._workdir / "report"
        folder.mkdir(parents=True, exist_ok=True)
        logs = {
            run: read_metrics(self._workdir / run / "metrics.jsonl")
            for run in self._steps
        }
        facts, results = self._facts, {}
        with contextlib.suppress(UserError):
            _, facts, results = read_report(folder)
        progress = self._progress(state, logs)
        more = {"progress": progress, "reloads": reloads}
        with self._writing:
            write_page(folder, self._title, results, facts, **more)

    def _progress(self, state: str, logs: Mapping[str, list[dict[str, Any]]]) -> str:
        rows = [_row(run, self._steps[run], log) for run, log in logs.items()]
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        head = "".join(f"<th>{x}</th>" for x in ("run", "", "step", "left", "loss"))
        curves = Curves.of({run: {"metrics": log} for run, log in logs.items() if log})
        shown = drawn("", json.dumps(curves.content())) if curves else ""
        return (
            f'<section id="progress"><h2>Progress</h2>\n'
            f'<p class="note">{escape(state)}; written {now}</p>\n'
            f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
            f"<tbody>{''.join(rows)}</tbody></table></div>\n{shown}</section>"
        )

    def _follow(self) -> None:
        """Writes the page when something was logged, until training ends."""
        seen, pause = None, 0.0
        while not self._ended.wait(pause):
            sizes = [self._size(run) for run in self._steps]
            pause = self._pause
            if sizes == seen:
                continue
            began = time.monotonic()
            if not self._try_write("training"):
                return
            seen = sizes
            pause = max(pause, TIMES * (time.monotonic() - began))

    def _size(self, run: str) -> int:
        try:
            return (self._workdir / run / "metrics.jsonl").stat().st_size
        except OSError:
            return -1

    def _try_write(self, state: str, *, reloads: bool = True) -> bool:
        """A page that cannot be written must not end the training."""
        try:
            self.write(state, reloads=reloads)
        except Exception as error:
            message = "the page of the training is not written: %s"
            logging.getLogger("launch").warning(message, storage.reason(error))
            return False
        return True

    def _reloads(self) -> bool:
        try:
            page = (self._workdir / "report" / "index.html").read_text(encoding="utf-8")
        except OSError:
            return False
        return REFRESH in page

    def _stop(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()


def _row(run: str, steps: int, log: list[dict[str, Any]]) -> str:
    trained = [record for record in log if record["split"] == "train"]
    step = log[-1]["step"] if log else 0
    losses = [record["loss"] for record in trained if "loss" in record]
    cells = [
        f'<progress value="{step}" max="{max(steps, 1)}"></progress>',
        f"{step:,} of {steps:,}",
        _left(steps - step, trained),
        format_cell(losses[-1] if losses else None),
    ]
    return f"<tr><td>{escape(run)}</td>{''.join(f'<td>{x}</td>' for x in cells)}</tr>"


def _left(steps: int, trained: list[dict[str, Any]]) -> str:
    """The time that so many steps take, at the pace of the last lines."""
    if steps <= 0:
        return "trained"
    recent = trained[-RECENT:]
    if len(recent) < 2 or recent[-1]["step"] <= recent[0]["step"]:
        return "waits" if not trained else format_cell(None)
    seconds = recent[-1]["seconds"] - recent[0]["seconds"]
    return duration(steps * seconds / (recent[-1]["step"] - recent[0]["step"]))
