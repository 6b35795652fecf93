"""Pictures, with their masks and guides: a run's, cut to the run's size, and a user's,
of any size."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from common.contract import UserError
from common.data.packaged_photos import photo_path
from common.files import pictures, storage
from common.pixels import as_picture, parted, squeeze_grey, to_uint8
from common.resize import bicubic
from papers.deep_image_prior.config import Data

Picture = Float[np.ndarray, "height width channels"]
MARGIN = 32  # a picture larger by fewer pixels is cropped, not scaled, as released


def names_of(data: Data) -> list[str]:
    """The pictures of a run: names of packaged photographs, or paths."""
    if data.source != "files":
        return [*data.pictures] or ["astronaut"]
    root = storage.path(data.root)
    if not data.root or not root.exists():
        raise UserError(f"config.data.root={data.root!r}: no such picture or folder")
    if root.is_file():
        return [str(root)]
    paths = {path.name: str(path) for path in pictures.picture_paths(root)}
    if missing := [name for name in data.pictures if name not in paths]:
        raise UserError(f"config.data.pictures: {missing[0]!r} is not in {data.root!r}")
    names = [paths[n] for n in data.pictures] or [*paths.values()]
    if not names:
        raise UserError(f"config.data.root={data.root!r} has no pictures")
    return names


def read_named(data: Data, name: str, size: tuple[int, int], channels: int) -> Picture:
    """The run's picture of this name or path, cut as `read` does."""
    if data.source == "generated":
        return _generated(name, size, channels)
    return read(_path(data, name), size, channels, data.box)


def _path(data: Data, name: str) -> Path:
    return photo_path(name) if data.source == "embedded" else storage.path(name)


def read(
    path: Path, size: tuple[int, int], channels: int, box: tuple[int, ...] = ()
) -> Picture:
    """A file's picture in [0, 1], cut to `size` (height, width).

    It is scaled down until it just covers `size`, and its middle is taken. One that is
    larger by less than MARGIN is not scaled. UserError: it cannot be read, is smaller
    than `size`, or does not contain `box`.
    """
    array = pictures.read(path, channels)
    rows, columns = array.shape[:2]
    if box:
        top, left, height, width = box
        array = array[top : top + height, left : left + width]
        if array.shape[:2] != (height, width):
            raise UserError(
                f"config.data.box={box} is not inside {str(path)!r}, which is "
                f"{rows} x {columns}"
            )
        rows = height
        columns = width
    scale = max(size[0] / rows, size[1] / columns)
    if scale > 1:
        raise UserError(
            f"{str(path)!r} is {rows} x {columns}, smaller than config.data.size: "
            f"{size[0]} x {size[1]}"
        )
    if max(rows - size[0], columns - size[1]) < MARGIN:
        scale = 1.0
    wide = max(round(columns * scale), size[1]), max(round(rows * scale), size[0])
    image = Image.fromarray(squeeze_grey(array))
    image = np.asarray(image.resize(wide, Image.Resampling.LANCZOS))
    top = (image.shape[0] - size[0]) // 2
    left = (image.shape[1] - size[1]) // 2
    image = image[top : top + size[0], left : left + size[1]]
    return image.reshape(*size, channels).astype(np.float32) / 255


def _generated(name: str, size: tuple[int, int], channels: int) -> Picture:
    """Soft colours and a disc, different for each name."""
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
    path = storage.path(file)
    box = data.box
    shape = size
    if data.source == "generated":
        box = ()
    else:
        shape = pictures.read(_path(data, name), channels).shape
    same_size(file, pictures.read(path, channels).shape, name, shape)
    return read(path, size, channels, box)


def same_size(
    file: str, shape: tuple[int, ...], name: str, picture_shape: tuple[int, ...]
) -> None:
    """UserError: a mask or guide is not as high and wide as its picture."""
    if shape[:2] != picture_shape[:2]:
        one, other = (f"{s[1]}x{s[0]}" for s in (shape, picture_shape))
        raise UserError(
            f"{file!r} is {one} pixels, the picture {name!r} {other}: make them equal"
        )


def known(grey: Picture, name: str) -> Picture:
    """The mask `name` from its grey picture: 1 where that is lighter than half of its
    lightest pixel, so that levels 0 and 1 do as well as 0 and 255. UserError: all of it
    is black."""
    if not grey.any():
        raise UserError(
            f"the mask {name!r} is black: make it white where the picture is known"
        )
    return (grey > grey.max() / 2).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Photo:
    """A user's picture."""

    name: str  # its path below the folder that the user gave
    image: Float[np.ndarray, "height width channels"]  # grey or RGB, in [0, 1]
    alpha: UInt8[np.ndarray, "height width"] | None  # None: opaque

    @property
    def missing(self) -> Bool[np.ndarray, "height width"]:
        """Pixels that are transparent, or black in every channel."""
        black = np.all(self.image == 0, axis=-1)
        return black if self.alpha is None else black | (self.alpha < 128)


def open_photo(path: Path, name: str = "") -> Photo:
    """A user's picture, of any mode and size. UserError: it cannot be read."""
    return as_photo(pictures.read(path, channels=None), name or path.name)


def as_photo(picture: Any, name: str = "picture") -> Photo:
    """A user's array. UserError: it is no picture."""
    colours, alpha = parted(as_picture(picture))
    alpha = None if alpha is None else alpha[..., 0]
    return Photo(name, colours.astype(np.float32) / 255, alpha)


def open_mask(file: str, photo: Photo) -> Float[np.ndarray, "height width 1"]:
    """The mask of a photo, 1 where its file is white and not transparent: there the
    photo is known."""
    mask = _open_beside(file, photo)
    grey = mask.image.mean(-1, keepdims=True)
    return known(grey if mask.alpha is None else grey * mask.alpha[..., None], file)


def as_mask(array: Any, photo: Photo) -> Float[np.ndarray, "height width 1"]:
    """A user's array as the mask of a photo: 1 where it is true."""
    mask = np.asarray(array)
    mask = mask[..., None] if mask.ndim == 2 else mask
    same_size("mask", mask.shape, photo.name, photo.image.shape)
    return known(mask.mean(-1, keepdims=True, dtype=np.float32), "mask")


def open_guide(
    file: str, photo: Photo
) -> Float[np.ndarray, "height width own_channels"]:
    """The guide of a photo. UserError: its size is not the photo's."""
    return _open_beside(file, photo).image


def _open_beside(file: str, photo: Photo) -> Photo:
    beside = open_photo(storage.path(file))
    same_size(file, beside.image.shape, photo.name, photo.image.shape)
    return beside


def to_bytes(
    image: Float[np.ndarray, "height width channels"],
    alpha: UInt8[np.ndarray, "height width"] | None = None,
) -> UInt8[np.ndarray, "height width *channels"]:
    """A picture for a file: grey [H, W], RGB [H, W, 3] or, with an alpha, RGBA
    [H, W, 4]."""
    array = to_uint8(image)
    if alpha is None:
        return squeeze_grey(array)
    size = array.shape[1::-1]
    if alpha.shape != array.shape[:2]:
        resized = Image.fromarray(alpha).resize(size, Image.Resampling.BICUBIC)
        alpha = np.asarray(resized)
    colours = np.broadcast_to(array, (*array.shape[:2], 3))
    return np.dstack([colours, alpha])
