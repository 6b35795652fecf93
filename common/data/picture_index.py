"""Which picture below a folder an annotation means."""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from common.files import pictures


class PictureIndex:
    """The pictures below a folder, by the names that annotations give them: relative to
    any folder, of another machine, or without an ending."""

    def __init__(self, root: Path) -> None:
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        self.paths = pictures.picture_paths(root)
        for path in self.paths:
            self._by_name.setdefault(path.name.lower(), []).append(path)
            self._by_stem.setdefault(path.stem.lower(), []).append(path)

    def named(self, name: str, near: Iterable[str] = ()) -> Path | None:
        """The picture of this file name, which may have folders before it; None: there
        is none. Of several it is the one with most of the folders in its own path, and
        then with most of `near`."""
        parts = _parts(name)
        if not parts:
            return None
        return _nearest(self._by_name.get(parts[-1], []), parts[:-1], near)

    def of_stem(self, stem: str, near: Iterable[str] = ()) -> Path | None:
        """The picture of this name without an ending, likewise."""
        parts = _parts(stem)
        if not parts:
            return None
        return _nearest(self._by_stem.get(parts[-1], []), parts[:-1], near)


def _parts(name: str) -> list[str]:
    return [part.lower() for part in PurePath(name.replace("\\", "/")).parts]


def _nearest(paths: list[Path], folders: list[str], near: Iterable[str]) -> Path | None:
    near = {part.lower() for part in near}

    def likeness(path: Path) -> tuple[int, int]:
        own = [part.lower() for part in path.parts[:-1]]
        return same_folders(own, folders), len(near.intersection(own))

    return max(paths, key=likeness, default=None)


def same_folders(own: Sequence[str], folders: Sequence[str]) -> int:
    """How many of the inner folders of two paths are the same."""
    pairs = zip(reversed(own), reversed(folders), strict=False)
    return len([*itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)])
