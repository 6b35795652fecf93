"""Sets in Pascal VOC's layout: an XML file for each picture.

    VOC2007/Annotations/000005.xml
    VOC2007/JPEGImages/000005.jpg
    VOC2007/ImageSets/Main/train.txt, val.txt, trainval.txt, test.txt

XML files may also lie beside their pictures, and the splits may be folders (train/,
valid/, test/). The corners are whole pixels that count from 1 and are inside the box:
(1, 1, 640, 480) is a whole picture. Ours are continuous: (0, 0, 640, 480).
"""

import warnings
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.contract import UserError
from common.data.annotated import AnnotatedImages
from common.data.annotated_files import (
    Annotation,
    assembled,
    folder,
    missing,
)
from common.data.picture_index import PictureIndex, same_folders
from common.data.split_names import split_of
from common.files import storage, texts
from common.files.pictures import ENDINGS
from common.nearest import nearest

_LISTS = {"train": "train", "val": "valid", "valid": "valid", "test": "test"}
_START = 4096  # bytes
_FIRST = 20  # files
_BOTH = "trainval"  # instead of train, where there is no train


class _Object(NamedTuple):
    name: str
    box: tuple[float, float, float, float]
    difficult: bool


class _Read(NamedTuple):
    """An XML file."""

    path: Path
    filename: str
    size: tuple[int, int] | None
    objects: list[_Object]


def splits(root: str | Path, names: Sequence[str] = ()) -> dict[str, AnnotatedImages]:
    """The splits that the folder has; all as "train" where it has none.

    names: the classes; (): those of a file of names, or all that occur, sorted.
    """
    path = folder(root)
    index = PictureIndex(path)
    xml = [p for p in storage.files_below(path) if p.suffix.lower() == ".xml"]
    parts = _by_lists(path, xml)
    if not parts:
        parts = _by_folders(path, xml)
        _say_unannotated(path, xml, index)
    read = {split: [*map(_read, files)] for split, files in parts.items()}
    read = {split: [x for x in own if x is not None] for split, own in read.items()}
    if not any(read.values()):
        raise UserError(f"{str(path)!r} has no annotations in VOC's XML")
    names = tuple(names) or _names(path) or _occurring(read)
    return {
        split: assembled(_annotations(path, own, index, names), names)
        for split, own in read.items()
        if own
    }


def is_voc(root: Path) -> bool:
    """Whether one of the first XML files is an annotation."""
    xml = [p for p in storage.files_below(root) if p.suffix.lower() == ".xml"]
    starts = (p.read_bytes()[:_START].replace(b"\0", b"") for p in xml[:_FIRST])
    return any(b"<annotation" in start for start in starts)


def _by_lists(root: Path, xml: list[Path]) -> dict[str, list[Path]]:
    """The files that ImageSets/Main lists, by split; {}: there are no lists."""
    lists = [
        p
        for p in storage.files_below(root)
        if p.suffix.lower() == ".txt"
        and [x.lower() for x in p.parts[-3:-1]] == ["imagesets", "main"]
    ]
    by_name = {p.stem.lower(): p for p in lists}
    if len(by_name) < len(lists):
        folders = ", ".join(sorted({str(p.parents[2]) for p in lists}))
        raise UserError(f"{str(root)!r} holds several sets: give one of {folders}")
    if _BOTH in by_name and "train" not in by_name:
        by_name["train"] = by_name[_BOTH]
    by_stem: dict[str, list[Path]] = {}
    for p in xml:
        by_stem.setdefault(p.stem, []).append(p)
    parts = {}
    for name, split in _LISTS.items():
        if name not in by_name:
            continue
        ids = [*map(_id, texts.lines(by_name[name]))]
        files = [_listed(by_name[name], own, by_stem) for own in ids]
        absent = [own for own, file in zip(ids, files, strict=True) if file is None]
        if absent:
            what = f"pictures of {by_name[name].name} without an annotation"
            raise missing(root, what, absent, "give an XML file for each")
        if repeated := len(files) - len({*files}):
            raise UserError(f"{str(by_name[name])!r} lists {repeated} names twice")
        parts[split] = files
    return parts


def _listed(
    file: Path, name: str, by_stem: Mapping[str, Sequence[Path]]
) -> Path | None:
    """The annotation that a name in a list means: of several so called the one with
    most of the name's folders. UserError: several have."""
    *folders, stem = Path(name).parts
    of_name = by_stem.get(stem, [])
    alike = [same_folders(p.parts[:-1], folders) for p in of_name]
    fitting = [p for p, same in zip(of_name, alike, strict=True) if same == max(alike)]
    if len(fitting) > 1:
        both = " and ".join(repr(str(p)) for p in fitting[:2])
        raise UserError(f"{str(file)!r}: {name!r} may be {both}: write its folder")
    return next(iter(fitting), None)


def _id(line: str) -> str:
    """The picture that a line names: "000005", or with an ending, or with VOC's 1, 0 or
    -1 for one class behind it."""
    words = line.split()
    if len(words) == 2 and words[1] in ("1", "0", "-1"):
        line = words[0]
    name = Path(line)
    named = name.suffix.lower() in {*ENDINGS, ".xml"}
    return str(name.with_suffix("")) if named else line


def _by_folders(root: Path, xml: list[Path]) -> dict[str, list[Path]]:
    """The files by the first folder in their path that a split is called after."""
    parts: dict[str, list[Path]] = {}
    for path in xml:
        inner = path.parts[len(root.parts) : -1]
        split = next(filter(None, map(split_of, inner)), "train")
        parts.setdefault(split, []).append(path)
    return parts


def _read(path: Path) -> _Read | None:
    """None: the file is XML of another kind."""
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise UserError(f"{str(path)!r} is not XML: {error}") from None
    if root.tag != "annotation":
        return None
    height = _number(path, root.findtext("size/height") or "0")
    width = _number(path, root.findtext("size/width") or "0")
    size = (int(height), int(width)) if height > 0 and width > 0 else None
    objects = [_object(path, node) for node in root.iter("object")]
    return _Read(path, (root.findtext("filename") or "").strip(), size, objects)


def _object(path: Path, node: ElementTree.Element) -> _Object:
    name = (node.findtext("name") or "").strip()
    if not name:
        raise UserError(f"{str(path)!r} has an object without a name")
    corners = []
    for side in ("xmin", "ymin", "xmax", "ymax"):
        text = node.findtext(f"bndbox/{side}")
        if text is None:
            raise UserError(f"{str(path)!r}: an object {name!r} has no bndbox/{side}")
        corners.append(_number(path, text))
    if corners[2] > corners[0] and corners[3] > corners[1]:
        corners[0] -= 1
        corners[1] -= 1
    difficult = (node.findtext("difficult") or "").strip().lower() in ("1", "true")
    return _Object(name, tuple(corners), difficult)


def _number(path: Path, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise UserError(f"{str(path)!r}: {text.strip()!r} is no number of pixels")
    return value


def _names(root: Path) -> tuple[str, ...]:
    """The lines of a file of names in the folder, if it has one."""
    there = storage.entries(root)
    listed = [p for name, p in there.items() if name in ("classes.txt", "labels.txt")]
    listed += [p for name, p in there.items() if name.endswith(".names")]
    return texts.lines(listed[0]) if listed else ()


def _occurring(read: dict[str, list[_Read]]) -> tuple[str, ...]:
    every = (x for own in read.values() for x in own)
    names = sorted({y.name for x in every for y in x.objects})
    alike = Counter(name.lower() for name in names)
    if twice := [name for name in names if alike[name.lower()] > 1]:
        message = f"classes that differ in capitals alone: {', '.join(twice)}"
        warnings.warn(message, stacklevel=4)
    return tuple(names)


def _say_unannotated(root: Path, xml: list[Path], index: PictureIndex) -> None:
    stems = {p.stem.lower() for p in xml}
    if bare := [p for p in index.paths if p.stem.lower() not in stems]:
        what = f"{len(bare)} pictures without an annotation are left out, such as"
        warnings.warn(f"{str(root)!r}: {what} {bare[0].name!r}", stacklevel=4)


def _annotations(
    root: Path, read: list[_Read], index: PictureIndex, names: Sequence[str]
) -> list[Annotation]:
    numbers = {name: i for i, name in enumerate(names)}
    found = []
    absent = []
    for one in read:
        picture = _picture(one, index)
        if picture is None:
            absent.append(str(one.path))
            continue
        unknown = next((x.name for x in one.objects if x.name not in numbers), None)
        if unknown is not None:
            raise UserError(
                f"{str(one.path)!r} has an object of the unknown class {unknown!r}; "
                f"{nearest(unknown, names)}"
            )
        found.append(
            Annotation(
                path=picture,
                size=one.size,
                boxes=np.array([x.box for x in one.objects], np.float64).reshape(-1, 4),
                classes=[numbers[x.name] for x in one.objects],
                difficult=[x.difficult for x in one.objects],
                image_id=one.path.stem,
                source=one.path,
            )
        )
    if absent:
        what = "annotations without their picture"
        raise missing(root, what, absent, "put the pictures beside them")
    return found


def _picture(one: _Read, index: PictureIndex) -> Path | None:
    """The picture that the annotation names, if it is called after the annotation; else
    one that is, because the annotation of a file that was renamed is often not."""
    near = one.path.parts
    named = index.named(one.filename, near)
    if named is not None and named.stem.lower() == one.path.stem.lower():
        return named
    return index.of_stem(one.path.stem, near) or named
