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
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from common.contract import UserError
from common.files import storage
from launch import distributed

# Sections that say how a trained model is looked at. They may change between calls.
FREE_SECTIONS = ("eval", "predict")


def claim(folder: Path, config: Any) -> None:
    """Writes `config` into the run's folder, for training. UserError as of `check`."""
    check(folder, config)
    path = folder / "config.json"
    distributed.wait_for_all(f"{path} is read")
    fresh = not _steps(folder) or not _fields(path)
    if fresh and distributed.is_first():
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(_plain(config), indent=2) + "\n")


def check(folder: Path, config: Any) -> None:
    """UserError: the folder holds checkpoints of another config; says which fields
    differ."""
    steps = _steps(folder)
    if not steps:
        return
    old = _fields(folder / "config.json")
    for step in steps:  # each checkpoint knows its config too
        meta = folder / "checkpoints" / str(step) / "meta" / "metadata"
        old = old or _fields(meta).get("config", {})
    if not old:
        raise UserError(
            f"nothing in {folder} says which config made it: its config.json is "
            "damaged, and so are its checkpoints. Choose another --workdir"
        )
    if found := [*differences(old, _plain(config))]:
        raise UserError(
            f"{folder} was made by another config: {'; '.join(found)}. "
            "Choose another --workdir, or the old values"
        )


def _steps(folder: Path) -> list[int]:
    """Of its checkpoints, the newest first."""
    names = [path.name for path in (folder / "checkpoints").glob("[0-9]*")]
    return sorted((int(name) for name in names if name.isdigit()), reverse=True)


def _fields(path: Path) -> dict[str, Any]:
    """The object in a JSON file; {} if it is missing or damaged."""
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _plain(config: Any) -> dict[str, Any]:
    """A config as JSON gives it back."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file, or leaves the old one as it is where there is no room."""
    temporary = path.with_name(f"{path.name}.tmp")
    data = content.encode() if isinstance(content, str) else content
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        error.add_note(f"{path} is not written")
        raise


def for_results(workdir: Path) -> Path:
    """The workdir, or a new folder for temporary files where it cannot be written to:
    an archive is evaluated too."""
    if not storage.is_local(workdir) or os.access(workdir, os.W_OK):
        return workdir
    return Path(tempfile.mkdtemp(prefix=f"{workdir.name}-"))


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
def locked(workdir: Path, *, reading: bool = False) -> Iterator[None]:
    """Holds the workdir for this job. The kernel lets go of it when the process ends,
    however it ends. A bucket has no locks: a file there says who came last, and the
    user sees to it that one job works there. Nor has a folder that nobody can write
    to, which is enough for `reading`.

    UserError: another job holds it, or it cannot be written to.
    """
    if not distributed.is_first():
        yield
        return
    if not storage.is_local(workdir):
        _mark(workdir)
        yield
        return
    lock = _lock_file(workdir, reading)
    if lock is None:
        yield
        return
    with lock as file:
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


def _lock_file(workdir: Path, reading: bool) -> IO[str] | None:
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        return (workdir / ".lock").open("a+")
    except OSError as error:
        if reading and os.access(workdir, os.R_OK) and workdir.is_dir():
            return None
        why = error.strerror
        raise UserError(
            f"{workdir} cannot be written to: {why}. Choose another --workdir"
        ) from error


def _mark(workdir: Path) -> None:
    """Writes who works here, to be read by people."""
    try:
        (workdir / ".lock").write_text(
            f"process {os.getpid()} of {socket.gethostname()}"
        )
    except Exception as error:  # of the network, of rights: each has its own
        why = storage.reason(error)
        raise UserError(f"{workdir} cannot be written to: {why}") from error
