"""Bicubic resizing as MATLAB's imresize does it, by one matrix for each axis.

Super-resolution benchmarks are defined by it. It has Keys' kernel with a = -1/2,
widened by the factor when it shrinks (antialiasing), pixel centres at half integers,
and images mirrored at their borders. Pillow and jax.image.resize agree off the borders;
OpenCV and PyTorch's plain bicubic have a = -3/4 and do not.

`twice_as_large` is another method, by which networks enlarge their maps, and `bilinear`
the one by which detectors' inputs are made.
"""

import functools
import math

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Shaped, UInt8

A = -0.5  # Keys 1981


def bicubic(
    image: Float[Array, "*batch height width channels"], size: tuple[int, int]
) -> Float[Array, "*batch new_height new_width channels"]:
    """The image at (height, width) `size`, not clipped. numpy in, numpy out."""
    rows, columns = map(bicubic_matrix, image.shape[-3:-1], size)
    if isinstance(image, np.ndarray):
        product = functools.partial(np.einsum, optimize=True)
    else:
        product = functools.partial(jnp.einsum, precision=lax.Precision.HIGHEST)
    tall = product("ih,...hwc->...iwc", rows.astype(image.dtype), image)
    return product("jw,...iwc->...ijc", columns.astype(image.dtype), tall)


def shrink(
    image: Float[Array, "*batch height width channels"], factor: int
) -> Float[Array, "*batch new_height new_width channels"]:
    """The image at 1 / factor of its size: the low-resolution image of a benchmark. The
    factor must divide the size (`cropped_to_multiple`)."""
    height, width = image.shape[-3:-1]
    return bicubic(image, (height // factor, width // factor))


def enlarge(
    image: Float[Array, "*batch height width channels"], factor: int
) -> Float[Array, "*batch new_height new_width channels"]:
    """The image at `factor` times its size: the baseline of every benchmark."""
    height, width = image.shape[-3:-1]
    return bicubic(image, (height * factor, width * factor))


def cropped_to_multiple(
    image: Float[Array, "*batch height width channels"], factor: int
) -> Float[Array, "*batch new_height new_width channels"]:
    """The image without its last rows and columns, so that `factor` divides the
    size."""
    height, width = (n - n % factor for n in image.shape[-3:-1])
    return image[..., :height, :width, :]


def twice_as_large(
    x: Float[Array, "batch height width channels"], method: str
) -> Float[Array, "batch height_2 width_2 channels"]:
    """The map at twice its size. method: "nearest", or "bilinear", between pixel
    centres at half integers and with border pixels repeated."""
    for axis in (1, 2):
        if method == "nearest":
            x = jnp.repeat(x, 2, axis)
            continue
        n = x.shape[axis]
        edges = [(0, 0)] * 4
        edges[axis] = (1, 1)
        wide = jnp.pad(x, edges, "edge")
        low = lax.slice_in_dim(wide, 0, n, axis=axis)
        high = lax.slice_in_dim(wide, 2, n + 2, axis=axis)
        pair = jnp.stack((0.25 * low + 0.75 * x, 0.75 * x + 0.25 * high), axis + 1)
        x = pair.reshape(*x.shape[:axis], 2 * n, *x.shape[axis + 1 :])
    return x


def bilinear(
    pixels: UInt8[np.ndarray, "height width channels"], size: tuple[int, int]
) -> UInt8[np.ndarray, "new_height new_width channels"]:
    """The picture at (height, width) `size`, between pixel centres at half integers. A
    triangle, widened by the factor when it shrinks, as Pillow's: the same but for one
    level of rounding."""
    tall = _rows_resized(pixels, size[0])
    wide = _rows_resized(np.ascontiguousarray(tall.swapaxes(0, 1)), size[1])
    return np.round(wide.swapaxes(0, 1)).astype(np.uint8)


def _rows_resized(
    image: Shaped[np.ndarray, "rows columns channels"], new_rows: int
) -> Float[np.ndarray, "new_rows columns channels"]:
    """Whole rows are added, which lie together in memory."""
    places, weights = _triangle(len(image), new_rows)
    total = np.zeros((new_rows, *image.shape[1:]), np.float32)
    for place, weight in zip(places.T, weights.T, strict=True):
        total += image[place] * weight[:, None, None]
    return total


@functools.lru_cache(maxsize=64)
def _triangle(
    size: int, new_size: int
) -> tuple[Int[np.ndarray, "new_size taps"], Float[np.ndarray, "new_size taps"]]:
    """The pixels that each new one is the mean of, and their weights, which sum to
    1."""
    stretch = max(1.0, size / new_size)
    centres = (np.arange(new_size) + 0.5) * size / new_size - 0.5
    first = np.ceil(centres - stretch).astype(int)
    places = first[:, None] + np.arange(math.ceil(2 * stretch) + 1)
    weights = np.maximum(1 - np.abs(centres[:, None] - places) / stretch, 0)
    weights *= (places >= 0) & (places < size)
    weights /= weights.sum(1, keepdims=True)
    return np.clip(places, 0, size - 1), weights.astype(np.float32)


@functools.lru_cache(maxsize=64)
def bicubic_matrix(size: int, new_size: int) -> Float[np.ndarray, "new_size size"]:
    """The matrix that resizes one axis; its rows sum to 1."""
    scale = new_size / size
    stretch = max(1.0, 1.0 / scale)  # of the kernel, where the image shrinks
    centres = (np.arange(new_size) + 0.5) / scale - 0.5
    taps = math.ceil(4 * stretch) + 2
    first = np.floor(centres - 2 * stretch).astype(int)
    places = first[:, None] + np.arange(taps)
    weights = _cubic((centres[:, None] - places) / stretch)
    weights /= weights.sum(1, keepdims=True)
    # The image is mirrored, and border pixels repeat: ... 1 0 | 0 1 ... n-1 | n-1 ...
    places = places % (2 * size)
    places = np.minimum(places, 2 * size - 1 - places)
    matrix = np.zeros((new_size, size))
    np.add.at(matrix, (np.arange(new_size)[:, None], places), weights)
    matrix.setflags(write=False)  # all callers share it
    return matrix


def _cubic(x: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Keys' kernel: 1 at 0, 0 at the other integers and from 2 on."""
    x = np.abs(x)
    near = (A + 2) * x**3 - (A + 3) * x**2 + 1
    far = A * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
