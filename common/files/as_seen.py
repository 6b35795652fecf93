"""A Pillow picture as viewers show it: upright, of 8 bits, in sRGB."""

import functools
import io
import itertools
import warnings

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image, ImageCms, ImageOps

from common.contract import UserError

GREY = ("1", "L", "LA", "La")  # Pillow's modes
DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")  # of more than 8 bits, all grey

_OVERSHOOT = 1.5  # times white, which filters leave in a picture of floats
_WHITES = (1, 255, 65535)  # of floats
_SAME = 2  # grey levels that a profile may move sRGB's colours and still be it
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # of pixels, by a profile's space
_KEY_SCALE = {"L;2": 85, "L;4": 17}  # what Pillow multiplies the pixels with


def as_seen(picture: Image.Image, name: str, upright: bool = True) -> Image.Image:
    """In mode L, LA, RGB or RGBA. Of frames or pages it is the first; a colour profile
    that cannot be used is left out: a warning says so of the file `name`. UserError:
    which of its numbers is white cannot be told.

    upright: whether it is turned as its EXIF data say.
    """
    # A phone's JPEG may hold more pictures behind the one that it shows.
    if picture.format != "MPO" and getattr(picture, "is_animated", False):
        warnings.warn(f"{name!r}: its first frame or page alone is read", stacklevel=2)
    _mend_key(picture)
    if upright:
        ImageOps.exif_transpose(picture, in_place=True)
    colours, alpha = _parted(picture)
    if profile := picture.info.get("icc_profile"):
        try:
            colours = _in_srgb(colours, profile)
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            left_out = f"{name!r}: its colour profile is left out: {error}"
            warnings.warn(left_out, stacklevel=2)
    if colours.mode != "L":
        colours = colours.convert("RGB")
    if alpha is not None:
        colours.putalpha(alpha)
    return colours


def _mend_key(picture: Image.Image) -> None:
    """A PNG's transparent colour is in the bits of its file; Pillow compares it with
    the 8 bits that it makes of them."""
    key = picture.info.get("transparency")
    raw = picture.tile[0].args if key is not None and picture.format == "PNG" else ""
    if raw in _KEY_SCALE:
        picture.info["transparency"] = key * _KEY_SCALE[raw]
    elif raw == "RGB;16B":
        picture.info["transparency"] = tuple(value >> 8 for value in key)


def _parted(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours, in L, RGB or a mode that only a profile reads, and the alpha."""
    if picture.mode in DEEP:
        return _deep(picture)
    grey = picture.mode in GREY
    if picture.has_transparency_data:
        seen_through = picture.convert("LA" if grey else "RGBA")
        colours = seen_through.convert("L" if grey else "RGB")
        return colours, seen_through.getchannel("A")
    if picture.mode == "CMYK":
        return picture, None
    return picture.convert("L" if grey else "RGB"), None


def _deep(picture: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    values, key = np.asarray(picture), picture.info.get("transparency")
    shown = of_floats(values) if picture.mode == "F" else of_integers(values)
    alpha = None
    if key is not None:
        alpha = Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8))
    return Image.fromarray(shown), alpha


def of_integers(
    values: Shaped[np.ndarray, "height width"],
) -> UInt8[np.ndarray, "height width"]:
    """White is 65535, however dark the picture. UserError: they have more bits."""
    least, most = int(values.min()), int(values.max())
    if least < 0 or most > 65535:
        raise UserError(
            f"its whole numbers go from {least} to {most}, and no white is known for "
            "them: save it with 8 or 16 bits a pixel"
        )
    return np.round(values.astype(np.float32) * (255 / 65535)).astype(np.uint8)


def of_floats(
    values: Shaped[np.ndarray, "height width"],
) -> UInt8[np.ndarray, "height width"]:
    """White is 1, 255 or 65535: the first that the finite pixels do not pass by more
    than half of it, which is clipped. What is no number is black. UserError: they pass
    all, or go as far below 0."""
    finite = values[np.isfinite(values)]
    least, most = (finite.min(), finite.max()) if finite.size else (0, np.inf)
    white = next((w for w in _WHITES if most <= _OVERSHOOT * w), None)
    if white is None or least < (1 - _OVERSHOOT) * white:
        raise UserError(
            f"its floats go from {least:g} to {most:g}, and no white is known for "
            "them: save it with black at 0 and white at 1 or 255"
        )
    clipped = np.clip(np.nan_to_num(values, nan=0, posinf=white), 0, white)
    return np.round(clipped * (255 / white)).astype(np.uint8)


def _in_srgb(colours: Image.Image, profile: bytes) -> Image.Image:
    transform, mode = _transform(profile)
    if mode == "RGB" and colours.mode == "L":
        return _in_srgb(colours.convert("RGB"), profile).convert("L")
    if mode != colours.mode:
        raise ValueError(f"it is for {mode} pixels, and these are {colours.mode}")
    if transform is None:
        return colours
    found = ImageCms.applyTransform(colours, transform)
    return found.convert("L") if mode == "L" else found


@functools.lru_cache(maxsize=64)
def _transform(profile: bytes) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """What turns pixels into sRGB, and their mode. None: the profile is sRGB, whose
    pixels stay what they are to the bit."""
    opened = ImageCms.getOpenProfile(io.BytesIO(profile))
    space = opened.profile.xcolor_space.strip()
    if space not in _MODES:
        raise ValueError(f"it is of the colours {space}")
    mode = _MODES[space]
    transform = ImageCms.buildTransform(
        opened, ImageCms.createProfile("sRGB"), mode, "RGB"
    )
    levels = range(0, 256, 15)
    sample = np.array([*itertools.product(levels, levels, levels)], np.uint8)[None]
    if mode == "L":
        sample = np.arange(256, dtype=np.uint8)[None]
    if mode != "CMYK":
        moved = np.asarray(ImageCms.applyTransform(Image.fromarray(sample), transform))
        there = sample if mode == "RGB" else sample[..., None]
        if np.abs(moved - there.astype(int)).max() <= _SAME:
            return None, mode
    return transform, mode
