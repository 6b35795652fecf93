"""The parts of composed scenes: digits and photographs, split before they are used."""

import functools

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from common.data import image_sources
from common.data.packaged_photos import photo_path
from common.files import pictures

PHOTOGRAPHS = {
    "train": ("astronaut", "brick", "coffee", "hubble", "retina", "rocket"),
    "valid": ("clock", "ihc"),
    "test": ("camera", "chelsea", "grass", "gravel"),
}
DIM = 0.4  # of a photograph's brightness that is left below the digits
_COLOUR = (120, 256)  # levels of each channel of a digit
_INK = 0.4  # opacity from which a pixel counts as ink, for the tight box
_SHIFT = np.array([0.7, 0.5])  # of the earlier digit's width and height, at most

_Alpha = Float[np.ndarray, "height width"]


def anywhere(alpha: _Alpha, size: int, rng: np.random.Generator) -> np.ndarray:
    """x and y of a digit's upper left corner inside the scene."""
    return rng.integers(0, size - np.array(alpha.shape[::-1]) + 1)


def shifted(
    near: np.ndarray, size: int, alpha: _Alpha, rng: np.random.Generator
) -> np.ndarray:
    """The corner of a digit close to another's, inside the scene."""
    most = _SHIFT * (near[2:] - near[:2])
    corner = np.round(near[:2] + rng.uniform(-most, most)).astype(int)
    return np.clip(corner, 0, size - np.array(alpha.shape[::-1]))


def lay(
    image: UInt8[np.ndarray, "size size 3"],
    alpha: _Alpha,
    corner: np.ndarray,
    colour: Int[np.ndarray, "3"],
) -> None:
    """Lays a digit of this colour on the image."""
    height, width = alpha.shape
    place = image[corner[1] : corner[1] + height, corner[0] : corner[0] + width]
    mixed = place + alpha[..., None] * (colour - place.astype(float))
    place[:] = np.round(mixed)


def any_colour(rng: np.random.Generator) -> Int[np.ndarray, "3"]:
    """Red, green and blue, none of them dark."""
    return rng.integers(*_COLOUR, 3)


def digit(split: str, label: int, side: float, rng: np.random.Generator) -> _Alpha:
    """The opacity of one of the split's digits, cut to its ink, of this longer side."""
    of_class = _digits(split)[label]
    glyph = of_class[rng.integers(len(of_class))]
    scale = side / max(glyph.size)
    shape = [max(round(n * scale), 1) for n in glyph.size]
    alpha = np.asarray(glyph.resize(shape, Image.BILINEAR), np.float32) / 255
    return alpha[_extent((alpha > _INK).any(1)), _extent((alpha > _INK).any(0))]


@functools.cache
def _digits(split: str) -> list[list[Image.Image]]:
    """The split's digits by class, each cut to its ink."""
    data = image_sources.embedded("mnist5k")[split]
    by_class: list[list[Image.Image]] = [[] for _ in range(10)]
    for image, label in zip(data.images[..., 0], data.labels, strict=True):
        inked = image > 255 * _INK
        ink = image[_extent(inked.any(1)), _extent(inked.any(0))]
        by_class[label].append(Image.fromarray(ink))
    return by_class


def _extent(line: np.ndarray) -> slice:
    """From the first True to the last."""
    places = np.flatnonzero(line)
    return slice(places[0], places[-1] + 1) if len(places) else slice(0, len(line))


def background(
    split: str, size: int, rng: np.random.Generator
) -> UInt8[np.ndarray, "size size 3"]:
    """A square part of one of the split's photographs, shrunk and dimmed."""
    names = PHOTOGRAPHS[split]
    photo = _photograph(names[rng.integers(len(names))])
    short = min(photo.size)
    side = int(rng.integers(min(size, short), min(3 * size, short) + 1))
    return _part(photo, side, size, rng)


def part_of(
    name: str, size: int, rng: np.random.Generator, least: float = 0.6
) -> UInt8[np.ndarray, "size size 3"]:
    """A square part of the photograph of this name, shrunk and dimmed: `least` of its
    shorter side at least, so that one sees what it is of."""
    photo = _photograph(name)
    side = round(min(photo.size) * rng.uniform(least, 1))
    return _part(photo, side, size, rng)


def _part(
    photo: Image.Image, side: int, size: int, rng: np.random.Generator
) -> UInt8[np.ndarray, "size size 3"]:
    left, top = (int(rng.integers(0, n - side + 1)) for n in photo.size)
    box = (left, top, left + side, top + side)
    cut = photo.resize((size, size), Image.BILINEAR, box=box)
    return np.round(DIM * np.asarray(cut, np.float32)).astype(np.uint8)


@functools.cache
def _photograph(name: str) -> Image.Image:
    return Image.fromarray(pictures.read(photo_path(name)))
