"""TFDS's coco_captions, and other prepared sets of pictures with captions."""

import warnings
from typing import Any

import numpy as np

from common.contract import UserError
from common.data.tfds_sets import prepared
from common.nearest import nearest
from common.pixels import Picture, with_channels
from papers.captioning.sources.captioned_images import CaptionedImages, Splits
from papers.captioning.vocabulary import words_of

# Karpathy's splits: what they leave over of COCO's pictures is trained on too.
_PARTS = {
    "train": ("train", "restval"),
    "valid": ("val", "validation"),
    "test": ("test",),
}


def splits(name: str = "", data_dir: str = "") -> Splits:
    """The splits of a prepared set, whose pictures are decoded on access. Where it has
    "valid" or "test" alone, this is the other one as well, and a warning says so.

    Raises:
      UserError: it is not prepared, has no "image" and "captions" with "text", or has
        no captions to measure on.
    """
    name = name or "coco_captions"
    builder = prepared(name, data_dir, features=("image", "captions"))
    captions = builder.info.features["captions"]
    if "text" not in getattr(captions, "feature", {}):
        raise UserError(f"the captions of TFDS set {name!r} have no text")
    found = {}
    for split, parts in _PARTS.items():
        there = [part for part in parts if part in builder.info.splits]
        data = _set(name, [_Part(builder, part) for part in there])
        if len(data):
            found[split] = data
    if "train" not in found or len(found) < 2:
        there = ", ".join(builder.info.splits)
        raise UserError(
            f"TFDS set {name!r} has no captions to train and to measure on in its "
            f"splits {there}; {nearest('validation', builder.info.splits)}"
        )
    for missing, other in (("valid", "test"), ("test", "valid")):
        if missing not in found:
            text = f"TFDS set {name!r} has no split {missing}: {other} is it as well"
            warnings.warn(text, stacklevel=3)
            found[missing] = found[other]
    return found


class _Part:
    """One of TFDS's splits, with its pictures and without them."""

    def __init__(self, builder: Any, part: str) -> None:
        from tensorflow_datasets import decode

        self.name = part
        self.whole = builder.as_data_source(part)
        undecoded = {"image": decode.SkipDecoding()}
        self.without_pictures = builder.as_data_source(part, decoders=undecoded)


def _set(name: str, parts: list[_Part]) -> CaptionedImages:
    """All records are read once, and their pictures left encoded."""
    names = []
    texts = []
    places = []
    silent = 0
    for number, part in enumerate(parts):
        for i in range(len(part.without_pictures)):
            item = part.without_pictures[i]
            own = tuple(filter(words_of, map(_text, item["captions"]["text"])))
            if not own:
                silent += 1
                continue
            names.append(_text(item.get("image/filename", f"{part.name} {i}")))
            texts.append(own)
            places.append((number, i))
    if silent:
        message = f"TFDS set {name!r}: {silent} pictures without a caption are left out"
        warnings.warn(message, stacklevel=4)
    sources = [part.whole for part in parts]
    return CaptionedImages(tuple(names), _Pictures(sources, places), tuple(texts))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class _Pictures:
    """Pictures of several sources, by source and place."""

    def __init__(self, sources: list[Any], places: list[tuple[int, int]]) -> None:
        self._sources = sources
        self._places = np.array(places, np.int64).reshape(-1, 2)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Picture:
        source, place = self._places[index]
        return with_channels(self._sources[source][int(place)]["image"], 3)
