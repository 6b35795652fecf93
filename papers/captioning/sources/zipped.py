"""Pictures inside zip archives, named as if an archive were a folder."""

import functools
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from common.contract import UserError
from common.files import pictures, storage

_MOST = 2**28  # bytes of a picture's file once it is unpacked


def picture_paths(folder: Path) -> list[Path]:
    """ARCHIVE.zip/a/b.png for every picture in every archive in a folder and below."""
    found = []
    for path in storage.files_below(folder):
        if path.suffix.lower() == ".zip":
            found += [path / member for member in _members(path)]
    return found


def _members(archive: Path) -> Iterator[str]:
    for name in _opened(str(archive), os.getpid()).namelist():
        hidden = any(map(storage.is_hidden, Path(name).parts))
        if not hidden and pictures.is_picture(Path(name)):
            yield name


@functools.lru_cache(maxsize=16)
def _opened(archive: str, process: int) -> zipfile.ZipFile:
    """UserError: it is no archive. A process that is forked opens it again, because two
    would share a place in the file."""
    del process
    try:
        return zipfile.ZipFile(storage.local(storage.path(archive)))
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise UserError(f"{archive!r} is no zip archive: {error}") from None


class Member:
    """A file in an archive, with what `common.files.pictures` asks of a path."""

    def __init__(self, archive: str, name: str) -> None:
        self._archive = archive
        self._name = name

    def __str__(self) -> str:
        return f"{self._archive}/{self._name}"

    def read_bytes(self) -> bytes:
        """OSError: it is not there, is damaged, encrypted, or too large."""
        archive = _opened(self._archive, os.getpid())
        try:
            info = archive.getinfo(self._name)
            if info.file_size > _MOST:
                raise OSError(f"unpacked, it has {info.file_size:,} bytes")
            return archive.read(info)
        except (KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise OSError(storage.reason(error)) from None


def opened(path: Path) -> Path | Member:
    """The path itself, or the file that it names in an archive."""
    for parent in path.parents:
        if parent.suffix.lower() == ".zip" and parent.is_file():
            return Member(str(parent), path.relative_to(parent).as_posix())
    return path
