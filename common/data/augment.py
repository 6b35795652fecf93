"""Augmentations on the host: uint8 images [height, width, channels] in and out.

Random ones take a numpy generator, which `pipeline(random_map_fn=...)` passes, or draws
from [0, 1), which `ShuffledBatches` passes. The latter work on batches too.
"""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from common.contract import UserError
from common.pixels import Picture, squeeze_grey

Cropped = UInt8[np.ndarray, "size size channels"]
Window = UInt8[np.ndarray, "rows columns channels"]

# The covariance of ImageNet's RGB values in [0, 1], over all pixels (Krizhevsky et al.
# 2012). Its eigenvectors are the columns.
IMAGENET_EIGENVALUES = np.array([0.2175, 0.0188, 0.0045], np.float32)
IMAGENET_EIGENVECTORS = np.array(
    [
        [-0.5675, 0.7192, 0.4009],
        [-0.5808, -0.0045, -0.8140],
        [-0.5836, -0.6948, 0.4203],
    ],
    np.float32,
)


def moved(
    images: UInt8[np.ndarray, "*batch height width channels"],
    draws: Float[np.ndarray, "*batch 2"],
    most: int,
) -> UInt8[np.ndarray, "*batch height width channels"]:
    """Crops of the images' own size from images padded with `most` zeros on all sides
    (section 4.2 of He et al. 2015, 4 zeros).

    draws: how far down and how far to the right each crop lies, in [0, 1).
    """
    height, width, channels = images.shape[-3:]
    around = [(0, 0), (most, most), (most, most), (0, 0)]
    padded = np.pad(images.reshape(-1, height, width, channels), around)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), (1, 2))
    top, left = (draws.reshape(-1, 2) * (2 * most + 1)).astype(int).T
    cut = windows[np.arange(len(padded)), top, left]  # image, channel, row, column
    return np.moveaxis(cut, 1, -1).reshape(images.shape)


def mirrored(
    images: UInt8[np.ndarray, "*batch height width channels"],
    draws: Float[np.ndarray, "*batch"] | float,
) -> UInt8[np.ndarray, "*batch height width channels"]:
    """Swaps left and right of the images whose draw, in [0, 1), is below a half."""
    draws = np.asarray(draws)
    if draws.ndim == 0:  # one image, and no pixel is copied
        return images[..., ::-1, :] if draws < 0.5 else images
    draws = draws[..., None, None, None]
    return np.where(draws < 0.5, images[..., ::-1, :], images)


def resize(
    image: Picture, size: tuple[int, int]
) -> UInt8[np.ndarray, "new_height new_width channels"]:
    """The image at (height, width) `size`, bilinear and antialiased (Pillow)."""
    height, width, channels = image.shape
    if (height, width) == size:
        return image
    picture = Image.fromarray(squeeze_grey(image))
    resized = np.asarray(picture.resize(size[::-1], Image.BILINEAR))
    return resized.reshape(*size, channels)


def resize_short(
    image: Picture, short: int
) -> UInt8[np.ndarray, "new_height new_width channels"]:
    """The image in proportion, with `short` pixels along the shorter side."""
    return resize(image, _shape_of_short(image.shape[:2], short))


def _shape_of_short(shape: tuple[int, int], short: int) -> tuple[int, int]:
    height, width = shape
    least = min(height, width)
    return height * short // least, width * short // least


def cover(image: Picture, size: tuple[int, int]) -> Picture:
    """The image, enlarged in proportion, where need be, until it covers (rows,
    columns)."""
    height, width, _ = image.shape
    scale = max(size[0] / height, size[1] / width, 1.0)
    return resize(image, (round(height * scale), round(width * scale)))


def centre_crop(image: Picture, size: int | tuple[int, int]) -> Window:
    """The middle `size` x `size` pixels, or (rows, columns) of them. UserError: the
    image is smaller."""
    height, width, _ = image.shape
    rows, columns = _sides(size)
    return _crop(image, (height - rows) // 2, (width - columns) // 2, size)


def window(
    image: Picture, rng: np.random.Generator, size: int | tuple[int, int]
) -> Window:
    """A `centre_crop` from a random place instead. UserError: the image is smaller."""
    return _crop(image, *_place(image.shape[:2], rng, size), size)


def scale_jitter(
    image: Picture,
    rng: np.random.Generator,
    short: tuple[int, int],
    size: int,
    *,
    whole: bool = True,
) -> Cropped:
    """A random `size` x `size` crop of the image, resized to a random length of its
    shorter side, from short[0] to short[1], both included (section 3.4 of He et al.
    2015: 224, and 256 to 480).

    whole: resize the image, then cut. Otherwise only what the crop shows is resized:
      the same place in a third of the time, where Pillow rounds some of the pixels (2
      in 1,000 of photographs) to the next grey level or the one behind it.
    """
    length = int(rng.integers(short[0], short[1] + 1))
    if whole:
        return window(resize_short(image, length), rng, size)
    height, width, channels = image.shape
    new = _shape_of_short((height, width), length)
    top, left = _place(new, rng, size)
    _check_crop(new, (size, size))
    y = height / new[0]
    x = width / new[1]
    box = (left * x, top * y, (left + size) * x, (top + size) * y)
    picture = Image.fromarray(squeeze_grey(image))
    cut = picture.resize((size, size), Image.BILINEAR, box=box)
    return np.asarray(cut).reshape(size, size, channels)


def ten_crops(image: Picture, size: int) -> UInt8[np.ndarray, "10 size size channels"]:
    """Crops of the four corners and the middle, then the mirror images of the five."""
    height, width, _ = image.shape
    bottom = height - size
    right = width - size
    places = [(0, 0), (0, right), (bottom, 0), (bottom, right)]
    places.append((bottom // 2, right // 2))
    crops = np.stack([_crop(image, top, left, size) for top, left in places])
    return np.concatenate([crops, crops[:, :, ::-1]])


def pca_colour(
    image: UInt8[np.ndarray, "height width 3"],
    rng: np.random.Generator,
    std: float = 0.1,
    eigenvalues: Float[np.ndarray, "3"] = IMAGENET_EIGENVALUES,
    eigenvectors: Float[np.ndarray, "3 3"] = IMAGENET_EIGENVECTORS,
) -> UInt8[np.ndarray, "height width 3"]:
    """Adds one colour to all pixels: along each principal component, its eigenvalue
    times a draw of N(0, std) (section 4.1 of Krizhevsky et al. 2012)."""
    draws = rng.normal(0.0, std, 3).astype(np.float32)
    colour = 255 * eigenvectors @ (eigenvalues * draws)
    levels = np.arange(256, dtype=np.uint8)[:, None]
    changed = np.clip(np.round(levels + colour), 0, 255).astype(np.uint8)
    # Pillow looks 150,000 levels up in half the time of numpy's arithmetic.
    return np.asarray(Image.fromarray(image).point(changed.T.ravel().tolist()))


def _crop(image: Picture, top: int, left: int, size: int | tuple[int, int]) -> Window:
    rows, columns = _sides(size)
    _check_crop(image.shape[:2], (rows, columns))
    return image[top : top + rows, left : left + columns]


def _place(
    shape: tuple[int, int], rng: np.random.Generator, size: int | tuple[int, int]
) -> tuple[int, int]:
    """A random upper left corner of a crop."""
    height, width = shape
    rows, columns = _sides(size)
    top = int(rng.integers(0, max(height - rows, 0) + 1))
    left = int(rng.integers(0, max(width - columns, 0) + 1))
    return top, left


def _check_crop(shape: tuple[int, int], size: tuple[int, int]) -> None:
    height, width = shape
    rows, columns = size
    if height < rows or width < columns:
        raise UserError(f"an image of {height}x{width} has no {rows}x{columns} crop")


def _sides(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size
