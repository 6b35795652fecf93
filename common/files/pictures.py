"""Picture files: which files are pictures, and their pixels as viewers show them."""

import dataclasses
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from common.contract import UserError
from common.files import storage
from common.pixels import Picture

ENDINGS = {
    ".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
}  # fmt: skip
GREY = ("1", "L", "LA")  # Pillow's modes
DEEP = ("I", "I;16", "I;16B", "F")  # and those of more than 8 bits, all grey


def read(path: Path, channels: int | None = 3) -> Picture:
    """The pixels of a file. UserError: it cannot be read.

    channels: 3 is RGB, 1 is grey; None keeps the file's own, with alpha as a 2nd or 4th
      channel where it has one.
    """
    try:
        with path.open("rb") as file, Image.open(file) as picture:
            shown = as_seen(picture)
            array = np.asarray(shown.convert(_mode(shown, channels)))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{str(path)!r} cannot be read as a picture: {error}") from None
    return array.reshape(*array.shape[:2], -1)


def _mode(picture: Image.Image, channels: int | None) -> str:
    if channels:
        return "L" if channels == 1 else "RGB"
    colours = "L" if picture.mode in GREY else "RGB"
    return colours + "A" * picture.has_transparency_data


def decode(path: Path, channels: int = 3) -> Picture | None:
    """A picture in RGB or grey; None, after a warning, where it cannot be read."""
    try:
        return read(path, channels)
    except UserError as error:
        warnings.warn(f"skipped: {error}", stacklevel=2)
        return None


def as_seen(picture: Image.Image) -> Image.Image:
    """A picture as viewers show it: turned as its EXIF tag says, and with 8 bits a
    pixel. Pillow's own conversions clip 16 bits to white."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode not in DEEP:
        return picture
    grey = np.asarray(picture, np.float32)
    most = 65535 if grey.max() > 255 else 255 if grey.max() > 1 else 1
    return Image.fromarray(np.round(np.clip(grey * (255 / most), 0, 255)).astype("u1"))


def picture_paths(folder: str | Path) -> list[Path]:
    """The pictures in a folder and below, by name."""
    paths = storage.files_below(storage.path(folder))
    return [path for path in paths if is_picture(path)]


def is_picture(path: Path) -> bool:
    """Whether the ending of its name is a picture's."""
    return path.suffix.lower() in ENDINGS


def channels_of(paths: Iterable[Path]) -> int:
    """Channels of the first picture that opens: 1 for grey, 3 for anything else."""
    for path in paths:
        try:
            with path.open("rb") as file, Image.open(file) as picture:
                return 1 if picture.mode in (*GREY, *DEEP) else 3
        except OSError:  # its own read warns of it
            continue
    return 3


@dataclasses.dataclass(frozen=True)
class PictureFiles:
    """Pictures that are decoded on access."""

    paths: tuple[Path, ...]
    channels: int = 3  # 1: grey

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Picture | None:
        return decode(self.paths[index], self.channels)
