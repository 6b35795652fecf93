"""What a user gives to `predict` as `--input`: a picture, a folder of them, a video."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common.contract import UserError
from common.files.pictures import decode, picture_paths
from common.pixels import Picture

LONGEST_NAME = 255  # bytes of a file's name, on Linux and macOS
LONGEST_PATH = 1023


def may_be_path(inputs: str) -> bool:
    """Whether a text can be the path of a file: systems refuse even to look for a
    longer one. A few sentences are none."""
    data = inputs.encode()
    names = data.split(b"/")
    short = len(data) <= LONGEST_PATH and max(map(len, names)) <= LONGEST_NAME
    return short and b"\n" not in data


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
