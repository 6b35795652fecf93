"""The toy domains: squares at random places on dark noise, red in a and blue in b."""

import numpy as np
from jaxtyping import Bool, Float, UInt8

Images = UInt8[np.ndarray, "n height width 3"]

CHANNELS = {"a": 0, "b": 2}  # red, blue
DARK = 50  # the noise is below
BRIGHT = 200  # what the square adds to one channel


class Squares:
    """Items {"image": uint8 [height, width, 3]}, each a function of seed, domain and
    index. The side of a square is 4 to 7 sixteenths of the image's shorter side."""

    def __init__(self, domain: str, size: tuple[int, int], n: int, seed: int) -> None:
        self._channel = CHANNELS[domain]
        self._size = size
        self._n = n
        self._seed = seed

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, index: int) -> dict[str, UInt8[np.ndarray, "height width 3"]]:
        if not 0 <= index < self._n:
            raise IndexError(index)
        rng = np.random.default_rng([self._seed, self._channel, index])
        image = rng.integers(0, DARK, (*self._size, 3), np.uint8)
        least, most = (round(min(self._size) * n / 16) for n in (4, 7))
        side = rng.integers(max(least, 1), max(most, 1) + 1)
        top, left = (rng.integers(0, n - side + 1) for n in self._size)
        image[top : top + side, left : left + side, self._channel] += BRIGHT
        return {"image": image}


def hue_right(images: Images, domain: str) -> float:
    """The share of images of the right colour: their bright pixels have, on average,
    more of the domain's channel than of the others. An image without bright pixels is
    wrong."""
    bright = _bright(images)[..., None]
    colour = np.sum(images * bright, (1, 2), dtype=np.float64)
    wanted = CHANNELS[domain]
    others = np.delete(colour, wanted, axis=-1)
    return float(np.mean(colour[:, wanted] > others.max(-1)))


def square_iou(images: Images, originals: Images) -> Float[np.ndarray, "n"]:
    """How well each square kept its place: intersection over union of the bright
    pixels of an image and of its original, 0 if neither has any."""
    bright = _bright(images)
    original = _bright(originals)
    union = np.sum(bright | original, (1, 2))
    return np.sum(bright & original, (1, 2)) / np.maximum(union, 1)


def _bright(images: Images) -> Bool[np.ndarray, "n height width"]:
    return images.max(-1) >= 128
