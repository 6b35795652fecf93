"""Arrays as OpenAI stored GPT's: their shapes in one file, their numbers in several.

params_shapes.json          a list of shapes
params_0.npy, params_1.npy  all arrays flat, one behind the other, cut anywhere
"""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.contract import UserError
from common.files import storage

SHAPES = "_shapes.json"


def read(shapes_file: Path) -> list[np.ndarray]:
    """The arrays in their order. UserError: a file is missing or not such a file, or
    the numbers are more or fewer than the shapes say."""
    shapes = _shapes(shapes_file)
    files = _numbered(shapes_file)
    flat = np.concatenate([_flat(file) for file in files])
    wanted = sum(map(math.prod, shapes))
    if len(flat) != wanted:
        raise UserError(
            f"{shapes_file} says {wanted} numbers, but {files[0].name} to "
            f"{files[-1].name} have {len(flat)}"
        )
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    parts = np.split(flat, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def write(shapes_file: Path, arrays: Sequence[np.ndarray], files: int = 10) -> None:
    """The inverse, as float32 in so many files of about equal size."""
    flat = np.concatenate([np.ravel(array).astype(np.float32) for array in arrays])
    for i, part in enumerate(np.array_split(flat, files)):
        with storage.replacing(_file(shapes_file, i)) as path, path.open("wb") as file:
            np.save(file, part)
    with storage.replacing(shapes_file) as path:
        path.write_text(json.dumps([list(np.shape(array)) for array in arrays]))


def _file(shapes_file: Path, number: int) -> Path:
    name = shapes_file.name.removesuffix(SHAPES)
    return shapes_file.with_name(f"{name}_{number}.npy")


def _shapes(file: Path) -> list[tuple[int, ...]]:
    try:
        shapes = [tuple(shape) for shape in json.loads(storage.read_bytes(file))]
        if not shapes or not all(type(n) is int and n > 0 for s in shapes for n in s):
            raise ValueError
    except (ValueError, TypeError) as error:
        raise UserError(f"{file}: not a JSON list of arrays' shapes") from error
    return shapes


def _numbered(shapes_file: Path) -> list[Path]:
    """The files of numbers, 10 after 9. UserError: one is missing."""
    pattern = re.escape(_file(shapes_file, 0).name).replace("_0", "_(0|[1-9][0-9]*)")
    matches = (re.fullmatch(pattern, p.name) for p in shapes_file.parent.iterdir())
    numbers = sorted(int(match[1]) for match in matches if match)
    for i in range(max(numbers, default=0) + 1):
        if i not in numbers:
            raise UserError(f"{_file(shapes_file, i)} is missing")
    return [_file(shapes_file, i) for i in numbers]


def _flat(file: Path) -> np.ndarray:
    try:
        array = np.load(storage.local(file), mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy's header parser raises all kinds
        raise UserError(f"{file}: {storage.reason(error)}") from error
    if array.ndim != 1 or array.dtype != np.float32:
        found = f"{list(array.shape)} of {array.dtype}"
        raise UserError(f"{file}: expected float32 numbers in a row, found {found}")
    return array
