"""Training in a notebook: no flags, progress in a line, what was logged as arrays."""

import contextlib
import dataclasses
import io
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from jaxtyping import Float, Int

from common.contract import Table, UserError
from common.files import storage
from common.nearest import refuse_unknown
from launch import devices, workdir
from launch.checkpoints import newest
from launch.compiled import keep_compiled
from launch.loading import quiet
from launch.records import read_metrics
from launch.reports.training import Curves
from launch.runs import parameter_count
from launch.session import Session
from launch.stop import StopRequest

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # slow to import, and often not needed

VARIANT = "notebook"  # stands in variant.json for a config that has no name


@dataclasses.dataclass(frozen=True)
class Trained(Mapping[str, tuple[Any, Any]]):
    """{run: (config, state)}, as a paper's `evaluate` takes it, and what was logged.

    A notebook shows it as a table, a row a run.
    """

    workdir: Path
    runs: Mapping[str, tuple[Any, Any]]

    def __getitem__(self, run: str) -> tuple[Any, Any]:
        return self.runs[run]

    def __iter__(self) -> Iterator[str]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def logged(
        self, metric: str = "loss", run: str = "", split: str = "train"
    ) -> tuple[Int[np.ndarray, "n"], Float[np.ndarray, "n"]]:
        """Steps and values of a metric.

        run: "": the first one. UserError: the run or the metric is not there.
        """
        run = run or next(iter(self.runs))
        refuse_unknown("run", run, self.runs)
        records = [r for r in self._records(run) if r["split"] == split]
        if not records:
            raise UserError(
                f"{run} has logged nothing of {split!r}: splits are train, every "
                "config.loop.log_every steps, and valid"
            )
        names = {name for r in records for name in r} - {"step", "split"}
        refuse_unknown(f"metric of {run}, {split}", metric, sorted(names))
        pairs = [(r["step"], r[metric]) for r in records if metric in r]
        steps, values = zip(*pairs, strict=True)
        return np.array(steps), np.array(values)

    def curves(self, *metrics: str) -> "Figure":
        """Curves of all runs, training and validation, a panel a metric; without
        names, of all that was logged. UserError: nothing of that name was."""
        found = Curves.of({run: {"metrics": self._records(run)} for run in self.runs})
        if not found:
            raise UserError(f"nothing was logged in {self.workdir}: train some steps")
        for metric in metrics:
            refuse_unknown("metric", metric, found.panels)
        return Curves({m: found.panels[m] for m in metrics or found.panels}).figure()

    def _records(self, run: str) -> list[dict[str, Any]]:
        return read_metrics(self.workdir / run / "metrics.jsonl")

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        rows = []
        for run, (_, state) in self.runs.items():
            records = self._records(run)
            losses = [_last(records, split) for split in ("train", "valid")]
            seconds = records[-1]["seconds"] if records else None
            counts = int(state.step), parameter_count(state)
            rows.append([run, *counts, seconds, *losses])
        columns = ("run", "steps", "parameters", "seconds")
        columns += ("training loss", "validation loss")
        return Table(columns, rows, f"in {self.workdir}")._repr_html_()


def train(
    paper: ModuleType, config: Any, folder: str | Path, names: Sequence[str]
) -> Trained:
    """As of `launch.train`."""
    name = paper.__name__.rpartition(".")[2]
    path = storage.path(str(folder or tempfile.mkdtemp(prefix=f"{name}-")))
    session = Session(paper, config, path)
    for run in names:
        refuse_unknown("run", run, session.runs)
    wanted = session.runs.in_order([*names] or [*session.runs])
    devices.keep_freed_memory()
    with quiet(), workdir.locked(path), StopRequest() as stop, _progress():
        keep_compiled(path)
        workdir.remember(path, name, VARIANT, config)
        finished = session.train(wanted, stop)
    if not finished:
        print("stopped, and nothing is lost: the same call on the same workdir goes on")
        wanted = [run for run in wanted if newest(path / run) >= 0]
    with quiet():
        states = {run: session.restored(run)[0] for run in wanted}
    runs = {n: (r.config, states[n]) for n, r in session.runs.items() if n in states}
    return Trained(path, runs)


def _last(records: Sequence[Mapping[str, Any]], split: str) -> float | None:
    """The newest loss of a split."""
    losses = [r["loss"] for r in records if r["split"] == split and "loss" in r]
    return losses[-1] if losses else None


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    """Within it a run prints one line, which its news overwrite. On a terminal, which
    has a progress bar, nothing changes."""
    if sys.stdout.isatty():
        yield
        return
    line = OneLine(sys.stdout)
    with contextlib.redirect_stdout(line):
        yield
    line.end()


class OneLine(io.TextIOBase):
    """Writes lines over each other as long as they begin with the same word."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._rest = ""
        self._shown = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in filter(str.strip, lines):
            self._show(line)
        return len(text)

    def _show(self, line: str) -> None:
        if self._shown and line.split()[0] != self._shown.split()[0]:
            self._out.write("\n")
            self._shown = ""
        self._out.write("\r" + line.ljust(len(self._shown)))
        self._out.flush()
        self._shown = line

    def flush(self) -> None:
        self._out.flush()

    def end(self) -> None:
        """Leaves the last line as it is."""
        if self._shown:
            self._out.write("\n")
            self._out.flush()
