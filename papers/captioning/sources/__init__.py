"""The sets of pictures with captions: `load` reads what `config.data` names."""

import functools
from typing import Any, NamedTuple

from common.contract import UserError
from papers.captioning.sources import layouts, tfds
from papers.captioning.sources.captioned_images import CaptionedImages, Splits
from papers.captioning.sources.generated import generated
from papers.captioning.sources.scenes import Crops, crops, scenes

__all__ = ["CaptionedImages", "Crops", "Splits", "Wanted", "crops", "load", "scenes"]

MOST_BYTES = 2**34  # of composed scenes, which are kept in memory


class Wanted(NamedTuple):
    """The fields of `config.data` that decide which items there are."""

    source: str
    name: str
    root: str
    images: str
    file_column: str
    caption_columns: tuple[str, ...]
    train_in: str
    test_in: str
    size: int
    scenes: int
    held_out: int

    @classmethod
    def of(cls, data: Any) -> "Wanted":
        values = cls(*(getattr(data, name) for name in cls._fields))
        return values._replace(caption_columns=tuple(data.caption_columns))


def load(wanted: Wanted) -> Splits:
    """{"train", "valid", "test"}; a process reads a set once and keeps it.

    UserError: it cannot be read; see the reader of the source.
    """
    return _load(wanted)


@functools.lru_cache(maxsize=4)
def _load(wanted: Wanted) -> Splits:
    source = wanted.source
    if source == "auto":
        source = "files" if wanted.root else "scenes"
    if source == "files":
        columns = layouts.Columns(wanted.file_column, wanted.caption_columns)
        return layouts.read(
            wanted.root, wanted.images, columns, wanted.train_in, wanted.test_in
        )
    if source == "tfds":
        _refuse_what_files_have(wanted)
        return tfds.splits(wanted.name, wanted.root)
    _refuse_what_files_have(wanted)
    make = generated if source == "generated" else scenes
    counts = {"train": wanted.scenes, "valid": wanted.held_out, "test": wanted.held_out}
    size = sum(counts.values()) * wanted.size**2 * 3
    if size > MOST_BYTES:
        raise UserError(
            f"{sum(counts.values()):,} scenes of {wanted.size} pixels need "
            f"{size / 2**30:.0f} GiB: lower config.data.scenes, held_out or size"
        )
    return {split: make(split, n, wanted.size) for split, n in counts.items()}


def _refuse_what_files_have(wanted: Wanted) -> None:
    """UserError: a field is set that only files have."""
    for name in ("images", "file_column", "caption_columns", "train_in", "test_in"):
        value = getattr(wanted, name)
        if value:
            raise UserError(
                f"config.data.{name}={value}: it is for files, and config.data names "
                "none: give config.data.root"
            )
