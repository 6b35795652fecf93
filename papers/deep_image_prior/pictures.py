"""The pictures of a run: which they are, read and cut to size, and the masks and guides
that belong to them."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from common.contract import UserError
from common.data.image_files import decode, picture_paths
from common.data.photos import photo_path
from common.resize import bicubic
from papers.deep_image_prior.config import Data

Picture = Float[np.ndarray, "height width channels"]
MARGIN = 32  # pixels a side: less than this is cropped and not scaled, as released


def names_of(data: Data) -> list[str]:
    """The pictures of a run, by name or path."""
    if data.source != "files":
        return [*data.pictures] or ["astronaut"]
    root = Path(data.root).expanduser()
    if not data.root or not root.exists():
        raise UserError(f"config.data.root={data.root!r}: no such picture or folder")
    if root.is_file():
        return [str(root)]
    paths = {path.name: str(path) for path in picture_paths(root)}
    if missing := [name for name in data.pictures if name not in paths]:
        raise UserError(f"config.data.pictures: {missing[0]!r} is not in {data.root!r}")
    names = [paths[n] for n in data.pictures] or [*paths.values()]
    if not names:
        raise UserError(f"config.data.root={data.root!r} has no pictures")
    return names


def read_named(data: Data, name: str, size: tuple[int, int], channels: int) -> Picture:
    """The run's picture of this name, or path, as of `read`."""
    if data.source == "generated":
        return _generated(name, size, channels)
    return read(_path(data, name), size, channels, data.box)


def _path(data: Data, name: str) -> Path:
    return photo_path(name) if data.source == "embedded" else Path(name)


def read(
    path: Path, size: tuple[int, int], channels: int, box: tuple[int, ...] = ()
) -> Picture:
    """A file's picture in [0, 1], scaled down until it just covers `size` (rows,
    columns), or as it is where it is larger by less than MARGIN a side, and its middle.
    UserError: it cannot be read, is smaller or does not hold `box`."""
    array = _decoded(path, channels)
    rows, columns = array.shape[:2]
    if box:
        top, left, height, width = box
        array = array[top : top + height, left : left + width]
        if array.shape[:2] != (height, width):
            raise UserError(
                f"config.data.box={box} is not inside {str(path)!r}, which is "
                f"{rows} x {columns}"
            )
        rows, columns = height, width
    scale = max(size[0] / rows, size[1] / columns)
    if scale > 1:
        raise UserError(
            f"{str(path)!r} is {rows} x {columns}, smaller than config.data.size: "
            f"{size[0]} x {size[1]}"
        )
    if max(rows - size[0], columns - size[1]) < MARGIN:
        scale = 1.0
    wide = max(round(columns * scale), size[1]), max(round(rows * scale), size[0])
    image = Image.fromarray(array[..., 0] if channels == 1 else array)
    image = np.asarray(image.resize(wide, Image.Resampling.LANCZOS))
    top, left = (image.shape[0] - size[0]) // 2, (image.shape[1] - size[1]) // 2
    image = image[top : top + size[0], left : left + size[1]]
    return image.reshape(*size, channels).astype(np.float32) / 255


def _decoded(path: Path, channels: int) -> UInt8[np.ndarray, "height width channels"]:
    """UserError: not a picture."""
    array = decode(path, channels)
    if array is None:
        raise UserError(f"{str(path)!r} cannot be read as a picture")
    return array


def _generated(name: str, size: tuple[int, int], channels: int) -> Picture:
    """Soft colours and a disc, others for each name."""
    rng = np.random.default_rng([*name.encode()])
    picture = np.clip(bicubic(rng.random((3, 3, channels)), size), 0, 1)
    rows, columns = np.indices(size)
    distance = np.hypot(rows / size[0] - 0.4, columns / size[1] - 0.6)
    return np.where(distance[..., None] < 0.25, rng.random(channels), picture).astype(
        np.float32
    )


def read_beside(
    data: Data, file: str, name: str, size: tuple[int, int], channels: int
) -> Picture:
    """A mask or guide, cut and scaled as the picture `name` that it belongs to.
    UserError: its file is of another size."""
    path, box, shape = Path(file).expanduser(), data.box, size
    if data.source == "generated":
        box = ()
    else:
        shape = _decoded(_path(data, name), channels).shape
    same_size(file, _decoded(path, channels).shape, name, shape)
    return read(path, size, channels, box)


def same_size(
    file: str, shape: tuple[int, ...], name: str, picture_shape: tuple[int, ...]
) -> None:
    """UserError unless a mask or guide is as high and wide as its picture."""
    if shape[:2] != picture_shape[:2]:
        one, other = (f"{s[1]}x{s[0]}" for s in (shape, picture_shape))
        raise UserError(
            f"{file!r} is {one} pixels, the picture {name!r} {other}: make them equal"
        )
