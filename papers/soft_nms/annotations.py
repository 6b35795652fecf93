"""The truth of a COCO json, without its pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from common.boxes import from_corner_size
from common.contract import UserError
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
        {image: _truth(image, own, ids) for image, own in rows.items()},
        tuple(ids),
        tuple(name for _, name in categories),
    )


def _truth(image: int | str, rows: list[Mapping], ids: Mapping[int, int]) -> Truth:
    plain = truth([row["bbox"] for row in rows], [0] * len(rows))
    boxes = from_corner_size(plain.boxes)
    areas = [row.get("area", row["bbox"][2] * row["bbox"][3]) for row in rows]
    return truth(
        boxes,
        [ids[row["category_id"]] for row in rows],
        crowd=[bool(row.get("iscrowd", 0)) for row in rows],
        area=areas,
        image_id=image,
    )
