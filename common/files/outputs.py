"""The files that `predict` leaves where `config.predict.out` says."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from common.contract import UserError
from common.files.pictures import is_picture, laid_on_white

# Of Pillow's formats that hold colours as they are, those that hold no alpha.
OPAQUE = {".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".pnm", ".ppm"}


Pixels = UInt8[np.ndarray, "height width *rgb"]


def kept(out: str, root: Path, name: str, picture: Pixels) -> Path | Pixels:
    """What `predict` yields of a picture: the file that is written where `out` says, or
    the picture where it says nothing."""
    return save(out, root, name, picture) if out else picture


def save(out: str, root: Path, name: str, picture: Pixels) -> Path:
    """Writes the picture to its `picture_target`, on white where the file format has no
    alpha. Returns the file."""
    path = picture_target(out, root, name)
    image = Image.fromarray(picture)
    if path.suffix.lower() in OPAQUE:
        image = laid_on_white(image)
    try:
        image.save(path, quality=95)  # for lossy formats
    except (ValueError, OSError) as error:
        raise UserError(f"config.predict.out: {path} not written: {error}") from error
    return path


def picture_target(out: str, root: Path, name: str) -> Path:
    """The file `out`, or the picture's name in the folder `out`: a.jpg becomes a.png,
    or a.jpg.png where another picture is called a. UserError: as of `target`, or no
    picture can be written there."""
    own = Path(name).with_suffix(".png")
    if root.is_dir():
        beside = (root / name).parent.glob(f"{glob.escape(own.stem)}.*")
        own = own if sum(map(is_picture, beside)) < 2 else Path(f"{name}.png")
    path = target(out, root, str(own))
    Image.init()
    if Image.EXTENSION.get(path.suffix.lower()) not in Image.SAVE:
        ending = f"{path.suffix!r} is no picture's ending; give .png"
        raise UserError(f"config.predict.out: {path} not written: {ending}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UserError(f"config.predict.out: {path} not written: no permission")
    return path


def target(out: str, root: Path, name: str) -> Path:
    """The path to write to, whose folders are created: `out`, if that is the name of a
    file and the input `root` is a file too; else `name` in the folder `out`. UserError:
    it is the input itself, or a folder."""
    place = Path(out).expanduser()
    if place.suffix and root.is_file():
        return _with_folder(place, root)
    return within(out, root, name)


def within(out: str, root: Path | None, name: str) -> Path:
    """`name` in the folder `out`, which is created. UserError: as of `target`.

    root: the input; None: it is no file.
    """
    place = Path(out).expanduser()
    if root is not None and place.exists() and place.samefile(root):
        raise UserError("config.predict.out is the input itself")
    return _with_folder(place / name, root)


def _with_folder(path: Path, root: Path | None) -> Path:
    if root is not None and path.exists() and path.samefile(root):
        raise UserError("config.predict.out is the input itself")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"config.predict.out: {path} not written: {error}") from error
    if path.is_dir():
        raise UserError(f"config.predict.out: {path} not written: a folder")
    return path


def stems(names: Sequence[str]) -> list[str]:
    """The names as names of files without their endings, each another: "a", "a-2"."""
    found: list[str] = []
    for name in names:
        stem = "".join(c if c.isalnum() or c in "-_. " else "_" for c in name)
        number = 1 + sum(known.lower() == stem.lower() for known in found)
        while number > 1 and f"{stem}-{number}".lower() in map(str.lower, found):
            number += 1
        found.append(stem if number == 1 else f"{stem}-{number}")
    return found


def write(path: Path, content: bytes) -> Path:
    """Writes the file and returns its path. UserError: it cannot be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UserError(f"{path} not written: {error.strerror or error}") from error
    return path
