"""What stands behind --input, for the page of what a paper makes of it."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from common.contract import UserError
from common.files import inputs, storage, texts
from common.files.pictures import is_picture
from common.files.video import is_video

PREFIXES = ("FILE", "LINES")  # of a path, where a text could stand too
MOST_BYTES = 2**24  # of a file whose text is read


class Given(NamedTuple):
    """One of a text, pictures and a file of something else, such as a video.

    text: as it was given, or of a file.
    lines: its lines, where each is an input of its own.
    pictures: by the names that papers call them by.
    path: the file or folder that was named.
    """

    text: str = ""
    lines: tuple[str, ...] = ()
    pictures: Mapping[str, Path] = {}
    path: Path | None = None

    def beginning(self, output: str) -> str:
        """The text, or the line of it, that an output begins with; else ""."""
        found = [x for x in (self.text, *self.lines) if x and output.startswith(x)]
        return max(found, key=len, default="")


def given(said: str) -> Given:
    """Of the string of --input: what it names, or the text that it is."""
    kind, _, rest = said.partition(":")
    if kind in PREFIXES:
        text = _text(storage.path(rest))
        lines = tuple(text.splitlines()) if kind == "LINES" else ()
        return Given(text, lines, path=storage.path(rest))
    path = Path(said).expanduser()
    if not said or not (inputs.may_be_path(said) and path.exists()):
        return Given(said)
    if path.is_dir() or is_picture(path):
        return Given(pictures=_pictures(path), path=path)
    return Given("" if is_video(path) else _text(path), path=path)


def _pictures(path: Path) -> Mapping[str, Path]:
    with warnings.catch_warnings():  # the paper has warned of what it left out
        warnings.simplefilter("ignore")
        try:
            return inputs.files(path)
        except UserError:  # a folder of something else
            return {}


def _text(path: Path) -> str:
    """Of a file; "" where it is large, or holds no text."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return ""
        return texts.read(path).decode()
    except (OSError, UserError):
        return ""
