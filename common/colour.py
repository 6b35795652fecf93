"""RGB and YCbCr of ITU-R BT.601 in its limited range, as MATLAB's rgb2ycbcr: Y from 16
to 235 and Cb, Cr from 16 to 240, of 255. Full-range YCbCr, as in JPEG files and
Pillow, has other values: mixing the two costs decibels.

Values are in [0, 1], channels last; numpy in, numpy out, and JAX likewise.
"""

import numpy as np
from jaxtyping import Array, Float

TO_YCBCR = (
    np.array(
        [
            [65.481, 128.553, 24.966],
            [-37.797, -74.203, 112.0],
            [112.0, -93.786, -18.214],
        ]
    )
    / 255
)
TO_RGB = np.linalg.inv(TO_YCBCR)
OFFSET = np.array([16.0, 128.0, 128.0]) / 255


def luma(
    rgb: Float[Array, "*batch height width 3"],
) -> Float[Array, "*batch height width 1"]:
    """Y alone: 16/255 for black, 235/255 for white."""
    matrix = TO_YCBCR[:1].astype(rgb.dtype)
    offset = OFFSET[:1].astype(rgb.dtype)
    return rgb @ matrix.T + offset


def ycbcr(
    rgb: Float[Array, "*batch height width 3"],
) -> Float[Array, "*batch height width 3"]:
    """Y, Cb and Cr."""
    return rgb @ TO_YCBCR.T.astype(rgb.dtype) + OFFSET.astype(rgb.dtype)


def rgb(
    ycbcr: Float[Array, "*batch height width 3"],
) -> Float[Array, "*batch height width 3"]:
    """The inverse of `ycbcr`, not clipped."""
    return (ycbcr - OFFSET.astype(ycbcr.dtype)) @ TO_RGB.T.astype(ycbcr.dtype)
