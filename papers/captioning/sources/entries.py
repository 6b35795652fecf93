"""From what a file says of pictures to sets of pictures with captions.

A reader gives `Entry`s. What cannot be used is named and left out: entries without a
caption, and entries whose picture is missing.
"""

import dataclasses
import functools
import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from common.contract import UserError
from common.data.split_names import SPLITS
from common.files import pictures
from common.pixels import Picture
from papers.captioning.sources import zipped
from papers.captioning.sources.captioned_images import CaptionedImages, Splits
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


class PicturesBelow:
    """The pictures in a folder, or in zip archives in it, by the names of entries. What
    is in an archive counts where no file has the name: an archive often stands beside
    the folder that it was unpacked to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = _by_name(pictures.picture_paths(folder))

    @functools.cached_property
    def _zipped(self) -> dict[str, list[Path]]:
        return _by_name(zipped.picture_paths(self.folder))

    def __bool__(self) -> bool:
        return bool(self._files or self._zipped)

    def named(self, name: str) -> tuple[Path, ...]:
        """All pictures of this name whose folders fit it best: of "a/x.png" those in a
        folder a where there is one, and of "x.png" one in every folder that has it. A
        name without an ending is looked for with those of pictures."""
        parts = [part.lower() for part in Path(name.replace("\\", "/")).parts]
        if not parts:
            return ()
        names = [parts[-1]]
        if not pictures.is_picture(Path(parts[-1])):
            names += [parts[-1] + ending for ending in sorted(pictures.ENDINGS)]
        found = [path for n in names for path in self._files.get(n, ())]
        found = found or [path for n in names for path in self._zipped.get(n, ())]
        fits = [_same_folders(path, parts[:-1]) for path in found]
        best = max(fits, default=0)
        return tuple(p for p, fit in zip(found, fits, strict=True) if fit == best)


def _by_name(paths: Iterable[Path]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault(path.name.lower(), []).append(path)
    return found


def _same_folders(path: Path, folders: Sequence[str]) -> int:
    """How many of the folders, from the innermost on, are the path's."""
    own = [part.lower() for part in path.parts[:-1]]
    same = 0
    for a, b in zip(reversed(own), reversed(folders), strict=False):
        if a != b:
            break
        same += 1
    return same


class PicturePaths:
    """Pictures that are decoded on access, in archives too."""

    def __init__(self, paths: Sequence[Path]) -> None:
        # Names, not paths: they take less time to send to worker processes.
        self._names = [*map(os.fspath, paths)]
        self._path = type(paths[0]) if len(paths) else Path

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Picture | None:
        return pictures.decode(zipped.opened(self._path(self._names[index])))


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
        by_split = _completed(by_split, source)
    folders = {"train": train_in, "valid": test_in, "test": test_in}
    return {s: _set(by_split[s], folders[s], source) for s in SPLITS}


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
