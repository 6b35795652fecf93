"""The pictures below a folder, in files and in archives, by the names of entries."""

import functools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from common.files import pictures
from common.pixels import Picture
from papers.captioning.sources import zipped


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
