"""What a training run writes down while it runs.

metrics.jsonl holds one JSON object a line: `step`, `split` ("train" or "valid"),
`seconds` of training so far, and the metrics. The same numbers go to TensorBoard event
files and to the console: a progress bar on a terminal, plain lines elsewhere.
"""

import contextlib
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from common.cells import format_cell
from common.files import storage
from launch.boards import TRACKERS, Board, TensorBoard
from launch.records import keep_until, line_of
from launch.window import Pace, duration

LINE_SECONDS = 5.0  # between two plain training lines


class Logbook:
    """Records of one run, in its folder. A context manager: `close` ends the bar.

    In a bucket, which cannot append, metrics.jsonl is as new as the last `sync`.

    start: step of the checkpoint that the run resumes from; 0 begins a new logbook.
    unit: what a step consumes, in the plural ("tokens"), `items_per_step` of them.
    seconds_at_peak: what a step would take at the chips' published peak; 0: unknown.
    quiet: writes and prints nothing; for the processes of a pod other than 0.
    config: the run's, which boards show; track: one of `boards.TRACKERS` besides.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        steps: int,
        start: int,
        unit: str,
        items_per_step: int,
        seconds_at_peak: float = 0.0,
        quiet: bool = False,
        tensorboard: bool = True,
        config: Any = None,
        track: str = "",
    ) -> None:
        self._name = name
        self._steps = steps
        self._unit = unit
        self._items_per_step = items_per_step
        self._seconds_at_peak = seconds_at_peak
        self._quiet = quiet
        self._pace = Pace()
        self._printed = -LINE_SECONDS
        self._loss: float | None = None
        self._file = self._bar = None
        self._boards: list[Board] = []
        self._error: OSError | None = None
        self._other_hook = threading.excepthook
        threading.excepthook = self._thread_failed
        if not quiet:
            folder.mkdir(parents=True, exist_ok=True)
            self._path = folder / "metrics.jsonl"
            self._local = storage.local(self._path)
            keep_until(self._local, start)
            # Line-buffered: a kill loses no line, and `tail -f` sees each at once.
            self._file = self._local.open("a", buffering=1)
            if tensorboard:
                board = TensorBoard(folder / "tensorboard", start, config)
                self._boards.append(board)
            if track:
                self._boards.append(TRACKERS[track](folder, name, config))
            self._bar = _bar(name, steps, start)

    def train(self, step: int, seconds: float, metrics: Mapping[str, float]) -> None:
        """Training metrics up to `step`, after `seconds` of training in all."""
        self._record("train", step, seconds, metrics)
        self._loss = metrics.get("loss", self._loss)
        now = time.monotonic()
        due = now - self._printed >= LINE_SECONDS or step >= self._steps
        if due and not self._bar:
            self._printed = now
            shown = {"loss": metrics["loss"]} if "loss" in metrics else metrics
            self.say(self._text(self._head(step), _words(shown), self._speed(step)))

    def valid(self, step: int, seconds: float, metrics: Mapping[str, float]) -> None:
        """Validation metrics of the state at `step`."""
        self._record("valid", step, seconds, metrics)
        self._pace.interrupt()
        self.say(self._text(self._head(step), f"valid {_words(metrics)}"))

    def advance(self, step: int, loss: float | None = None) -> None:
        """Moves the bar to `step`. Call it each step; `loss` is on the host already."""
        self._pace.tick(step, time.monotonic())
        self._loss = self._loss if loss is None else loss
        if self._bar:
            loss_words = "" if self._loss is None else _words({"loss": self._loss})
            status = self._text(loss_words, self._speed(step))
            self._bar.update(self._bar.task_ids[0], completed=step, status=status)

    def say(self, message: str) -> None:
        """Prints a line, above the bar if there is one."""
        if self._bar:
            self._bar.console.print(
                message, markup=False, highlight=False, soft_wrap=True
            )
        elif not self._quiet:
            print(message, flush=True)

    def sync(self) -> None:
        """Forces all records to disk. Call it before saving a checkpoint: no
        checkpoint may be newer than its records.
        """
        self._pace.interrupt()
        if self._file:
            os.fsync(self._file.fileno())
            storage.put_back(self._local, self._path)
        for board in self._boards:
            board.flush()

    def close(self) -> None:
        threading.excepthook = self._other_hook
        if self._bar:
            self._bar.stop()
        if self._file:
            self._file.close()
            storage.put_back(self._local, self._path)
        for board in self._boards:
            board.close()
        self._file = self._bar = None
        self._boards = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, *exception: object) -> None:
        # A full disk that ended the run is not told a second time.
        with contextlib.suppress(OSError) if kind else contextlib.nullcontext():
            self.close()

    def _thread_failed(self, failure: threading.ExceptHookArgs) -> None:
        """TensorBoard's thread ends when the disk is full, and its queue then would
        block us: the next record raises what it met."""
        if isinstance(failure.exc_value, OSError):
            self._error = failure.exc_value
        else:
            self._other_hook(failure)

    def _record(
        self, split: str, step: int, seconds: float, metrics: Mapping[str, float]
    ) -> None:
        if self._error:
            raise self._error
        metrics = {name: float(value) for name, value in metrics.items()}
        record = {"step": int(step), "split": split, "seconds": round(seconds, 3)}
        if self._file:
            self._file.write(line_of(record | metrics))
        for board in self._boards:
            board.add(split, step, metrics)

    def _head(self, step: int) -> str:
        return f"{self._name}  step {step:>{len(str(self._steps))}}/{self._steps}"

    def _speed(self, step: int) -> str:
        """Items a second, share of the peak and time left, as far as they are known."""
        pace = self._pace.steps_per_second
        if not pace:
            return ""
        rate = f"{pace * self._items_per_step:,.0f} {self._unit}/s"
        share = pace * self._seconds_at_peak
        left = (self._steps - step) / pace
        return self._text(
            rate,
            f"{share:.0%} of peak" if share else "",
            f"{duration(left)} left" if left > 0 else "",
        )

    @staticmethod
    def _text(*parts: str) -> str:
        return "  ".join(part for part in parts if part)


def _bar(name: str, steps: int, start: int) -> Progress | None:
    """A running progress bar, if there is a terminal to draw it on."""
    console = Console()
    if not console.is_interactive:
        return None
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[status]}", markup=False),
        console=console,
        refresh_per_second=4,
    )
    bar.add_task(name, total=steps, completed=start, status="")
    bar.start()
    return bar


def _words(metrics: Mapping[str, float]) -> str:
    return "  ".join(f"{k} {format_cell(float(v))}" for k, v in metrics.items())
