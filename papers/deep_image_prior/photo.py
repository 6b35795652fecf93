"""A user's picture: any mode, any size, made to fit the net and cut back again."""

import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from common.contract import UserError
from common.data.image_files import as_seen
from papers.deep_image_prior.degrade import known
from papers.deep_image_prior.pictures import same_size

GREY = ("1", "L", "LA", "La")


@dataclasses.dataclass(frozen=True)
class Photo:
    name: str  # below the folder that was given
    image: Float[np.ndarray, "height width channels"]  # grey or RGB, in [0, 1]
    alpha: UInt8[np.ndarray, "height width"] | None  # where it has one

    @property
    def missing(self) -> Bool[np.ndarray, "height width"]:
        """Pixels that are transparent, or black through and through."""
        black = np.all(self.image == 0, axis=-1)
        return black if self.alpha is None else black | (self.alpha < 128)


def open_photo(path: Path, name: str = "") -> Photo:
    """UserError: not a picture. One that lies on its side is turned as it says."""
    try:
        with Image.open(path) as file:
            picture, alpha = as_seen(file), None
            if picture.has_transparency_data:
                alpha = np.asarray(picture.convert("RGBA"))[..., 3]
            array = np.asarray(picture.convert("L" if picture.mode in GREY else "RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{str(path)!r} cannot be read as a picture: {error}") from None
    image = array.reshape(*array.shape[:2], -1).astype(np.float32) / 255
    return Photo(name or path.name, image, alpha)


def open_mask(file: str, photo: Photo) -> Float[np.ndarray, "height width 1"]:
    """1 where the mask's picture is white: there the photo is known."""
    return known(open_beside(file, photo).mean(-1, keepdims=True), file)


def open_beside(
    file: str, photo: Photo
) -> Float[np.ndarray, "height width own_channels"]:
    """A mask or guide. UserError: it is not of the photo's size."""
    image = open_photo(Path(file).expanduser()).image
    same_size(file, image.shape, photo.name, photo.image.shape)
    return image


def padded(
    image: Float[np.ndarray, "height width channels"], multiple: int
) -> Float[np.ndarray, "padded_height padded_width channels"]:
    """Mirrored below and to the right until `multiple` divides both sides."""
    below, right = (-n % multiple for n in image.shape[:2])
    return np.pad(image, ((0, below), (0, right), (0, 0)), "symmetric")


def to_bytes(
    image: Float[np.ndarray, "height width channels"],
    alpha: UInt8[np.ndarray, "height width"] | None = None,
) -> UInt8[np.ndarray, "height width *channels"]:
    """Grey [H, W], RGB [H, W, 3] or, with an alpha, RGBA [H, W, 4]."""
    array = np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)
    if alpha is None:
        return array[..., 0] if array.shape[-1] == 1 else array
    size = array.shape[1::-1]
    if alpha.shape != array.shape[:2]:
        resized = Image.fromarray(alpha).resize(size, Image.Resampling.BICUBIC)
        alpha = np.asarray(resized)
    colours = np.broadcast_to(array, (*array.shape[:2], 3))
    return np.dstack([colours, alpha])
