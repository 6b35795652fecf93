"""Whose workdir it is: one job works in it at a time, and one config made each run.

workdir/variant.json        the paper and its config, to open the workdir again
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
from common.sections import SLOPES
from launch import distributed

# What says how a trained model is looked at, and when training logs, evaluates and
# saves. It may change between calls.
RHYTHM = ("log_every", "eval_every", "save_every", "save_minutes", "keep", "best")
FREE = ("eval", "predict", *(f"loop.{name}" for name in RHYTHM))
VARIANT = "variant.json"
STEPS = "loop.steps"  # may grow
FALL = "optim.schedule.steps"  # may change when they do


def remember(workdir: Path, paper: str, variant: str, config: Any) -> None:
    """Writes which paper trains here, and by which config. UserError: another paper
    does."""
    before = _fields(workdir / VARIANT).get("paper", paper)
    if before != paper:
        raise UserError(f"{workdir} is a workdir of {before}: choose another --workdir")
    if distributed.is_first():
        workdir.mkdir(parents=True, exist_ok=True)
        content = {"paper": paper, "variant": variant, "config": _plain(config)}
        write_whole(workdir / VARIANT, json.dumps(content, indent=2) + "\n")


def remembered(workdir: Path) -> tuple[str, str, dict[str, Any]]:
    """(paper, variant, config as plain values) of what `remember` wrote. UserError:
    nothing did."""
    content = _fields(workdir / VARIANT)
    try:
        return content["paper"], content["variant"], content["config"]
    except KeyError:
        raise UserError(
            f"{workdir / VARIANT} is missing or damaged, and with it which config was "
            "trained: give --paper and --config as well"
        ) from None


def claim(folder: Path, config: Any) -> str:
    """Writes `config` into the run's folder, for training. UserError as of `check`.
    Returns what the user should know of a run that grows, or ""."""
    grown = check(folder, config)
    path = folder / "config.json"
    distributed.wait_for_all(f"{path} is read")
    if distributed.is_first() and _fields(path) != _plain(config):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(_plain(config), indent=2) + "\n")
    return grown


def check(folder: Path, config: Any) -> str:
    """UserError: the folder holds checkpoints of another config; says which fields
    differ. Returns what the user should know of more steps than were trained, or ""."""
    steps = _steps(folder)
    if not steps:
        return ""
    old = _fields(folder / "config.json")
    for step in steps:  # each checkpoint knows its config too
        meta = folder / "checkpoints" / str(step) / "meta" / "metadata"
        old = old or _fields(meta).get("config", {})
    if not old:
        raise UserError(
            f"nothing in {folder} says which config made it: its config.json is "
            "damaged, and so are its checkpoints. Choose another --workdir"
        )
    new = _plain(config)
    old = _completed(old, config)
    found = dict(differences(old, new))
    if grown := _value(new, STEPS) > _value(old, STEPS):
        found = {name: x for name, x in found.items() if name not in (STEPS, FALL)}
    if found:
        fields = "; ".join(f"{name}: {change}" for name, change in found.items())
        raise UserError(
            f"{folder} was made by another config: {fields}. "
            "Choose another --workdir, or the old values"
        )
    return _growth(folder.name, old, config) if grown else ""


def _completed(old: dict[str, Any], config: Any) -> dict[str, Any]:
    """With the defaults of the fields that the code has got since: they mean that all
    is as it was."""
    found = dict(old)
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value) and field.name in old:
            found[field.name] = _completed(old[field.name], value)
        elif field.name not in old and field.default is not dataclasses.MISSING:
            found[field.name] = json.loads(json.dumps(field.default))
    return found


def _value(plain: dict[str, Any], field: str) -> int:
    """Of a field of steps; 0 where there is no such field."""
    for name in field.split("."):
        plain = plain.get(name, {})
    return plain or 0


def _growth(name: str, old: dict[str, Any], config: Any) -> str:
    """What becomes of the rate."""
    first, last = _value(old, STEPS), config.loop.steps
    schedule = config.optim.schedule
    said = f"{name}: grows from {first:,} to {last:,} steps"
    if schedule.decay not in SLOPES[1:]:
        return said
    if schedule.steps:
        return f"{said}; its rate falls over {schedule.steps:,} of them and stays there"
    return (
        f"{said}; its rate falls over all of them now. It stays where it ended with "
        f"config.{FALL}={_value(old, FALL) or first}"
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


def differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(field, "old -> new") of every field that matters to training."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            where = f"{path}.{name}".lstrip(".")
            if where not in FREE:
                yield from differences(old.get(name), new.get(name), where)
    elif old != new:
        yield path, f"{old!r} -> {new!r}"


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
