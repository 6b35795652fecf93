"""Whose workdir it is: one job works in it at a time, and one config made each run.

workdir/<run>/config.json   what made its checkpoints; another config is refused
workdir/.lock               held while a process works there
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common.contract import UserError
from common.files import storage
from launch import distributed

# Sections that say how a trained model is looked at. They may change between calls.
FREE_SECTIONS = ("eval", "predict")


def claim(folder: Path, config: Any, *, first_only: bool = False) -> None:
    """Writes `config` into the run's folder, or checks that it is the one there.

    first_only: process 0 is here by itself, and waits for no other.
    UserError: the folder holds checkpoints of another config; says which fields differ.
    """
    path = folder / "config.json"
    new = json.loads(json.dumps(dataclasses.asdict(config)))
    fresh = not path.exists() or not any((folder / "checkpoints").glob("[0-9]*"))
    if not fresh and (found := [*differences(json.loads(path.read_text()), new)]):
        raise UserError(
            f"{folder} was made by another config: {'; '.join(found)}. "
            "Choose another --workdir, or the old values"
        )
    if not first_only:
        distributed.wait_for_all(f"{path} is read")
    if fresh and distributed.is_first():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(new, indent=2) + "\n")
        temporary.replace(path)


def differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """`field: old -> new` of every field that matters to training."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            where = f"{path}.{name}".lstrip(".")
            if where not in FREE_SECTIONS:
                yield from differences(old.get(name), new.get(name), where)
    elif old != new:
        yield f"{path}: {old!r} -> {new!r}"


@contextlib.contextmanager
def locked(workdir: Path) -> Iterator[None]:
    """Holds the workdir for this job. The kernel lets go of it when the process ends,
    however it ends. A bucket has no locks: a file there says who came last, and the
    user sees to it that one job works there.

    UserError: another job holds it, or it cannot be written to.
    """
    if not distributed.is_first():
        yield
        return
    if not storage.is_local(workdir):
        _mark(workdir)
        yield
        return
    workdir.mkdir(parents=True, exist_ok=True)
    with (workdir / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise UserError(
                f"{workdir} is in use by process {owner}: wait for it, or choose "
                "another --workdir"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _mark(workdir: Path) -> None:
    """Writes who works here, to be read by people."""
    try:
        (workdir / ".lock").write_text(
            f"process {os.getpid()} of {socket.gethostname()}"
        )
    except Exception as error:  # of the network, of rights: each has its own
        why = storage.reason(error)
        raise UserError(f"{workdir} cannot be written to: {why}") from error
