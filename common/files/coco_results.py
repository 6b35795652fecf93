"""Detectors' results in files: COCO's json, and the same arrays as npz.

The json is a list with an entry for each finding, in any order:

    {"image_id": 42, "category_id": 18, "bbox": [x, y, width, height], "score": 0.236}

The npz has `boxes` [n, 4] (corners x1, y1, x2, y2) and `scores` [n], and, where there
are several, `classes` [n] and `image_ids` [n]. Category ids are the set's own: COCO's
80 classes have numbers up to 90.
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from common.boxes import clip, from_corner_size, has_area, to_corner_size
from common.contract import UserError
from common.files import result_arrays, storage, texts
from common.truth import Found

_KEYS = ("image_id", "category_id", "bbox", "score")
_PLACES = 3  # decimals of a box: a thousandth of a pixel
_SCORE_PLACES = 8  # of a score


@dataclasses.dataclass(frozen=True)
class Results:
    """Findings of many pictures, a row each, in the order of the file.

    Attributes:
      image_ids: of the pictures, each once, as they first come.
      image: int [n], the row's picture, an index of `image_ids`.
      boxes: float64 [n, 4], corners.
      scores: float64 [n].
      categories: int [n], category ids.
    """

    image_ids: list[int | str]
    image: Int[np.ndarray, "n"]
    boxes: Float[np.ndarray, "n 4"]
    scores: Float[np.ndarray, "n"]
    categories: Int[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.scores)

    def by_picture(self, category_ids: Sequence[int]) -> dict[int | str, Found]:
        """The findings of each picture, whose classes index `category_ids`. UserError:
        a category is none of them."""
        ids = np.asarray(category_ids)
        unknown = ~np.isin(self.categories, ids)
        if unknown.any():
            wrong = self.categories[unknown][0]
            raise UserError(
                f"a result has category_id {wrong}, and the set's are "
                f"{', '.join(map(str, ids[:12]))}{', ...' * (len(ids) > 12)}"
            )
        order = np.argsort(ids)
        classes = order[np.searchsorted(ids, self.categories, sorter=order)]
        rows = np.argsort(self.image, kind="stable")
        counts = np.bincount(self.image, minlength=len(self.image_ids))
        parts = np.split(rows, np.cumsum(counts)[:-1]) if len(counts) else []
        return {
            name: Found(self.boxes[own], self.scores[own], classes[own])
            for name, own in zip(self.image_ids, parts, strict=True)
        }


def read(path: str | Path) -> Results:
    """The results of a .json or .npz file, an empty list among them.

    Raises:
      UserError: it is missing or is no such file, a row lacks a key, a number is NaN or
        not finite, or a box has a negative side. It names the row, counted from 0.
    """
    path = storage.path(path)
    if not path.is_file():
        raise UserError(f"{path} is no file: give COCO results, .json or .npz")
    if path.suffix.lower() == ".npz":
        arrays = result_arrays.read(path)
        names = arrays["image_ids"].tolist()
        columns = (arrays[name] for name in ("boxes", "scores", "classes"))
        return _results(path, names, *columns)
    rows = texts.read_json(path)
    if not isinstance(rows, list):
        hint = ""
        if isinstance(rows, dict) and "annotations" in rows:
            hint = "; this is a set with its truths, not results"
        raise UserError(f"{path} holds no list of results{hint}")
    return _from_rows(path, rows)


def _from_rows(path: Path, rows: list) -> Results:
    try:
        names = [row["image_id"] for row in rows]
        labels = [row["category_id"] for row in rows]
        boxes = np.array([row["bbox"] for row in rows])
        scores = np.array([row["score"] for row in rows])
        categories = np.array(labels, np.int64)
        whole = boxes.shape == (len(rows), 4) and scores.shape == (len(rows),)
        numbers = boxes.dtype.kind in "iuf" and scores.dtype.kind in "iuf"
        whole = (whole and numbers) or not rows
    except (KeyError, TypeError, ValueError, OverflowError):
        whole = False
    if not whole or not all(type(name) in (int, str) for name in names):
        raise UserError(_first_wrong(path, rows))
    if any(type(label) is not int for label in labels):
        raise UserError(_first_wrong(path, rows))
    corners = from_corner_size(boxes.reshape(-1, 4).astype(np.float64))
    return _results(path, names, corners, scores.astype(np.float64), categories)


def _first_wrong(path: Path, rows: list) -> str:
    """What is wrong with the first row that is."""
    for i, row in enumerate(rows):
        if not isinstance(row, dict):
            return f"{path}: result {i} is no object with {', '.join(_KEYS)}"
        for key in _KEYS:
            if key not in row:
                return f"{path}: result {i} has no {key!r}"
        name, label, box, score = (row[key] for key in _KEYS)
        if type(name) not in (int, str):
            return f"{path}: result {i}: image_id {name!r} is no number or name"
        if type(label) is not int:
            return f"{path}: result {i}: category_id {label!r} is no whole number"
        if not _numbers(box, 4):
            return f"{path}: result {i}: bbox is not [x, y, width, height]: {box!r}"
        if not _numbers([score], 1):
            return f"{path}: result {i}: score {score!r} is no number"
    return f"{path}: its results are not in COCO's form"


def _numbers(values: object, count: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == count
        and all(type(value) in (int, float) for value in values)
    )


def _results(
    path: Path,
    names: Iterable,
    boxes: Float[np.ndarray, "n 4"],
    scores: Float[np.ndarray, "n"],
    categories: Int[np.ndarray, "n"],
) -> Results:
    """UserError: a score or box is no number, or a side is negative."""
    wrong = {
        "its score is NaN or infinite": ~np.isfinite(scores),
        "its box is NaN or infinite": ~np.isfinite(boxes).all(1),
        "its box has a negative side": (boxes[:, 2:] < boxes[:, :2]).any(1),
    }
    for what, rows in wrong.items():
        if rows.any():
            raise UserError(f"{path}: result {np.flatnonzero(rows)[0]}: {what}")
    places: dict[int | str, int] = {}
    image = np.array([places.setdefault(name, len(places)) for name in names], np.int64)
    return Results([*places], image, boxes, scores, categories)


def write(path: str | Path, results: Results) -> None:
    """Writes results as .json, or, by the path's ending, as .npz."""
    path = storage.path(path)
    if path.suffix.lower() == ".npz":
        ids = np.array(results.image_ids)[results.image] if len(results) else []
        columns = (results.boxes, results.scores, results.categories, ids)
        result_arrays.write(path, *columns)
        return
    with storage.replacing(path) as place:
        place.write_text(text(results), "utf-8")


def text(results: Results) -> str:
    """The json, a line for each finding."""
    boxes = np.round(to_corner_size(results.boxes), _PLACES).tolist()
    scores = np.round(results.scores, _SCORE_PLACES).tolist()
    rows = [
        json.dumps(
            {
                "image_id": results.image_ids[image],
                "category_id": label,
                "bbox": box,
                "score": score,
            }
        )
        for image, label, box, score in zip(
            results.image.tolist(),
            results.categories.tolist(),
            boxes,
            scores,
            strict=True,
        )
    ]
    return "[" + ",\n".join(rows) + "]\n"


def image_ids(names: Sequence[str]) -> list[int | str]:
    """COCO's numbers of files, where all names have one, each another; else the names.
    000000000139.jpg and COCO_val2014_000000000139.jpg are picture 139."""
    found = [re.fullmatch(r"(?:COCO_\w+_)?(\d+)", Path(name).stem) for name in names]
    numbers = [int(match[1]) for match in found if match]
    return numbers if len({*numbers}) == len(names) else [*names]


def of_pictures(
    detections: Mapping[int | str, Found],
    category_ids: Sequence[int],
    sizes: Mapping[int | str, tuple[int, int]] | None = None,
) -> Results:
    """What `write` takes.

    Args:
      detections: {image id: findings, whose classes index `category_ids`}.
      category_ids: of the set.
      sizes: {image id: height and width}; the boxes are clipped to them, and those
        outside left out.

    Raises:
      UserError: a score is NaN.
    """
    ids = np.asarray(category_ids, np.int64)
    image, boxes, scores, categories = [], [np.empty((0, 4))], [np.empty(0)], []
    for i, (name, seen) in enumerate(detections.items()):
        if not np.isfinite(seen.scores).all():
            raise UserError(f"picture {name}: a score is NaN or infinite")
        own = np.asarray(seen.boxes, np.float64)
        if sizes is not None:
            own = clip(own, *sizes[name])
        kept = has_area(own)
        image.append(np.full(int(kept.sum()), i))
        boxes.append(own[kept])
        scores.append(np.asarray(seen.scores, np.float64)[kept])
        categories.append(ids[seen.classes[kept]])
    whole = np.zeros(0, np.int64)
    return Results(
        [*detections],
        np.concatenate([whole, *image]),
        np.concatenate(boxes),
        np.concatenate(scores),
        np.concatenate([whole, *categories]),
    )
