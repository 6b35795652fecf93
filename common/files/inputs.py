"""What a user gives to `predict` as `--input`: a picture, a folder of them, a video; or
a text, where its path may stand too."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common.contract import UserError
from common.files import storage, texts
from common.files.pictures import decode, picture_paths
from common.pixels import Picture

LONGEST_NAME = 255  # bytes of a file's name, on Linux and macOS
LONGEST_PATH = 1023
FILE = "FILE:"  # before a path, where a text could stand too
_LIKE_PATH = re.compile(r"\S*(/\S*|\S\.\w{1,8})")  # one word, a slash or an ending
_NOTHING_BUT_PATH = re.compile(r"(\.{0,2}|~)/\S*\.\w{1,8}|\S+\.txt")


def may_be_path(inputs: str) -> bool:
    """Whether a text can be the path of a file: systems refuse even to look for a
    longer one. A few sentences are none."""
    data = inputs.encode()
    names = data.split(b"/")
    short = len(data) <= LONGEST_PATH and max(map(len, names)) <= LONGEST_NAME
    return short and b"\n" not in data


def named(inputs: str, forms: str) -> Path | None:
    """The file or folder that is named, with FILE: before it or without; None: a text
    is given. UserError: it is empty, or one word with a slash or an ending that names
    nothing.

    forms: what may be given.
    """
    if not inputs.strip():
        raise UserError(f"--input={inputs!r} is empty: give {forms}")
    path = storage.path(inputs.removeprefix(FILE))
    if may_be_path(inputs) and path.exists():
        return path
    if inputs.startswith(FILE) or _LIKE_PATH.fullmatch(inputs.strip()):
        raise UserError(f"--input={inputs!r} does not exist: give {forms}")
    return None


def text_of_file(inputs: str) -> str:
    """The text of the file that is named behind a mark, such as FILE:. UserError: it is
    no file, or holds no text."""
    mark, _, name = inputs.partition(":")
    path = storage.path(name)
    if not (name and path.is_file()):
        what = "a folder" if name and path.is_dir() else "no file"
        raise UserError(f"--input={inputs!r} is {what}: give {mark}:path of a text")
    return texts.read(path).decode()


def refuse_bare_path(inputs: str, lines: bool = True) -> None:
    """UserError: a text is the path of a file or folder that is there, or reads as that
    of a file alone. Where files are named behind FILE:, the path itself would be the
    text.

    lines: whether a file may also be named behind LINES:, for one text a line.
    """
    if not _LIKE_PATH.fullmatch(inputs) or not may_be_path(inputs):
        return
    path = Path(inputs).expanduser()
    if path.is_dir():
        raise UserError(f"--input={inputs!r} is a folder: give {FILE}path of a text")
    if path.exists():
        each = f", or LINES:{inputs} where a line is one" * lines
        raise UserError(f"--input={inputs!r} is a file: give {FILE}{inputs}{each}")
    if _NOTHING_BUT_PATH.fullmatch(inputs):
        raise UserError(
            f"--input={inputs!r} does not exist: give a text, or {FILE}path"
        )


def given(inputs: str, video: bool = False) -> Path:
    """The path that `--input` names; UserError: nothing is there.

    video: whether the paper takes videos too.
    """
    path = Path(inputs or "").expanduser()
    if not inputs or not (may_be_path(inputs) and path.exists()):
        kinds = "a picture or a folder of pictures" + ", or a video" * video
        raise UserError(f"--input={inputs!r} does not exist: give {kinds}")
    return path


def files(root: Path) -> dict[str, Path]:
    """{name: path} of the picture `root`, or of all pictures in the folder `root` and
    below, whose names are their paths in it. UserError: the folder has none."""
    if root.is_file():
        return {root.name: root}
    paths = {str(path.relative_to(root)): path for path in picture_paths(root)}
    if not paths:
        raise UserError(f"--input={str(root)!r} has no pictures in it")
    return paths


def pictures(
    root: Path, channels: int | None = 3
) -> Iterator[tuple[str, Picture | None]]:
    """Yields the name and pixels, as of `pictures.read`, of each of `files`. The pixels
    are None, after a warning, where a file cannot be read. UserError, at the end: none
    can."""
    readable = False
    for name, path in files(root).items():
        picture = decode(path, channels)
        readable |= picture is not None
        yield name, picture
    if not readable:
        raise UserError(f"none of the pictures in {str(root)!r} can be read")


def prepared(
    root: Path, channels: int, prepare: Callable[[Picture], Any]
) -> tuple[dict[str, Any], list[str]]:
    """{name: prepare(picture)} of all `pictures`, and the names of those that cannot be
    read."""
    results = {}
    skipped = []
    for name, picture in pictures(root, channels):
        if picture is None:
            skipped.append(name)
        else:
            results[name] = prepare(picture)
    return results, skipped
