"""The files that a user gives to `predict`, and those that it leaves."""

import glob
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from common.contract import UserError
from common.data.image_files import decode, is_picture, picture_paths
from common.data.image_set import Picture


def given(inputs: str) -> Path:
    """The path that `--input` says; UserError: nothing is there."""
    path = Path(inputs).expanduser()
    if not path.exists():
        raise UserError(f"--input={inputs!r} does not exist: give an image, a folder "
                        "of images, or a video")  # fmt: skip
    return path


def pictures(root: Path, channels: int = 3) -> Iterator[tuple[str, Picture | None]]:
    """Names and pixels, RGB or grey, of the image `root`, or of those in the folder
    and below: None, after a warning, for one that cannot be read. UserError: for all.
    """
    alone = root.is_file()
    files = [root] if alone else picture_paths(root)
    if not files:
        raise UserError(f"--input={str(root)!r} has no images in it")
    readable = 0
    for file in files:
        picture = decode(file, channels)
        readable += picture is not None
        yield file.name if alone else str(file.relative_to(root)), picture
    if not readable:
        raise UserError(f"none of the images in {str(root)!r} can be read")


def save(
    out: str, root: Path, name: str, picture: UInt8[np.ndarray, "height width *rgb"]
) -> None:
    """To the file `out`, or into the folder `out` under the image's own name: a.png
    for a.jpg, and a.jpg.png where that is not the only a."""
    own = Path(name).with_suffix(".png")
    if root.is_dir():
        beside = (root / name).parent.glob(f"{glob.escape(own.stem)}.*")
        own = own if sum(map(is_picture, beside)) < 2 else Path(f"{name}.png")
    path = target(out, root, str(own))
    try:
        Image.fromarray(picture).save(path, quality=95)  # where it is lossy
    except (ValueError, OSError) as error:
        raise UserError(f"config.predict.out: {path} not written: {error}") from error


def target(out: str, root: Path, name: str) -> Path:
    """`out` itself, where it is a file's name and the input `root` one file; else
    `name` in the folder `out`. Folders are made. UserError: it is the input."""
    place = Path(out).expanduser()
    path = place if place.suffix and root.is_file() else place / name
    if any(p.exists() and p.samefile(root) for p in (place, path)):
        raise UserError("config.predict.out is the input itself")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"config.predict.out: {path} not written: {error}") from error
    return path
