"""The sets of pictures with captions: `load` reads what `config.data` names."""

import functools
from typing import Any, NamedTuple

from papers.captioning.sources import layouts, tfds
from papers.captioning.sources.captioned_images import CaptionedImages, Splits
from papers.captioning.sources.generated import generated
from papers.captioning.sources.scenes import Crops, crops, scenes

__all__ = ["CaptionedImages", "Crops", "Splits", "Wanted", "crops", "load", "scenes"]


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
        return tfds.splits(wanted.name, wanted.root)
    make = generated if source == "generated" else scenes
    counts = {"train": wanted.scenes, "valid": wanted.held_out, "test": wanted.held_out}
    return {split: make(split, n, wanted.size) for split, n in counts.items()}
