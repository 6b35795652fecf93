"""The files of a data set in the folder that the user names, in capitals or not."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from common.contract import UserError
from common.files import storage


def root_folder(name: str, root: str | Path, wanted: str) -> Path:
    """`root` as a folder that exists; UserError says what is `wanted` in it."""
    if not str(root):
        raise UserError(f"{name} needs a root folder: one with {wanted}")
    path = storage.path(root)
    if path.is_file():
        raise UserError(
            f"{str(root)!r} is a file: give the (unpacked) folder with {wanted}"
        )
    if not path.is_dir():
        raise UserError(f"folder {str(root)!r} does not exist; give one with {wanted}")
    return path


def within(root: Path, places: Iterable[str]) -> list[Path]:
    """The folders of these relative names that are there, `root` first."""
    folders = [root]
    for place in places:
        path = root
        for part in place.split("/"):
            path = path and storage.entries(path).get(part.lower())
            path = path if path and path.is_dir() else None
        if path:
            folders.append(path)
    return folders


def find(folder: Path, name: str) -> Path | None:
    """The file of that name, gzipped or not."""
    there = storage.entries(folder)
    paths = (there.get(name.lower() + end) for end in ("", ".gz"))
    return next((path for path in paths if path and path.is_file()), None)


def find_all(folder: Path, names: Sequence[str]) -> list[Path]:
    """The files of these names; UserError: one of them is missing."""
    paths = [find(folder, name) for name in names]
    for path, name in zip(paths, names, strict=True):
        if path is None:
            raise UserError(f"{str(folder)!r} has no {name} beside its other files")
    return paths


def listing(folder: Path, most: int = 8) -> str:
    """The names of what is in a folder, for an error."""
    names = [path.name for path in storage.entries(folder).values()]
    return ", ".join(names[:most]) + ", ..." * (len(names) > most) or "nothing"
