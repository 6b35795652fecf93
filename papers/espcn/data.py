"""Pairs of low- and high-resolution images, and patches of them.

As in the benchmarks, a photograph is cropped to a multiple of the scale, its Y (or RGB)
is computed in floating point, and MATLAB's bicubic interpolation shrinks that.
"""

import dataclasses
import functools
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from common.colour import luma
from common.contract import UserError
from common.data.packaged_photos import photo_path
from common.data.pipeline import pipeline
from common.files import storage
from common.files.pictures import channels_of, decode, picture_paths
from common.pixels import Picture, mirrored_to, to_uint8, with_channels
from common.resize import bicubic, cropped_to_multiple, shrink
from papers.espcn.config import Config, Data

Planes = Float[np.ndarray, "height width channels"]

EMBEDDED = {
    "train": ("coffee", "rocket", "motorcycle_left", "hubble", "retina"),
    "test": ("astronaut", "chelsea"),
}


@dataclasses.dataclass(frozen=True)
class Pair:
    """An image at both resolutions, float32 in about [0, 1]: bicubic overshoots."""

    name: str
    low: Planes
    high: Planes


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`.

    "train" is endless, shuffles patches, and has `get_state` and `set_state`. "valid"
    and "test" are both the test images, padded to one size, with a mask.
    """
    share = {"process_index": process_index, "process_count": process_count}
    if split != "train":
        rows = config.eval.batch_size // process_count
        whole = Whole(config, pairs(config, "test"))
        return pipeline(whole, batch_size=rows, repeat=False, **share)
    return pipeline(
        Patches(config.data, config.model.scale, pairs(config, "train")),
        batch_size=config.data.batch_size // process_count,
        seed=config.seed,
        shuffle=True,
        random_map_fn=_turned if config.data.augment else None,
        **share,
    )


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch: patches, or images padded to `eval.most`."""
    c = config.model
    train = split == "train"
    rows = config.data.batch_size if train else config.eval.batch_size
    side = config.data.patch if train else config.eval.most // c.scale
    shape = partial(jax.ShapeDtypeStruct, dtype=jnp.float32)
    spec = {
        "low": shape((rows, side, side, c.channels)),
        "high": shape((rows, side * c.scale, side * c.scale, c.channels)),
    }
    sizes = jax.ShapeDtypeStruct((rows, 2), jnp.int32)
    return spec if train else {**spec, "sizes": sizes, "mask": shape((rows,))}


def pairs(config: Config, split: str) -> list[Pair]:
    """The images of "train" or "test" at both resolutions.

    A process reads them once and keeps them: 50,000 images of ImageNet fill 40 GB. One
    that is too small is left out, with a warning. UserError: none is left.
    """
    m = config.model
    # Training needs a patch, and a test SSIM's window of 11 pixels inside the border.
    least = config.data.patch * m.scale if split == "train" else 11 + 2 * m.scale
    large_enough = []
    for pair in _pairs(m.scale, m.channels, split, *_place(config.data)):
        if min(pair.high.shape[:2]) >= least:
            large_enough.append(pair)
        else:
            message = f"left out {pair.name!r}: less than {least} pixels a side"
            warnings.warn(message, stacklevel=2)
    if not large_enough:
        raise UserError(f"no {split} image has {least} pixels a side: give larger ones")
    return large_enough


@functools.cache
def _pairs(scale: int, channels: int, split: str, *place) -> list[Pair]:
    images = _pictures(split, *place)
    return [make_pair(image, name, scale, channels) for name, image in images]


def make_pair(image: Picture, name: str, scale: int, channels: int = 1) -> Pair:
    """A photograph at both resolutions, not rounded to whole grey levels. A grey one's
    levels are its Y, unchanged, as in the SRCNN authors' scripts."""
    high = cropped_to_multiple(image, scale) / 255.0
    if channels == 1 and image.shape[-1] == 3:
        high = luma(high)
    elif channels == 3:
        high = with_channels(high, 3)
    return Pair(name, shrink(high, scale).astype(np.float32), high.astype(np.float32))


def pictures(config: Config, split: str) -> Iterator[tuple[str, Picture]]:
    """Names and photographs in RGB. Files that cannot be read are left out."""
    for name, image in _pictures(split, *_place(config.data)):
        yield name, with_channels(image, 3)


def _place(data: Data) -> tuple:
    """What `_pictures` takes after the split."""
    root = data.root
    test_root = data.test_root
    benchmark = [storage.path(root) / name for name in ("T91", "Set5")]
    if root and not test_root and all(folder.is_dir() for folder in benchmark):
        root, test_root = map(str, benchmark)
    return data.source, root, test_root, data.images


def _pictures(
    split: str, source: str, root: str, test_root: str, images: int
) -> Iterator[tuple[str, Picture]]:
    if source == "generated":
        yield from _generated(split)
        return
    if source == "embedded":
        paths = {name: photo_path(name) for name in EMBEDDED[split]}
    else:
        paths = _files(root, test_root, images, split)
    for name, path in paths.items():
        image = decode(path, channels_of([path]))
        if image is not None:
            yield name, image


def _files(root: str, test_root: str, images: int, split: str) -> dict[str, Path]:
    """Paths of a split's images, by their names within the folder."""
    field = "test_root" if split == "test" and test_root else "root"
    folder = test_root if field == "test_root" else root
    paths = picture_paths(folder) if folder else []
    if not paths:
        raise UserError(f"config.data.{field}={folder!r} has no images: give a folder")
    if field == "root" and 0 < images < len(paths):
        paths = [paths[i * len(paths) // images] for i in range(images)]
    if not test_root:
        if len(paths) < 2:
            raise UserError(f"{folder!r} has one image; give config.data.test_root too")
        held_out = {*paths[::10]}
        paths = [path for path in paths if (path in held_out) == (split == "test")]
    base = storage.path(folder)
    return {str(path.relative_to(base)): path for path in paths}


def _generated(split: str) -> Iterator[tuple[str, Picture]]:
    """Pictures with edges, where coarse noise crosses a threshold, and soft colours."""
    rng = np.random.default_rng([*split.encode()])
    for i in range({"train": 6, "test": 3}[split]):
        coarse = bicubic(rng.random((6, 8, 3)), (72, 96))
        fine = bicubic(rng.random((24, 32, 3)), (72, 96))
        mixed = 0.6 * (coarse > 0.5) + 0.4 * fine
        yield f"{split}_{i}", to_uint8(mixed)


class Patches:
    """Items {"low", "high"}: the patches of all images, `data.stride` apart."""

    def __init__(self, data: Data, scale: int, pairs: list[Pair]) -> None:
        self._patch = data.patch
        self._scale = scale
        self._pairs = pairs
        places = [_grid(pair.low, data.patch, data.stride) for pair in pairs]
        self._image = np.repeat(np.arange(len(pairs)), [*map(len, places)])
        self._place = np.concatenate(places)

    def __len__(self) -> int:
        return len(self._image)

    def __getitem__(self, index: int) -> dict[str, Planes]:
        pair = self._pairs[self._image[index]]
        cut = partial(_cut, corner=self._place[index], size=self._patch)
        return {"low": cut(pair.low), "high": cut(pair.high, scale=self._scale)}


def _grid(image: Planes, patch: int, stride: int) -> Int[np.ndarray, "patches 2"]:
    """Upper left corners of the patches."""
    tops, lefts = (np.arange(0, n - patch + 1, stride) for n in image.shape[:2])
    return np.stack(np.meshgrid(tops, lefts, indexing="ij"), -1).reshape(-1, 2)


def _cut(image: Planes, corner: np.ndarray, size: int, scale: int = 1) -> Planes:
    top, left = corner * scale
    return image[top : top + size * scale, left : left + size * scale]


def _turned(item: dict[str, Planes], rng: np.random.Generator) -> dict[str, Planes]:
    """The patch, turned and mirrored by one of the square's eight symmetries."""
    turns = rng.integers(4)
    mirrored = rng.random() < 0.5

    def turn(image: Planes) -> Planes:
        image = np.rot90(image, turns)
        return np.ascontiguousarray(image[:, ::-1] if mirrored else image)

    return {name: turn(image) for name, image in item.items()}


class Whole:
    """Items {"low", "high", "sizes"}: images, or their middle, padded to one size."""

    def __init__(self, config: Config, pairs: list[Pair]) -> None:
        self._side = config.eval.most // config.model.scale
        self._scale = config.model.scale
        self._pairs = pairs

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> dict[str, Any]:
        pair = self._pairs[index]
        size = np.minimum(pair.low.shape[:2], self._side)
        top, left = (np.array(pair.low.shape[:2]) - size) // 2
        height, width = size

        def middle(image: Planes, r: int) -> Planes:
            rows = slice(r * top, r * (top + height))
            columns = slice(r * left, r * (left + width))
            return mirrored_to(image[rows, columns], (r * self._side, r * self._side))

        images = {"low": middle(pair.low, 1), "high": middle(pair.high, self._scale)}
        return {**images, "sizes": size.astype(np.int32)}
