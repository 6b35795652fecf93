"""Pixels of pictures: levels of 0..255, grey and RGB, padding to a size.

numpy in, numpy out, and JAX likewise; the last axis is the channels.
"""

from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped, UInt8

from common.contract import UserError

Picture = UInt8[np.ndarray, "height width channels"]

PILLOW_GREY = (19595, 38470, 7471)  # 0.299, 0.587, 0.114 of ITU-R 601, times 2^16


def namespace(x: Array | np.ndarray) -> ModuleType:
    """numpy for its arrays, else jax.numpy."""
    return np if isinstance(x, np.ndarray) else jnp


def to_uint8(image: Float[Array, "*shape"]) -> UInt8[Array, "*shape"]:
    """Values of [0, 1] as levels of 0..255, clipped and rounded."""
    xp = namespace(image)
    return xp.round(255 * xp.clip(image, 0, 1)).astype(np.uint8)


def as_picture(array: Any) -> Picture:
    """A user's array as a picture. UserError: it is not uint8, or its shape is not
    [height, width] or [height, width, channels] with 1 to 4 channels."""
    array = np.asarray(array)
    shaped = array.ndim == 2 or (array.ndim == 3 and 1 <= array.shape[-1] <= 4)
    if array.dtype != np.uint8 or not shaped or not array.size:
        raise UserError(
            f"an array {list(array.shape)} of {array.dtype} is no picture: give uint8, "
            "[height, width] or [height, width, channels], with 1 to 4 channels"
        )
    return array[..., None] if array.ndim == 2 else array


def as_channels(array: Any, channels: int) -> Picture:
    """A user's array in grey (1) or RGB (3), what is transparent on white. UserError:
    as of `as_picture`."""
    return with_channels(on_white(as_picture(array)), channels)


def squeeze_grey(
    image: UInt8[Array, "height width channels"],
) -> UInt8[Array, "height width *rgb"]:
    """A grey image as [height, width], as Pillow and matplotlib want it; others as
    given."""
    return image[..., 0] if image.shape[-1] == 1 else image


def with_channels(
    images: Shaped[Array, "*batch channels"], channels: int
) -> Shaped[Array, "*batch wanted"]:
    """The images with so many channels. Grey is repeated. uint8 RGB becomes grey by the
    integer weights of Pillow's mode L, by which picture files become grey as well.
    UserError: any other change."""
    present = images.shape[-1]
    if present == channels:
        return images
    xp = namespace(images)
    if present == 1:
        return xp.broadcast_to(images, (*images.shape[:-1], channels))
    if (present, channels) != (3, 1):
        raise UserError(f"images have {present} channels, not {channels}")
    weighted = images.astype(np.int32) * np.array(PILLOW_GREY, np.int32)
    return ((weighted.sum(-1, keepdims=True) + 2**15) >> 16).astype(np.uint8)


def parted(
    picture: Picture,
) -> tuple[Picture, UInt8[np.ndarray, "height width 1"] | None]:
    """The colours, 1 or 3 channels, and the alpha that a 2nd or 4th channel is. The
    colour under a pixel that cannot be seen becomes that of the nearest one that can:
    what was hidden there must not bleed into its neighbours."""
    if picture.shape[-1] % 2:
        return picture, None
    colours, alpha = picture[..., :-1], picture[..., -1:]
    hidden = alpha[..., 0] == 0
    if hidden.any():
        from scipy import ndimage  # for these pictures alone

        nearest = ndimage.distance_transform_edt(
            hidden, return_distances=False, return_indices=True
        )
        colours = colours[tuple(nearest)]
    return np.zeros_like(colours) if hidden.all() else colours, alpha


def on_white(picture: Picture) -> Picture:
    """Grey or RGB: where there is an alpha, laid on white."""
    if picture.shape[-1] % 2:
        return picture
    colours, alpha = picture[..., :-1].astype(np.int32), picture[..., -1:]
    mixed = colours * alpha + 255 * (255 - alpha.astype(np.int32))
    return ((mixed + 127) // 255).astype(np.uint8)


def mirrored_to(
    images: Shaped[Array, "*batch height width channels"], size: tuple[int, int]
) -> Shaped[Array, "*batch new_height new_width channels"]:
    """The images padded to (height, width) `size`, below and to the right, with their
    mirror image, which repeats the border pixels."""
    beyond = [(0, n - m) for n, m in zip(size, images.shape[-3:-1], strict=True)]
    around = [(0, 0)] * (images.ndim - 3)
    return namespace(images).pad(images, [*around, *beyond, (0, 0)], mode="symmetric")


def mirrored_to_multiple(
    images: Shaped[Array, "*batch height width channels"], multiple: int
) -> Shaped[Array, "*batch new_height new_width channels"]:
    """The images padded by `mirrored_to` until `multiple` divides both sides."""
    height, width = (n + -n % multiple for n in images.shape[-3:-1])
    return mirrored_to(images, (height, width))
