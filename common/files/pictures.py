"""Picture files: which they are, and their pixels as viewers show them."""

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
    """A picture in RGB, 3 channels, or grey, 1; None: as the file has it, with alpha as
    a 2nd or 4th channel where there is one. UserError: it cannot be read."""
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
    """A picture as viewers show it: turned as its EXIF says, and 16 bits a pixel, of
    which Pillow's conversions would make white, as 8."""
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
    """By its ending."""
    return path.suffix.lower() in ENDINGS


def channels_of(paths: Iterable[Path]) -> int:
    """Of the first picture that opens: 1 for grey, 3 for anything else."""
    for path in paths:
        try:
            with path.open("rb") as file, Image.open(file) as picture:
                return 1 if picture.mode in (*GREY, *DEEP) else 3
        except OSError:  # named when it is read
            continue
    return 3


@dataclasses.dataclass(frozen=True)
class PictureFiles:
    """Pictures decoded when they are asked for."""

    paths: tuple[Path, ...]
    channels: int = 3  # 1: grey

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Picture | None:
        return decode(self.paths[index], self.channels)
