"""What the readers of annotated pictures share: where the pictures are, that they have
the size that their boxes are for, and which boxes are none."""

import dataclasses
import os
import warnings
from collections.abc import Sequence
from concurrent import futures
from pathlib import Path

import numpy as np
from jaxtyping import Float

from common.contract import UserError
from common.data.annotated import AnnotatedImages
from common.data.image_set import Pictures
from common.files import pictures, storage
from common.pixels import Picture
from common.truth import Truth, truth

_THREADS = 16  # that open pictures for their sizes
_LOOK = 100  # pictures of a split whose size is compared before the first is needed
_OVER = 1.0  # pixels that a box may leave its picture by, unmentioned


@dataclasses.dataclass
class Annotation:
    """What a set says of one picture, as it says it.

    Attributes:
      path: of the picture; None where it is in no file.
      size: height and width that the set states; None where it does not.
      boxes: float64 [n, 4], corners in pixels, as they come: inside out or outside.
      classes: [n], indices of the set's names.
      image_id: of the picture in its set.
      source: the file, for messages.
      crowd, difficult, area: [n]; by default none is, and the area is the box's.
      relative: whether the corners are parts of the picture's sides.
    """

    path: Path | None
    size: tuple[int, int] | None
    boxes: Float[np.ndarray, "n 4"]
    classes: Sequence[int]
    image_id: int | str
    source: Path | str
    crowd: Sequence[bool] | None = None
    difficult: Sequence[bool] | None = None
    area: Sequence[float] | None = None
    relative: bool = False


def assembled(
    annotations: Sequence[Annotation],
    names: Sequence[str],
    category_ids: Sequence[int] = (),
    pixels: Pictures | None = None,
) -> AnnotatedImages:
    """The set, its boxes cut to their pictures. A warning counts the boxes that are
    dropped: those without width or height, and those outside.

    pixels: the pictures, where they are not in files.

    UserError: a picture is of another size than its annotation is for; none can be
    read.
    """
    sizes = [own.size for own in annotations]
    if pixels is None:
        sizes = _sizes(annotations)
        annotations = [
            own for own, size in zip(annotations, sizes, strict=True) if size
        ]
        sizes = [size for size in sizes if size]
        if not sizes:
            raise UserError("none of the pictures with boxes can be read")
        pixels = AnnotatedFiles([own.path for own in annotations], sizes)
    counts = _Counts()
    truths = [_cut(*own, counts) for own in zip(annotations, sizes, strict=True)]
    counts.say()
    both = np.array(sizes).reshape(-1, 2)
    return AnnotatedImages(tuple(names), pixels, truths, tuple(category_ids), both)


def _cut(own: Annotation, size: tuple[int, int], counts: "_Counts") -> Truth:
    height, width = size
    sides = np.array([width, height, width, height])
    boxes = np.asarray(own.boxes, np.float64).reshape(-1, 4)
    boxes = boxes * sides if own.relative else boxes
    cut = np.clip(boxes, 0, sides)
    empty = (boxes[:, 2:] <= boxes[:, :2]).any(1)
    outside = (cut[:, 2:] <= cut[:, :2]).any(1) & ~empty
    beyond = (np.abs(cut - boxes) > _OVER).any(1) & ~empty & ~outside
    counts.add(own.source, empty, outside, beyond)
    whole = truth(
        cut,
        own.classes,
        crowd=own.crowd,
        difficult=own.difficult,
        area=own.area,
        image_id=own.image_id,
    )
    return whole.take(~(empty | outside))


class _Counts:
    """Boxes that are not taken as they come, and where the first of them is."""

    def __init__(self) -> None:
        self._kinds = {
            "without width or height (dropped)": [],
            "outside their picture (dropped)": [],
            "beyond the edge of their picture (cut)": [],
        }

    def add(self, source: Path, *marks: np.ndarray) -> None:
        for files, mark in zip(self._kinds.values(), marks, strict=True):
            files += [source] * int(mark.sum())

    def say(self) -> None:
        parts = [
            f"{len(files)} {kind}, such as in {str(files[0])!r}"
            for kind, files in self._kinds.items()
            if files
        ]
        if parts:
            warnings.warn(f"boxes: {'; '.join(parts)}", stacklevel=4)


def _sizes(annotations: Sequence[Annotation]) -> list[tuple[int, int] | None]:
    """The stated sizes; where there are none, those of the files; None where such a
    file cannot be read."""
    sizes = [own.size for own in annotations]
    missing = [i for i, size in enumerate(sizes) if size is None]
    look = {i * len(sizes) // _LOOK for i in range(_LOOK)} if sizes else ()
    asked = sorted({*missing, *look})
    with futures.ThreadPoolExecutor(_THREADS) as threads:
        found = threads.map(_size, (annotations[i].path for i in asked))
        for i, size in zip(asked, found, strict=True):
            if sizes[i] is None:
                sizes[i] = size
            elif size is not None and sizes[i] not in (size, size[::-1]):
                raise _other_size(annotations[i].path, size, sizes[i])
    return sizes


def _size(path: Path) -> tuple[int, int] | None:
    """None, after a warning, where the picture cannot be read."""
    try:
        return pictures.size(path)
    except UserError as error:
        warnings.warn(f"skipped: {error}", stacklevel=2)
        return None


def _other_size(path: Path, size: tuple[int, int], stated: tuple[int, int]):
    is_, says = (f"{width} x {height}" for height, width in (size, stated))
    return UserError(
        f"{str(path)!r} is {is_} pixels, and its annotation is for {says}: give the "
        "pictures that were annotated"
    )


class AnnotatedFiles:
    """Pictures that are decoded on access, RGB, of the sizes that their boxes are for.

    A picture that its EXIF data turn sideways is turned, as viewers show it, unless its
    boxes are for the picture as it is stored: then the stated sides say so.
    """

    def __init__(self, paths: Sequence[Path], sizes: Sequence[tuple[int, int]]) -> None:
        # Names, not paths: they take less time to send to worker processes.
        self.names = [*map(os.fspath, paths)]
        self._path = type(paths[0]) if len(paths) else Path
        self._sizes = [*sizes]

    def __len__(self) -> int:
        return len(self.names)

    def path(self, index: int) -> Path:
        return self._path(self.names[index])

    def __getitem__(self, index: int) -> Picture | None:
        path = self.path(index)
        picture = pictures.decode(path)
        wanted = self._sizes[index]
        if picture is None or picture.shape[:2] == wanted:
            return picture
        if picture.shape[:2] == wanted[::-1]:
            stored = pictures.read(path, upright=False)
            if stored.shape[:2] == wanted:
                return stored
        raise _other_size(path, picture.shape[:2], wanted)


def missing(root: Path, what: str, names: Sequence[str], right: str) -> UserError:
    """The error of files that are named and not there."""
    several = f"{len(names)} {what}, such as" if len(names) > 1 else f"{what}:"
    return UserError(f"{str(root)!r}: {several} {names[0]!r}; {right}")


def folder(root: str | Path) -> Path:
    """The path of a set. UserError: it is no folder."""
    path = storage.path(root)
    if not str(root) or not path.is_dir():
        raise UserError(
            f"the folder of pictures with boxes {str(root)!r} is not there (to predict "
            "the names in the run's config.json are enough, --config.data.names=A,B)"
        )
    return path
