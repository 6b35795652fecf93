"""Picture files: which files are pictures, and their pixels as viewers show them."""

import contextlib
import io
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from common.contract import UserError
from common.files import storage
from common.files.as_seen import DEEP, GREY, as_seen
from common.pixels import Picture, on_white, squeeze_grey

ENDINGS = {
    ".apng", ".avif", ".bmp", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg",
    ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp",
}  # fmt: skip
# Whatever its ending says, a file is opened as one of these. Any bytes look a little
# like TGA, which has no mark.
FORMATS = (
    "PNG",
    "JPEG",
    "GIF",
    "BMP",
    "PPM",
    "TIFF",
    "WEBP",
    "AVIF",
    "JPEG2000",
    "TGA",
)
# Pictures, and not read: a folder that holds some says so.
FOREIGN = {
    ".arw", ".cr2", ".cr3", ".dng", ".eps", ".exr", ".hdr", ".heic", ".heif", ".ico",
    ".jxl", ".nef", ".orf", ".pcx", ".pfm", ".psd", ".raf", ".rw2", ".sgi", ".svg",
    ".xcf",
}  # fmt: skip
# A file of 20 kB may hold any number of equal pixels, and each takes bytes here.
MOST_PIXELS = 89_478_485  # Pillow warns above it
_ORIENTATION = 0x0112  # EXIF's number for how a picture is to be turned
_SIDEWAYS = (5, 6, 7, 8)  # those by which its sides change places
_LOOK = 50  # pictures that say whether a folder is grey


def read(path: Path, channels: int | None = 3, upright: bool = True) -> Picture:
    """The pixels of a file. UserError: it cannot be read.

    channels: 3 is RGB, 1 is grey, both on white where the picture is transparent; None
      keeps the file's own, with alpha as a 2nd or 4th channel where it has one.
    upright: turn the picture as its EXIF data say, as viewers do.
    """
    with _opened(path) as picture:
        seen = as_seen(picture, str(path), upright)
        if channels:
            seen = laid_on_white(seen).convert("L" if channels == 1 else "RGB")
        array = np.asarray(seen)
    return array.reshape(*array.shape[:2], -1)


def size(path: Path) -> tuple[int, int]:
    """Height and width of the upright picture, without its pixels being decoded.
    UserError: it cannot be read."""
    with _opened(path) as picture:
        width, height = picture.size
        turned = picture.getexif().get(_ORIENTATION, 1) in _SIDEWAYS
    return (width, height) if turned else (height, width)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """UserError: it cannot be opened, or fails in what is done with it."""
    cannot = f"{str(path)!r} cannot be read as a picture"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{cannot}: {error}") from None
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                size = f"{picture.width} x {picture.height}"
                raise UserError(f"{size} pixels are more than {MOST_PIXELS:,}")
            yield picture
    except UnidentifiedImageError:
        raise UserError(f"{cannot}: it is none of {', '.join(FORMATS)}") from None
    except UserError as error:
        raise UserError(f"{cannot}: {error}") from None
    except Exception as error:  # every format of Pillow's has its own
        raise UserError(f"{cannot}: {storage.reason(error)}") from None


def laid_on_white(picture: Image.Image) -> Image.Image:
    """Without alpha: a warning says so where something can be seen through."""
    if "A" not in picture.getbands() or picture.getchannel("A").getextrema()[0] == 255:
        return picture
    warnings.warn("pictures that can be seen through are laid on white", stacklevel=1)
    return Image.fromarray(squeeze_grey(on_white(np.asarray(picture))))


def decode(path: Path, channels: int | None = 3) -> Picture | None:
    """As `read`; None, after a warning, where the picture cannot be read."""
    try:
        return read(path, channels)
    except UserError as error:
        warnings.warn(f"skipped: {error}", stacklevel=2)
        return None


def picture_paths(folder: str | Path) -> list[Path]:
    """The pictures in a folder and below, by name; those of a kind that is not read are
    named in a warning."""
    paths = storage.files_below(storage.path(folder))
    foreign = [path for path in paths if path.suffix.lower() in FOREIGN]
    if foreign:
        kinds = Counter(path.suffix.lower() for path in foreign)
        counts = ", ".join(f"{n} {ending}" for ending, n in sorted(kinds.items()))
        advice = "save them as .png or .jpg"
        message = f"skipped {counts} in {str(folder)!r}, such as {foreign[0].name!r}"
        warnings.warn(f"{message}: {advice}", stacklevel=2)
    return [path for path in paths if is_picture(path)]


def is_picture(path: Path) -> bool:
    """Whether the ending of its name is a picture's."""
    return path.suffix.lower() in ENDINGS


def channels_of(paths: Sequence[Path]) -> int:
    """1 where some of the pictures, spread over all, are grey, and 3 otherwise."""
    some = sorted({i * len(paths) // _LOOK for i in range(_LOOK)}) if paths else []
    opened = False
    for path in (paths[i] for i in some):
        with contextlib.suppress(UserError), _opened(path) as picture:
            if picture.mode not in (*GREY, *DEEP):
                return 3
            opened = True
    return 1 if opened else 3


class PictureFiles:
    """Pictures that are decoded on access.

    channels: 3; 1 is grey.
    """

    def __init__(self, paths: Sequence[Path], channels: int = 3) -> None:
        # A name takes a quarter of its path's memory, and 20 times less time to send to
        # a worker process: ImageNet has 1.3 million.
        self._names = [*map(os.fspath, paths)]
        self._path = type(paths[0]) if len(paths) else Path
        self._channels = channels

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Picture | None:
        return decode(self._path(self._names[index]), self._channels)
