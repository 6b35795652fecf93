"""Where files are: on a disk of this machine, or in a bucket of Google's, gs://.

A path in a bucket is an `etils.epath`, which has pathlib's methods. A bucket holds
whole objects: each is written at once or not at all, and none can be appended to or
locked. A file that grows, or that a library wants on a disk, has a `local` copy.
"""

import contextlib
import functools
import gzip
import importlib.util
import logging
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from common.contract import UserError

BUCKETS = "gs://"
# What systems leave in folders, besides names that begin with a dot. In lower case.
_LEFT_BEHIND = {"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"}


def path(name: str | os.PathLike) -> Path:
    """`name` as a path with pathlib's methods; `~` is home.

    UserError: its bucket does not exist or denies access, or it is no path of gs://.
    """
    name = os.fspath(name)
    if name.startswith(BUCKETS):
        return _in_bucket(name)
    if "://" in name:
        raise UserError(f"{name}: files are on a disk or in a bucket, {BUCKETS}")
    return Path(name).expanduser()


def is_local(path: Path) -> bool:
    return isinstance(path, Path)


def _in_bucket(name: str) -> Path:
    if importlib.util.find_spec("gcsfs") is None:
        raise UserError(f"{name} needs gcsfs: pip install '.[gcs]'")
    _settings()
    from etils import epath

    bucket = epath.Path(BUCKETS + name.removeprefix(BUCKETS).split("/")[0])
    try:
        exists = bucket.exists()
    except Exception as error:  # network and credentials have exceptions of their own
        raise UserError(f"{name}: {reason(error)}") from error
    if not exists:
        raise UserError(f"{name}: there is no bucket {bucket}, or none that we may see")
    return epath.Path(name)


def reason(error: Exception) -> str:
    """What went wrong, in one line."""
    return " ".join(f"{type(error).__name__} {error}".split())


@functools.cache
def _settings() -> None:
    import fsspec

    # The same code with TensorFlow as without.
    os.environ.setdefault("EPATH_USE_TF", "false")
    # Listings are not cached, because other hosts and Orbax write to the same folders.
    fsspec.config.conf.setdefault("gcs", {})["use_listings_cache"] = False
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)  # it logs what it raises


def is_hidden(name: str) -> bool:
    """Whether a file or folder is nobody's data: .git, .ipynb_checkpoints, ._a.png,
    __MACOSX, Thumbs.db."""
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def files_below(folder: Path) -> list[Path]:
    """All files in a folder and its folders, sorted, but for hidden ones. Folders that
    are links are read as well, and none is read twice."""
    if is_local(folder):
        paths = sorted(path for path in _walked(folder) if path.is_file())
    else:
        import fsspec

        names = fsspec.filesystem("gcs").find(os.fspath(folder))
        paths = sorted(type(folder)(BUCKETS + name) for name in names)
    deep = len(folder.parts)
    return [path for path in paths if not any(map(is_hidden, path.parts[deep:]))]


def _walked(folder: Path) -> Iterator[Path]:
    """What is below a folder on a disk. Links to folders come last, so that a folder
    has its own path where a link beside it leads to it."""
    seen: set[str] = set()
    waiting = [os.fspath(folder)]
    while waiting:
        for place, folders, files in os.walk(waiting.pop(0)):
            real = os.path.realpath(place)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            folders[:] = [name for name in folders if not is_hidden(name)]
            below = [os.path.join(place, name) for name in folders]
            waiting += [path for path in below if os.path.islink(path)]
            yield from (Path(place, name) for name in files)


def entries(folder: Path) -> dict[str, Path]:
    """{name in lower case: path} of what is in a folder, sorted by name, but for hidden
    ones. Of names that differ in their case alone, it has the last."""
    paths = sorted(path for path in folder.iterdir() if not is_hidden(path.name))
    return {path.name.lower(): path for path in paths}


def folders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted by name, but for hidden ones."""
    paths = (path for path in folder.iterdir() if not is_hidden(path.name))
    return sorted(path for path in paths if path.is_dir())


def read_bytes(path: Path) -> bytes:
    """The contents of a file, decompressed where its name ends in .gz. UserError: it is
    a folder, or the gzip file is not complete."""
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        raise UserError(f"{str(path)!r} is a folder: a file is wanted") from None
    try:
        return gzip.decompress(data) if path.suffix.lower() == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        broken = f"{str(path)!r} is not a complete gzip file"
        raise UserError(f"{broken}; fetch it again") from error


def local(path: Path) -> Path:
    """The path itself if it is on a disk; else the path of a copy, which is deleted
    when this process ends. If the file does not exist yet, neither does the copy."""
    if is_local(path):
        return path
    copy = Path(tempfile.mkdtemp(dir=_scratch().name), path.name)
    if path.exists():
        copy.write_bytes(path.read_bytes())
    return copy


def put_back(copy: Path, path: Path) -> None:
    """Replaces a file in a bucket by its `local` copy, in one write."""
    if not is_local(path):
        path.write_bytes(copy.read_bytes())


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path on a disk to write a file to, which then replaces the file `path` at once.
    Until then that file is as it was, and remains so for who has it mapped."""
    local = path if is_local(path) else Path(tempfile.mkdtemp(dir=_scratch().name), "x")
    temporary = local.with_name(f"{local.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(local)
    finally:
        temporary.unlink(missing_ok=True)
    put_back(local, path)


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory()
