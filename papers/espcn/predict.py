"""Upscales what a user has: an image, a folder of them, or a video."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from common.contract import Table, UserError
from common.data.image_files import decode, picture_paths
from papers.espcn import video
from papers.espcn.config import Config
from papers.espcn.upscale import upscaled_rgb, upscaler

Picture = UInt8[np.ndarray, "height width 3"]
Values = Iterator[str | tuple[str, Any]]


def predict(config: Config, state: Any, inputs: str) -> Values:
    """Yields the pictures, or writes them to `predict.out`, and a table of seconds.

    inputs: an image, a folder of them, or a video, which is always written: to
    `predict.out`, or beside itself.
    """
    path = Path(inputs).expanduser()
    if not path.exists():
        raise UserError(f"--input={inputs!r} does not exist: give an image, a folder "
                        "of images, or a video")  # fmt: skip
    if path.is_file() and path.suffix.lower() in video.ENDINGS:
        yield from video.upscale_video(config, state, path)
        return
    files = [path] if path.is_file() else picture_paths(path)
    if not files:
        raise UserError(f"--input={inputs!r} has no images in it")
    yield from _pictures(config, state, path, files)


def _pictures(config: Config, state: Any, root: Path, files: list[Path]) -> Values:
    model, upscale, rows = config.model, upscaler(config, state), []
    for file in files:
        name = str(file.relative_to(root)) if file != root else file.name
        low = decode(file)
        if low is None:
            rows.append([name, "skipped: not a readable image", None, None, None])
            continue
        start = time.perf_counter()
        high = upscaled_rgb(model, upscale, low / 255.0)
        seconds = time.perf_counter() - start
        rows.append([name, _size(low), _size(high), seconds, 1 / seconds])
        if config.predict.out:
            _write(config.predict.out, name, high, alone=file == root)
        else:
            yield f"{name} x{model.scale}", high
    if all(row[2] is None for row in rows):
        raise UserError(f"none of the images in {str(root)!r} can be read")
    columns = ("image", "from", "to", "seconds", "images/s")
    note = "the first image of a size also waits for its compilation"
    yield "Upscaled", Table(columns, rows, note)


def _size(picture: Picture) -> str:
    height, width = picture.shape[:2]
    return f"{width} x {height}"


def _write(out: str, name: str, picture: Picture, alone: bool) -> None:
    """To the file `out`, or into the folder `out` under the image's own name."""
    target = Path(out).expanduser()
    if not (alone and target.suffix):
        target = (target / name).with_suffix(".png")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        Image.fromarray(picture).save(target)
    except (ValueError, OSError) as error:
        raise UserError(f"config.predict.out: {target} not written: {error}") from error
