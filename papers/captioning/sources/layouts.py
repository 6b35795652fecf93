"""A user's files with captions, whose layout is recognised by what is in them."""

import dataclasses
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from common.contract import UserError
from common.data.split_names import split_of
from common.files import storage, texts
from papers.captioning.sources import json_layouts, tables
from papers.captioning.sources.captioned_images import Splits
from papers.captioning.sources.entries import Entry, located, splits
from papers.captioning.sources.pictures_below import PicturesBelow

_ACCEPTED = (
    "accepted: Karpathy's dataset json; NeuralTalk2's json; COCO's captions_*.json; "
    "Flickr's .token files; a table such as captions.tsv whose first line names its "
    "columns"
)
_ORDER = (
    "Karpathy's json",
    "NeuralTalk2's json",
    "COCO's json",
    "Flickr's tokens",
    "a table",
)
_MANY = 500  # text files, from which on only those that are called so are looked at
_CALLED = ("caption", "token", "sentence", "result")
_NOT = ("lemma",)  # Flickr8k's tokens without their endings


@dataclasses.dataclass(frozen=True)
class Columns:
    """What a table's columns are called; empty: the usual names are looked for."""

    file: str = ""
    captions: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class _File:
    path: Path
    layout: str
    entries: Callable[[], Sequence[Entry]]  # UserError: one is not as it should be

    @property
    def split(self) -> str | None:
        """What the name of the file says."""
        words = re.split(r"[^a-z]+", self.path.stem.lower())
        return next(filter(None, map(split_of, words)), None)


def read(
    root: str,
    images: str = "",
    columns: Columns = Columns(),
    train_in: str = "",
    test_in: str = "",
) -> Splits:
    """The sets of a folder, or of one file with captions.

    Args:
      root: the folder or the file.
      images: the folder of the pictures; "": that of `root`.
      columns: of a table.
      train_in, test_in: as of `entries.splits`.

    Raises:
      UserError: nothing is there, no layout fits, or a file is not as it should be.
    """
    path = _existing(root, "captions", "config.data.root")
    files = _files(path, columns)
    if not files:
        raise UserError(f"no captions found in {root!r}; {_ACCEPTED}")
    folder = path if path.is_dir() else path.parent
    if images:
        folder = _existing(images, "pictures", "config.data.images")
        if not folder.is_dir():
            raise UserError(f"config.data.images={images!r} is no folder")
    below = PicturesBelow(folder)
    if not below:
        raise UserError(
            f"{str(folder)!r} has no pictures in it: say where they are, "
            "--config.data.images=FOLDER"
        )
    source = repr(str(files[0].path if len(files) == 1 else path))
    found = located(_entries(files), below, source)
    return splits(found, source, train_in, test_in)


def _existing(name: str, what: str, field: str) -> Path:
    path = storage.path(name)
    if not name or not path.exists():
        raise UserError(f"{field}={name!r}: no {what} are there; {_ACCEPTED}")
    return path


def _entries(files: Sequence[_File]) -> Iterator[Entry]:
    """The entries of all files, in the split of the file where they have none."""
    several = len(files) > 1
    for file in files:
        for entry in file.entries():
            split = entry.split or (file.split if several else None)
            yield dataclasses.replace(entry, split=split)


def _files(path: Path, columns: Columns) -> list[_File]:
    """The files of the first layout that fits. UserError: several of one split."""
    fitting: dict[str, list[_File]] = {}
    for candidate in _candidates(path) if path.is_dir() else [path]:
        file = _recognised(candidate, columns, alone=path.is_file())
        if file is not None:
            fitting.setdefault(file.layout, []).append(file)
    chosen = next((name for name in _ORDER if name in fitting), None)
    if chosen is None:
        return []
    others = [str(fitting[name][0].path) for name in fitting if name != chosen]
    if others:
        warnings.warn(
            f"{str(path)!r} has captions in {chosen}, which are read, and others in "
            f"{', '.join(map(repr, others))}, which are not",
            stacklevel=4,
        )
    return _of_different_splits(fitting[chosen])


def _of_different_splits(files: list[_File]) -> list[_File]:
    seen: dict[str | None, _File] = {}
    for file in files:
        if file.split in seen:
            both = f"{str(seen[file.split].path)!r} and {str(file.path)!r}"
            raise UserError(
                f"captions in {both}: name one, --config.data.root=FILE "
                "--config.data.images=FOLDER, or call them by their splits"
            )
        seen[file.split] = file
    if len(files) > 1 and None in seen:
        raise UserError(
            f"{str(seen[None].path)!r} is for no split, and {str(files[0].path)!r} is "
            "beside it: name one, --config.data.root=FILE --config.data.images=FOLDER"
        )
    return files


def _candidates(folder: Path) -> list[Path]:
    """Files that may have captions in them."""
    files = storage.files_below(folder)
    jsons = [path for path in files if path.suffix.lower() == ".json"]
    written = [path for path in files if path.suffix.lower() in tables.ENDINGS]
    if len(written) > _MANY:
        written = [p for p in written if any(w in p.name.lower() for w in _CALLED)]
    return [
        path
        for path in [*jsons, *written]
        if not any(word in path.name.lower() for word in _NOT)
        and not (path.suffix.lower() == ".json" and json_layouts.is_other(path))
    ]


def _recognised(path: Path, columns: Columns, alone: bool) -> _File | None:
    """The file with its layout; None: it is something else. UserError: it is broken and
    `alone`, or is called captions."""
    important = alone or any(word in path.name.lower() for word in _CALLED)
    try:
        if path.suffix.lower() == ".json":
            return _json(path)
        return _text(path, columns, important)
    except UserError as error:
        if important:
            raise
        warnings.warn(f"skipped: {error}", stacklevel=5)
        return None


def _json(path: Path) -> _File | None:
    recognised = json_layouts.entries(path, texts.read_json(path))
    if recognised is None:
        return None
    layout, found = recognised
    return _File(path, layout, lambda: [*found])


def _text(path: Path, columns: Columns, important: bool) -> _File | None:
    rows = tables.lines(path)
    if tables.is_tokens(rows):
        folder = path.parent
        return _File(path, "Flickr's tokens", lambda: tables.tokens(path, rows, folder))
    names = columns.file, columns.captions
    if tables.is_table(path, rows, *names) or (important and tables.header(path, rows)):
        return _File(path, "a table", lambda: tables.table(path, rows, *names))
    return None
