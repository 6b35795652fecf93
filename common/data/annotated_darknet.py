"""Sets in darknet's layout: a text file of labels for each picture.

    voc.data            classes = 20, train = train.txt, valid = 2007_test.txt,
                        names = voc.names
    train.txt           a path of a picture a line
    images/000005.jpg   or JPEGImages/000005.jpg
    labels/000005.txt   "class x y width height" a line: the centre and the sides, as
                        parts of the picture's

Without a .data file the splits are the folders of images/ (train, val, test).
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from common.contract import UserError
from common.data import darknet_names
from common.data.annotated import AnnotatedImages
from common.data.annotated_files import (
    Annotation,
    assembled,
    folder,
    missing,
)
from common.data.picture_index import PictureIndex
from common.data.split_names import split_of
from common.files import storage, texts

_KEYS = {"train": "train", "valid": "valid", "val": "valid", "test": "test"}
_PICTURES = ("images", "jpegimages")  # folders beside which labels/ lies
_UNNAMED = 10_000  # classes at most where there is no file of names


def splits(root: str | Path, names: Sequence[str] = ()) -> dict[str, AnnotatedImages]:
    """The splits that a folder or a .data file names; all as "train" where there are
    none.

    names: the classes; (): those of the .names file, or numbers.
    """
    place = storage.path(root)
    data = None
    if place.suffix.lower() == ".data" and place.is_file():
        data = place
        path = place.parent
    else:
        path = folder(root)
        data = _data_file(path)
    index = PictureIndex(path)
    text = [p for p in storage.files_below(path) if p.suffix.lower() == ".txt"]
    labels = {p.with_suffix(".txt"): p for p in text}
    stated = darknet_names.stated(data) if data else {}
    parts = _by_lists(path, stated, index) or _by_folders(path, index)
    named = tuple(names) or darknet_names.names(path, data, stated)
    read = {
        split: _annotations(path, paths, labels, len(named))
        for split, paths in parts.items()
    }
    if not named:
        most = max(max(x.classes, default=-1) for own in read.values() for x in own)
        named = tuple(map(str, range(most + 1)))
    return {split: assembled(own, named) for split, own in read.items()}


def is_darknet(root: Path) -> bool:
    """Whether there is a .data file, or a folder of labels."""
    if _data_file(root):
        return True
    files = storage.files_below(root)
    return any(
        p.suffix.lower() == ".txt"
        and "labels" in (part.lower() for part in p.parts[len(root.parts) : -1])
        for p in files
    )


def _data_file(root: Path) -> Path | None:
    files = [p for p in storage.files_below(root) if p.suffix.lower() == ".data"]
    if len(files) > 1:
        raise UserError(f"{str(root)!r} has {len(files)} .data files: give one of them")
    return files[0] if files else None


def _by_lists(
    root: Path, stated: dict[str, str], index: PictureIndex
) -> dict[str, list[Path]]:
    parts: dict[str, list[Path]] = {}
    for key, split in _KEYS.items():
        if key not in stated:
            continue
        file = darknet_names.near(root, stated[key])
        if file is None:
            raise UserError(
                f"{str(root)!r}: its .data file names {key} = {stated[key]}, which is "
                "not there"
            )
        lines = texts.lines(file)
        found = [_listed(line, file, index) for line in lines]
        absent = [x for x, path in zip(lines, found, strict=True) if path is None]
        if absent:
            what = f"pictures that {file.name} lists are missing"
            raise missing(root, what, absent, "put them below the folder")
        parts[split] = found
    return parts


def _listed(line: str, file: Path, index: PictureIndex) -> Path | None:
    own = Path(line)
    if own.is_absolute() and own.is_file():
        return own
    return index.named(line, file.parts)


def _by_folders(root: Path, index: PictureIndex) -> dict[str, list[Path]]:
    parts: dict[str, list[Path]] = {}
    for path in index.paths:
        inner = path.parts[len(root.parts) : -1]
        split = next(filter(None, map(split_of, inner)), "train")
        parts.setdefault(split, []).append(path)
    if not parts:
        raise UserError(f"{str(root)!r} has no pictures")
    return parts


def _annotations(
    root: Path, paths: Sequence[Path], labels: Mapping[Path, Path], classes: int
) -> list[Annotation]:
    """labels: the set's text files, by their paths with ".txt" in small letters.
    classes: how many there are; 0: as many as occur."""
    files = [_label_file(path, labels) for path in paths]
    absent = [str(p) for p, file in zip(paths, files, strict=True) if file is None]
    if absent:
        what = "pictures without a file of labels"
        right = "give an empty one to a picture without objects"
        raise missing(root, what, absent, right)
    return [
        _annotation(path, file, classes)
        for path, file in zip(paths, files, strict=True)
    ]


def _label_file(path: Path, labels: Mapping[Path, Path]) -> Path | None:
    """In labels/ instead of the last images/ of its path, or beside the picture."""
    *before, name = os.fspath(path).split("/")
    for i in reversed(range(len(before))):
        if before[i].lower() in _PICTURES:
            parts = [*before[:i], "labels", *before[i + 1 :], name]
            file = type(path)("/".join(parts)).with_suffix(".txt")
            if file in labels or file.is_file():
                return labels.get(file, file)
    file = path.with_suffix(".txt")
    return labels.get(file, file) if file in labels or file.is_file() else None


def _annotation(path: Path, file: Path, classes: int) -> Annotation:
    rows = [
        _row(file, number, line, classes)
        for number, line in enumerate(texts.read(file).decode().splitlines(), 1)
        if line.strip()
    ]
    table = np.array(rows, np.float64).reshape(-1, 5)
    centres, halves = table[:, 1:3], table[:, 3:] / 2
    return Annotation(
        path=path,
        size=None,
        boxes=np.concatenate([centres - halves, centres + halves], 1),
        classes=table[:, 0].astype(int).tolist(),
        image_id=path.stem,
        source=file,
        relative=True,
    )


def _row(file: Path, number: int, line: str, classes: int) -> list[float]:
    """UserError: the line is no label, or in pixels, or of a class without a name."""
    where = f"{str(file)!r}, line {number}"
    words = line.split()
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(values) != 5:
        form = "class, x, y, width, height"
        raise UserError(f"{where}: {line.strip()[:80]!r} is not {form}")
    label, *box = values
    if not all(0 <= value <= 1 for value in box):
        raise UserError(
            f"{where}: {line.strip()[:80]!r} has a number outside of 0 to 1: x, y, "
            "width and height are parts of the picture's width and height"
        )
    most = classes or _UNNAMED
    if not (label.is_integer() and 0 <= label < most):
        raise UserError(
            f"{where}: there is no class {words[0]}; {most} classes count from 0"
            + ("" if classes else " where there is no file of names")
        )
    return values
