"""Detectors' results as an npz file: the arrays of `common.files.coco_results`."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from common.contract import UserError
from common.files import storage

_TYPES = {"boxes": "iuf", "scores": "iuf", "classes": "iuf", "image_ids": "iuU"}


def read(path: Path) -> dict[str, np.ndarray]:
    """ "boxes" [n, 4] and "scores" [n], both float64, "classes" [n] int64, 0 where the
    file has none, and "image_ids" [n], likewise. UserError: it is no such file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a readable npz file: {error}") from None
    for name in ("boxes", "scores"):
        if name not in arrays:
            raise UserError(f"{path} has no array {name!r}, but {', '.join(arrays)}")
    n = arrays["scores"].size
    none = np.zeros(n, np.int64)
    arrays = {"classes": none, "image_ids": none, **arrays}
    for name, kinds in _TYPES.items():
        array = arrays[name]
        shape = (n, 4) if name == "boxes" else (n,)
        if array.shape != shape:
            has = f"{path}: {name} has the shape {array.shape}"
            raise UserError(f"{has}, and {n} scores need {shape}")
        if array.dtype.kind not in kinds and n:
            raise UserError(f"{path}: {name} cannot be of the type {array.dtype}")
    classes = arrays["classes"].astype(np.int64)
    if (classes != arrays["classes"]).any():
        raise UserError(f"{path}: classes are not whole numbers")
    return {
        "boxes": arrays["boxes"].astype(np.float64),
        "scores": arrays["scores"].astype(np.float64),
        "classes": classes,
        "image_ids": arrays["image_ids"],
    }


def write(
    path: Path,
    boxes: Float[np.ndarray, "n 4"],
    scores: Float[np.ndarray, "n"],
    classes: Int[np.ndarray, "n"],
    image_ids: Sequence[int | str],
) -> None:
    """The inverse of `read`."""
    arrays = {"boxes": boxes, "scores": scores, "classes": classes}
    with storage.replacing(path) as place, place.open("wb") as file:
        np.savez(file, **arrays, image_ids=np.asarray(image_ids))
