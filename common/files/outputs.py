"""The files that `predict` leaves where `config.predict.out` says."""

import glob
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from common.contract import UserError
from common.files.pictures import is_picture


def save(
    out: str, root: Path, name: str, picture: UInt8[np.ndarray, "height width *rgb"]
) -> None:
    """Writes the picture to the file `out`, or into the folder `out` under its name:
    a.jpg becomes a.png, or a.jpg.png where another picture is called a."""
    own = Path(name).with_suffix(".png")
    if root.is_dir():
        beside = (root / name).parent.glob(f"{glob.escape(own.stem)}.*")
        own = own if sum(map(is_picture, beside)) < 2 else Path(f"{name}.png")
    path = target(out, root, str(own))
    try:
        Image.fromarray(picture).save(path, quality=95)  # for lossy formats
    except (ValueError, OSError) as error:
        raise UserError(f"config.predict.out: {path} not written: {error}") from error


def target(out: str, root: Path, name: str) -> Path:
    """The path to write to, whose folders are created: `out`, if that is the name of a
    file and the input `root` is a file too; else `name` in the folder `out`. UserError:
    it is the input itself."""
    place = Path(out).expanduser()
    path = place if place.suffix and root.is_file() else place / name
    if any(p.exists() and p.samefile(root) for p in (place, path)):
        raise UserError("config.predict.out is the input itself")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"config.predict.out: {path} not written: {error}") from error
    return path
