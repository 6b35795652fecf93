"""Where a report comes from: the code and versions behind it, the files beside it."""

import datetime
import functools
import inspect
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]  # of this code
ABOUT = "paper"  # the fact that says which paper it is
CODE = "code"  # the fact that says where its code is
# Facts that lead to the code; the others say how a number was measured.
LEADS = (ABOUT, CODE, "commit", "flax", "optax")
REPORT = ("results.json", "report.md")
OF_A_RUN = ("metrics.jsonl", "config.json")


def facts(command: str, devices: str, about: str = "") -> dict[str, str]:
    """Where a report comes from. about: as of `about_paper`."""
    found = {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "devices": devices,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
    }
    found |= {name: metadata.version(name) for name in ("jax", "flax", "optax")}
    found |= {"commit": _git("describe", "--always", "--dirty", "--tags")}
    found |= {CODE: _code(), ABOUT: about}
    return {name: fact for name, fact in found.items() if fact}


def about_paper(text: str) -> str:
    """Title, authors and address, from a paper's docstring, whose first two paragraphs
    they are."""
    paragraphs = [
        " ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n")
    ]
    said = " ".join(paragraphs[:2])
    return re.sub(r"arXiv:(\d{4}\.\d{4,5})", r"https://arxiv.org/abs/\1", said).rstrip(
        "."
    )


@functools.cache
def _git(*words: str) -> str:
    """What git says of this code; "" where it is no checkout, or there is no git."""
    if not (ROOT / ".git").exists():
        return ""
    command = ["git", "-C", str(ROOT), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _code() -> str:
    """The address of this commit where the remote is a public forge, else this
    folder's."""
    remote = _git("config", "remote.origin.url")
    forge = re.fullmatch(
        r"(?:https://|git@)(github\.com|gitlab\.com)[:/](.+?)(?:\.git)?/?", remote
    )
    commit = _git("rev-parse", "HEAD")
    if forge and commit:
        return f"https://{forge[1]}/{forge[2]}/blob/{commit}"
    return ROOT.as_uri()


def address(source: str, of: Mapping[str, str]) -> str:
    """Of a line of code, "papers/unit/evaluate.py:31"; "" if it is not known. of: the
    facts of its report."""
    if not source or CODE not in of:
        return ""
    path, _, line = source.rpartition(":")
    return f"{of[CODE]}/{path}#L{line}"


def with_sources(values: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any, str]]:
    """(name, value, the line of this code that yielded it or "")."""
    for name, value in values:
        yield name, value, _line(values)


def _line(values: Any) -> str:
    """Where the innermost of generators that yield from each other stands."""
    while inspect.isgenerator(values) and inspect.isgenerator(values.gi_yieldfrom):
        values = values.gi_yieldfrom
    if not inspect.isgenerator(values) or values.gi_frame is None:
        return ""
    path = Path(values.gi_code.co_filename).resolve()
    if not path.is_relative_to(ROOT):
        return ""
    return f"{path.relative_to(ROOT).as_posix()}:{values.gi_frame.f_lineno}"


def links_of(folder: Path) -> dict[str, list[str]]:
    """The files of a report in `folder` and of the runs beside it, relative to it."""
    own = [name for name in REPORT if (folder / name).exists()]
    found = {"this page": own} if own else {}
    for log in sorted(folder.parent.glob("*/metrics.jsonl")):
        run = log.parent
        files = [f"../{run.name}/{x}" for x in OF_A_RUN if (run / x).exists()]
        found[run.name] = files
    return found
