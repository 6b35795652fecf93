"""The sets of pictures with captions: `load` reads what `config.data` names."""

import functools
from typing import Any, NamedTuple

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
    size: int
    scenes: int
    held_out: int

    @classmethod
    def of(cls, data: Any) -> "Wanted":
        return cls(*(getattr(data, name) for name in cls._fields))


def load(wanted: Wanted) -> Splits:
    """{"train", "valid", "test"}; a process reads a set once and keeps it."""
    return _load(wanted)


@functools.lru_cache(maxsize=4)
def _load(wanted: Wanted) -> Splits:
    counts = {"train": wanted.scenes, "valid": wanted.held_out, "test": wanted.held_out}
    kinds = {"generated": generated, "scenes": scenes, "auto": scenes}
    return {s: kinds[wanted.source](s, n, wanted.size) for s, n in counts.items()}
