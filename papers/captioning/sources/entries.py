"""From what a file says of pictures to sets of pictures with captions.

A reader gives `Entry`s. What cannot be used is named and left out: entries without a
caption, and entries whose picture is missing.
"""

import dataclasses
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from common.contract import UserError
from common.data.split_names import SPLITS
from papers.captioning.sources.captioned_images import CaptionedImages, Splits
from papers.captioning.sources.pictures_below import PicturePaths, PicturesBelow
from papers.captioning.vocabulary import words_of

_MOST_HELD_OUT = 5000  # entries of "valid" and of "test" that are cut off


@dataclasses.dataclass(frozen=True)
class Entry:
    """What a set says of one picture.

    Attributes:
      name: of the picture's file, perhaps with folders.
      captions: as they stand in the file.
      split: "train", "valid" or "test"; None where the set does not say.
    """

    name: str
    captions: tuple[str, ...]
    split: str | None = None


@dataclasses.dataclass(frozen=True)
class Found:
    """An entry and its pictures: several where folders have one of this name each."""

    entry: Entry
    paths: tuple[Path, ...]


def located(
    entries: Iterable[Entry], below: PicturesBelow, source: str
) -> tuple[Found, ...]:
    """The entries that have a caption and a picture. A warning counts the others and
    names the first of each kind.

    Args:
      source: the file, for messages.

    Raises:
      UserError: no entry is left.
    """
    silent = []
    missing = []
    found = []
    for entry in entries:
        spoken = tuple(text.strip() for text in entry.captions if words_of(text))
        paths = below.named(entry.name) if spoken else ()
        if not spoken:
            silent.append(entry.name)
        elif not paths:
            missing.append(entry.name)
        else:
            found.append(Found(dataclasses.replace(entry, captions=spoken), paths))
    said = [
        f"{len(names)} {kind}, such as {names[0]!r}"
        for kind, names in (
            ("pictures without a caption", silent),
            (f"pictures that are not in {str(below.folder)!r}", missing),
        )
        if names
    ]
    if not found:
        why = "; ".join(said) or "it names no picture"
        advice = ": say where they are, --config.data.images=FOLDER" * bool(missing)
        raise UserError(f"{source} has no picture with a caption: {why}{advice}")
    if said:
        warnings.warn(f"{source}: left out are {'; '.join(said)}", stacklevel=3)
    return tuple(found)


def splits(
    found: Sequence[Found],
    source: str,
    train_in: str = "",
    test_in: str = "",
) -> Splits:
    """The sets "train", "valid" and "test".

    Where the entries have no splits, a tenth of them becomes "valid" and another tenth
    "test", 5,000 each at most, seeded; where one of the two is missing, it is the other
    one, and a warning says so.

    Args:
      train_in, test_in: train on pictures in a folder of the first name alone, and
        measure on those in a folder of the second. Without splits all entries are then
        trained on, and are measured by their other picture: a tenth of them in "valid".

    Raises:
      UserError: too few entries, one of two folders, or a folder without pictures.
    """
    if bool(train_in) != bool(test_in):
        raise UserError(
            "config.data.train_in and config.data.test_in: give both folders, or none"
        )
    by_split = {
        split: [one for one in found if one.entry.split == split] for split in SPLITS
    }
    if not any(by_split.values()):
        by_split = _shared(found, source) if train_in else _cut(found, source)
    elif not by_split["train"]:
        raise UserError(f"{source} has pictures for other splits and none for train")
    else:
        _say_without(found, source)
        by_split = _completed(by_split, source)
    folders = {"train": train_in, "valid": test_in, "test": test_in}
    return {s: _set(by_split[s], folders[s], source) for s in SPLITS}


def _say_without(found: Sequence[Found], source: str) -> None:
    """Where some pictures have a split, those without one are left out."""
    names = [one.entry.name for one in found if one.entry.split is None]
    if names:
        text = f"{source}: {len(names)} pictures are in no split, such as {names[0]!r}"
        warnings.warn(f"{text}, and are left out", stacklevel=4)


def _cut(found: Sequence[Found], source: str) -> dict[str, list[Found]]:
    size = min(max(len(found) // 10, 1), _MOST_HELD_OUT)
    if len(found) <= 2 * size:
        raise UserError(
            f"{source} has {len(found)} pictures with captions: too few to hold out "
            "valid and test"
        )
    valid, test, train = np.split(_mixed(found), [size, 2 * size])
    parts = {"train": train, "valid": valid, "test": test}
    return {split: [found[i] for i in np.sort(part)] for split, part in parts.items()}


def _shared(found: Sequence[Found], source: str) -> dict[str, list[Found]]:
    if len(found) < 2:
        raise UserError(f"{source} has one picture with captions: give two at least")
    size = max(len(found) // 10, 1)
    valid, test = np.split(_mixed(found), [size])
    parts = {"valid": valid, "test": test}
    chosen = {s: [found[i] for i in np.sort(part)] for s, part in parts.items()}
    return {"train": [*found], **chosen}


def _mixed(found: Sequence[Found]) -> np.ndarray:
    return np.random.default_rng(0).permutation(len(found))


def _completed(by_split: dict[str, list[Found]], source: str) -> dict[str, list[Found]]:
    if not by_split["valid"] and not by_split["test"]:
        cut = _cut(by_split["train"], source)
        return cut
    for missing, other in (("valid", "test"), ("test", "valid")):
        if not by_split[missing]:
            text = f"{source} has no split {missing}: it is {other}'s pictures as well"
            warnings.warn(text, stacklevel=4)
            return {**by_split, missing: by_split[other]}
    return by_split


def _set(found: Sequence[Found], folder: str, source: str) -> CaptionedImages:
    chosen = [
        (path, one.entry.captions)
        for one in found
        for path in one.paths
        if not folder or folder in path.parts
    ]
    if not chosen:
        raise UserError(f"{source}: no picture is in a folder {folder!r}")
    paths, texts = zip(*chosen, strict=True)
    names = tuple("/".join(path.parts[-2:]) for path in paths)
    return CaptionedImages(names, PicturePaths(paths), texts)
