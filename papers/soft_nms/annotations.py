"""The truth of a COCO json, without its pictures."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from common.boxes import has_area
from common.contract import UserError
from common.data import annotated_coco
from common.files import storage, texts
from common.truth import Truth, truth


class Annotations(NamedTuple):
    truths: Mapping[int | str, Truth]  # of every picture, by its id
    category_ids: tuple[int, ...]
    names: tuple[str, ...]


def read(path: str) -> Annotations:
    """UserError: the file is none of COCO's, and where."""
    place = storage.path(path)
    if not place.is_file():
        raise UserError(f"config.predict.annotations={path!r}: no such file")
    content = texts.read_json(place)
    parts = ("images", "annotations", "categories")
    if not isinstance(content, dict) or any(part not in content for part in parts):
        raise UserError(f"{place} is no set of COCO's: it needs {', '.join(parts)}")
    try:
        return _annotations(place, content)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{place}: {type(error).__name__}: {error}") from None


def _annotations(place: Path, content: Mapping) -> Annotations:
    categories = sorted((c["id"], c["name"]) for c in content["categories"])
    ids = {category: i for i, (category, _) in enumerate(categories)}
    rows: dict[int | str, list[Mapping]] = {x["id"]: [] for x in content["images"]}
    for i, row in enumerate(content["annotations"]):
        if row["image_id"] not in rows:
            raise UserError(
                f"{place}: annotation {i} is of image {row['image_id']!r}, which is "
                "not among the images"
            )
        if row["category_id"] not in ids:
            raise UserError(
                f"{place}: annotation {i} has category_id {row['category_id']}, which "
                "is not among the categories"
            )
        rows[row["image_id"]].append(row)
    return Annotations(
        {image: _truth(place, image, own, ids) for image, own in rows.items()},
        tuple(ids),
        tuple(name for _, name in categories),
    )


def _truth(
    place: Path, image: int | str, rows: list[Mapping], ids: Mapping[int, int]
) -> Truth:
    """As a set's reader has it: boxes without width or height are left out, aloud."""
    own = truth(
        [annotated_coco.corners(place, row) for row in rows],
        [ids[row["category_id"]] for row in rows],
        crowd=[annotated_coco.flag(place, row, "iscrowd") for row in rows],
        area=[annotated_coco.area(row) for row in rows],
        image_id=image,
    )
    whole = has_area(own.boxes)
    if not whole.all():
        what = f"{int((~whole).sum())} boxes without width or height are left out"
        warnings.warn(f"{place}: image {image!r}: {what}", stacklevel=2)
    return own.take(whole)
