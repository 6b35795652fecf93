"""Test pictures with their captions: one of the references, and what each run says."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import UInt8

from common.pixels import Picture
from papers.captioning import figures
from papers.captioning.config import Config
from papers.captioning.measure import Measured

_COLUMNS = 3
_A_SHEET = 6  # pictures
_GAP = 8  # pixels of white around a picture
_LEAST_COLUMN = 300  # pixels, so that a caption takes two or three lines


def sheets(
    config: Config, rows: Mapping[str, Measured]
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """`eval.pictures` test pictures, spread over the split, six a sheet."""
    first = next(iter(rows.values()))
    count = min(config.eval.pictures, len(first.pictures))
    chosen = [i * len(first.pictures) // count for i in range(count)]
    for start in range(0, count, _A_SHEET):
        cells = []
        for i in chosen[start : start + _A_SHEET]:
            picture = first.pictures.picture(i)
            if picture is not None:
                cells.append(figures.with_caption(_wide(picture), _lines(rows, i)))
        if cells:
            yield grid(cells, _COLUMNS)


def _wide(picture: Picture) -> Picture:
    """Enlarged by a whole number until captions fit below it."""
    factor = -(-_LEAST_COLUMN // picture.shape[1])
    return picture.repeat(factor, 0).repeat(factor, 1)


def _lines(rows: Mapping[str, Measured], index: int) -> list[str]:
    """A reference, and what the first seed of each run says."""
    first = next(iter(rows.values()))
    said = [
        f"{name}: {row.seeds[0].captions[index] or '(nothing)'}"
        for name, row in rows.items()
    ]
    return [f"reference: {first.pictures.captions(index)[0]}", *said]


def grid(
    pictures: Sequence[Picture], columns: int
) -> UInt8[np.ndarray, "height width 3"]:
    """Pictures of any sizes in rows, on white."""
    height = max(picture.shape[0] for picture in pictures) + 2 * _GAP
    width = max(picture.shape[1] for picture in pictures) + 2 * _GAP
    rows = -(-len(pictures) // columns)
    columns = min(columns, len(pictures))
    canvas = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for i, picture in enumerate(pictures):
        top = i // columns * height + _GAP
        left = i % columns * width + _GAP
        canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return canvas
