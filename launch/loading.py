"""A trained run outside of the command line: in a notebook, in another program."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common.contract import UserError
from common.files import storage
from common.nearest import nearest, refuse_unknown
from launch import catalogue
from launch.trained_runs import TrainedRuns


def loaded(workdir: str | Path, run: str, step: str) -> tuple[Any, Any]:
    """(config, state), as of `launch.load`."""
    folder = storage.path(str(workdir))
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder{_beside(folder)}")
    asked = catalogue.remembered(folder)
    if step not in ("newest", "best") and not step.isdecimal():
        raise UserError(f"step={step!r}: newest, best, or a step")
    trained = TrainedRuns(asked.paper, asked.config, folder, checkpoint=step)
    own = [name for name, r in trained.runs.items() if not r.paper]
    name = run or own[0]
    refuse_unknown("run", name, trained.runs)
    with quiet():
        state, meta = trained.restored(name)
    if said := trained.without_best(name, meta):
        logging.getLogger("launch").warning(said)
    return trained.runs[name].config, state


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within it Orbax says nothing of its own, as under `launch/main.py`."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _beside(folder: Path) -> str:
    """The nearest names beside a folder that is missing."""
    parent = folder.parent
    there = [p.name for p in parent.iterdir() if p.is_dir()] if parent.is_dir() else []
    return f"; {nearest(folder.name, there)}" if there else ""
