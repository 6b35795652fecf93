"""Sets in COCO's layout: a json for each split, and its pictures somewhere near.

    annotations/instances_train2017.json, instances_val2017.json
    train2017/000000000009.jpg

or `_annotations.coco.json` beside the pictures in train/, valid/ and test/.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.contract import UserError
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

_OTHER = ("caption", "keypoint", "panoptic", "stuff", "image_info", "result")
_BEGINNING = 1 << 24  # bytes
_END = 1 << 22
_PARTS = ("images", "annotations", "categories")

# Numbers of COCO's 80 classes in its json: of 1 to 90, ten were never used.
COCO_IDS = tuple(
    i for i in range(1, 91) if i not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
)
COCO_NAMES = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck",
    "boat", "traffic light", "fire hydrant", "stop sign", "parking meter", "bench",
    "bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra",
    "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis",
    "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard",
    "surfboard", "tennis racket", "bottle", "wine glass", "cup", "fork", "knife",
    "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli", "carrot",
    "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed",
    "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard",
    "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book",
    "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip


def splits(root: str | Path, names: Sequence[str] = ()) -> dict[str, AnnotatedImages]:
    """The splits that the folder has; all as "train" where it has none.

    names: the classes, in the order that they are to have; (): that of their ids.
    """
    path = folder(root)
    read = {split: (p, _read(p)) for split, p in _files(path).items()}
    if not read:
        raise UserError(f"{str(path)!r} has no json with images and annotations")
    categories = _categories(read, names)
    index = PictureIndex(path)
    return {
        split: assembled(
            _annotations(path, split, file, own, index, [*categories]),
            [*categories.values()],
            [*categories],
        )
        for split, (file, own) in read.items()
    }


def is_coco(root: Path) -> bool:
    """Whether some json has COCO's three lists."""
    return bool(_files(root))


def _files(root: Path) -> dict[str, Path]:
    """The json of each split. UserError: a split has several."""
    found: dict[str, Path] = {}
    jsons = [p for p in storage.files_below(root) if p.suffix.lower() == ".json"]
    for path in jsons:
        if any(word in path.name.lower() for word in _OTHER) or not _looks_right(path):
            continue
        split = _split(root, path)
        if split in found:
            both = f"{str(found[split])!r} and {str(path)!r}"
            raise UserError(f"two annotations of the split {split}: {both}; keep one")
        found[split] = path
    return found


def _looks_right(path: Path) -> bool:
    """Whether COCO's lists are named in its beginning or its end: the whole of a small
    file. A large one need not be read for it. UserError: one is, and the file has no
    end."""
    with path.open("rb") as file:
        start = file.read(_BEGINNING)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _END, 0))
        text = start + file.read()
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16
        text = text.replace(b"\0", b"")
    has = [b'"images"' in text, b'"categories"' in text]
    boxes = b'"annotations"' in text or b'"bbox"' in text
    if (any(has) or boxes) and b"{" in text[:4] and text.rstrip()[-1:] != b"}":
        raise UserError(f"{str(path)!r} ends before its JSON does; fetch it again")
    return all(has) and boxes


def _split(root: Path, path: Path) -> str:
    """The split that the file's name, or else a folder of its, is called after."""
    words = re.split(r"[^a-z]+", path.stem.lower())
    inner = reversed(path.parts[len(root.parts) : -1])
    return next(filter(None, map(split_of, [*words, *inner])), "train")


def _read(path: Path) -> dict[str, Any]:
    data = texts.read_json(path)
    for part in _PARTS:
        rows = data.get(part) if isinstance(data, dict) else None
        if not isinstance(rows, list) or not all(isinstance(x, dict) for x in rows):
            raise UserError(f"{str(path)!r} has no list {part!r} of objects")
    return data


def _categories(
    read: Mapping[str, tuple[Path, dict]], names: Sequence[str]
) -> dict[int, str]:
    """{id: name} of all splits' categories. UserError: two splits disagree."""
    found: dict[int, str] = {}
    for path, data in read.values():
        for row in data["categories"]:
            own, name = _field(path, row, "id", int), _field(path, row, "name", str)
            if found.setdefault(own, name) != name:
                raise UserError(
                    f"{str(path)!r}: category {own} is {name!r}, and {found[own]!r} in "
                    "another split"
                )
    if len({*found.values()}) < len(found):
        raise UserError(f"{str(path)!r} has two categories of one name")
    if not names:
        return dict(sorted(found.items()))
    ids = {name: own for own, name in found.items()}
    unknown = [name for name in found.values() if name not in names]
    if unknown:
        listed = ", ".join(names)
        raise UserError(f"{str(path)!r} has the unknown class {unknown[0]!r}: {listed}")
    free = iter({*range(1, len(ids) + len(names) + 1)} - {*found})
    return {ids[name] if name in ids else next(free): name for name in names}


def _field(path: Path, row: Mapping[str, Any], name: str, kind: type) -> Any:
    value = row.get(name)
    if type(value) is not kind:
        raise UserError(
            f"{str(path)!r}: {name!r} should be {kind.__name__}, and is {value!r} in "
            f"{str(row)[:120]}"
        )
    return value


def _annotations(
    root: Path,
    split: str,
    path: Path,
    data: dict[str, Any],
    index: PictureIndex,
    ids: Sequence[int],
) -> list[Annotation]:
    rows: dict[Any, list[dict]] = {}
    for image in data["images"]:
        rows[_image_id(path, image, "id")] = []
    if len(rows) < len(data["images"]):
        raise UserError(f"{str(path)!r} has two images of one id")
    for row in data["annotations"]:
        own = _image_id(path, row, "image_id")
        if own not in rows:
            raise UserError(
                f"{str(path)!r}: annotation {row.get('id')} is of image {own}, which "
                "is not among its images"
            )
        rows[own].append(row)
    classes = {own: i for i, own in enumerate(ids)}
    near = [*path.parts, split, *_folders_of(root, split)]
    found = []
    absent = []
    for image in data["images"]:
        name = _field(path, image, "file_name", str)
        picture = index.named(name, near)
        if picture is None:
            absent.append(name)
            continue
        found.append(_annotation(path, image, picture, rows[image["id"]], classes))
    if absent:
        what = f"pictures that {path.name} names are missing"
        raise missing(root, what, absent, "put them below the folder")
    return found


def _image_id(path: Path, row: Mapping[str, Any], name: str) -> int | str:
    value = row.get(name)
    if type(value) not in (int, str):
        raise UserError(f"{str(path)!r}: {name!r} is {value!r} in {str(row)[:120]}")
    return value


def _folders_of(root: Path, split: str) -> list[str]:
    """Folders like train2017."""
    inner = (p.name for p in storage.folders(root))
    return [name for name in inner if split_of(name.rstrip("0123456789")) == split]


def _annotation(
    path: Path,
    image: Mapping[str, Any],
    picture: Path,
    rows: Sequence[Mapping[str, Any]],
    classes: Mapping[int, int],
) -> Annotation:
    boxes = np.array([corners(path, row) for row in rows], np.float64).reshape(-1, 4)
    labels = []
    for row in rows:
        own = _field(path, row, "category_id", int)
        if own not in classes:
            raise UserError(
                f"{str(path)!r}: annotation {row.get('id')} is of the unknown category "
                f"{own}"
            )
        labels.append(classes[own])
    sides = (image.get("height"), image.get("width"))
    stated = all(isinstance(n, int) and n > 0 for n in sides)
    return Annotation(
        path=picture,
        size=sides if stated else None,
        boxes=boxes,
        classes=labels,
        crowd=[flag(path, row, "iscrowd") for row in rows],
        difficult=[
            flag(path, row, "ignore") and not row.get("iscrowd") for row in rows
        ],
        area=[area(row) for row in rows],
        image_id=image["id"],
        source=path,
    )


def corners(path: Path, row: Mapping[str, Any]) -> list[float]:
    """Of an annotation. UserError: its bbox is no four numbers."""
    box = row.get("bbox")
    right = isinstance(box, list) and len(box) == 4
    right = right and all(type(n) in (int, float) for n in box)
    if not right or not np.isfinite(box).all():
        raise UserError(
            f"{str(path)!r}: annotation {row.get('id')} has the bbox {box!r}, and "
            "should have [x, y, width, height]"
        )
    x, y, width, height = box
    return [x, y, x + width, y + height]


def flag(path: Path, row: Mapping[str, Any], name: str) -> bool:
    """UserError: it is neither 0 nor 1; one that is missing is 0."""
    value = row.get(name) or 0
    if value not in (0, 1):
        raise UserError(
            f"{str(path)!r}: annotation {row.get('id')} has {name}={value!r}, and "
            "should have 0 or 1"
        )
    return bool(value)


def area(row: Mapping[str, Any]) -> float:
    """That of the mask, or, where it is missing or 0, of the box."""
    stated = row.get("area")
    width, height = row["bbox"][2:]
    known = type(stated) in (int, float) and 0 < stated < float("inf")
    return float(stated if known else width * height)
