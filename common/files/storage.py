"""Where files are: on a disk of this machine, or in a bucket of Google's, gs://.

A path in a bucket is an `etils.epath`, which has pathlib's methods. A bucket holds
whole objects: each is written at once or not at all, and none can be appended to or
locked. A file that grows, or that a library wants on a disk, has a `local` copy.
"""

import functools
import gzip
import importlib.util
import logging
import os
import tempfile
import zlib
from pathlib import Path

from common.contract import UserError

BUCKETS = "gs://"


def path(name: str | os.PathLike) -> Path:
    """`name` as a path with pathlib's methods; `~` is home.

    UserError: it is in a bucket that is not there or not for us, or of another kind.
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
        found = bucket.exists()
    except Exception as error:  # of the network, of credentials: each has its own
        raise UserError(f"{name}: {reason(error)}") from error
    if not found:
        raise UserError(f"{name}: there is no bucket {bucket}, or none that we may see")
    return epath.Path(name)


def reason(error: Exception) -> str:
    """What went wrong, in one line."""
    return " ".join(f"{type(error).__name__} {error}".split())


@functools.cache
def _settings() -> None:
    import fsspec

    os.environ.setdefault("EPATH_USE_TF", "false")  # one way, TensorFlow there or not
    # Other hosts, and Orbax, write where we have looked before.
    fsspec.config.conf.setdefault("gcs", {})["use_listings_cache"] = False
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)  # what it logs it also raises


def files_below(folder: Path) -> list[Path]:
    """All files in a folder and its folders, sorted."""
    if is_local(folder):
        return sorted(path for path in folder.rglob("*") if path.is_file())
    import fsspec

    names = fsspec.filesystem("gcs").find(os.fspath(folder))
    return sorted(type(folder)(BUCKETS + name) for name in names)


def read_bytes(path: Path) -> bytes:
    """What a file holds, unpacked where its name ends in .gz. UserError: the packed
    file is not whole."""
    data = path.read_bytes()
    try:
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        broken = f"{str(path)!r} is not a complete gzip file"
        raise UserError(f"{broken}; fetch it again") from error


def local(path: Path) -> Path:
    """The file itself if it is on a disk; else a copy, which goes with this process.
    A file that is not there yet has the path of its copy to come."""
    if is_local(path):
        return path
    copy = Path(tempfile.mkdtemp(dir=_scratch().name), path.name)
    if path.exists():
        copy.write_bytes(path.read_bytes())
    return copy


def put_back(copy: Path, path: Path) -> None:
    """Writes the `local` copy of a file in a bucket over it, at once."""
    if not is_local(path):
        path.write_bytes(copy.read_bytes())


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory()
