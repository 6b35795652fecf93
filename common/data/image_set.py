"""A set of images with classes: random access, subsets, and balanced splits."""

import dataclasses
import itertools
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from jaxtyping import Int

from common.contract import UserError
from common.data.augment import resize
from common.pixels import Picture, with_channels


class Pictures(Protocol):
    """Images by index; None where one cannot be read."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Picture | None: ...


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """Items {"image": uint8 [height, width, channels], "label": int32}.

    Attributes:
      images: uint8 [n, height, width, channels], or `Pictures` decoded on access.
      labels: int32 [n]; of a TFDS set, read on access.
      class_names: by label.
      masked: whether items have a "mask", which is 0 where the image cannot be read.
        Otherwise the next image that can be is counted in its place.
    """

    images: np.ndarray | Pictures
    labels: Int[np.ndarray, "n"] | Sequence[int]
    class_names: tuple[str, ...]
    masked: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int | Int[np.ndarray, "m"]) -> dict[str, Any]:
        """Item `index`, or the next one that can be read. If the images are in memory,
        an array of indices gives a batch."""
        if isinstance(index, np.ndarray):
            return {"image": self.images[index], "label": self.labels[index]}
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index = int(index) % len(self)
        for i in itertools.chain(range(index, len(self)), range(index)):
            image = self.images[i]
            if image is not None:
                break
        else:
            raise UserError("none of the images can be read")
        item = {"image": image, "label": np.int32(self.labels[i])}
        if self.masked:
            return {**item, "mask": np.float32(i == index)}
        if i != index:
            warnings.warn("the next image stands in for a skipped one", stacklevel=2)
        return item

    @property
    def decoded_on_access(self) -> bool:
        """Whether reading an item costs milliseconds: its images are not in memory."""
        return not isinstance(self.images, np.ndarray)

    def with_mask(self) -> "ImageSet":
        """The set as it is measured: see `masked`."""
        return dataclasses.replace(self, masked=True)

    def take(self, indices: Int[np.ndarray, "m"]) -> "ImageSet":
        """The set of these items, in this order."""
        images, labels = (_chosen(x, indices) for x in (self.images, self.labels))
        return dataclasses.replace(self, images=images, labels=labels)

    def with_channels(self, channels: int) -> "ImageSet":
        """The set in grey, if `channels` is 1, or in RGB, if it is 3."""
        if self.decoded_on_access:
            images = _Changed(self.images, partial(with_channels, channels=channels))
        else:
            images = with_channels(self.images, channels)
        return dataclasses.replace(self, images=images)

    def resized(self, shape: tuple[int, int, int]) -> "ImageSet":
        """The set with pictures of this height, width and number of channels."""
        data = self.with_channels(shape[2])
        if not data.decoded_on_access and data.images.shape[1:] == shape:
            return data
        images = _Changed(data.images, partial(resize, size=shape[:2]))
        return dataclasses.replace(self, images=images)

    def in_memory(self) -> "ImageSet":
        """The set as arrays, without images that cannot be read. UserError: their sizes
        differ."""
        if not self.decoded_on_access:
            return self
        images = [self.images[i] for i in range(len(self))]
        labels = [label for label, x in zip(self.labels, images, strict=True)
                  if x is not None]  # fmt: skip
        images = [image for image in images if image is not None]
        shapes = sorted({image.shape for image in images})
        if len(shapes) > 1:
            sizes = ", ".join("x".join(map(str, shape)) for shape in shapes[:4])
            raise UserError(
                f"images of one size are needed here, and these are {sizes}"
                f"{' ...' if len(shapes) > 4 else ''}: resize them first"
            )
        if not images:
            raise UserError("none of the images can be read")
        return ImageSet(
            np.stack(images), np.asarray(labels, np.int32), self.class_names
        )


@dataclasses.dataclass(frozen=True)
class _Changed:
    """Pictures that a function changes on access."""

    images: Pictures
    change: Callable[[Picture], Picture]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Picture | None:
        image = self.images[index]
        return None if image is None else self.change(image)


@dataclasses.dataclass(frozen=True)
class _Chosen:
    """Some of a sequence's items, looked up on access."""

    items: Any
    indices: Int[np.ndarray, "m"]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.items[int(self.indices[index])]


def _chosen(items: Any, indices: Int[np.ndarray, "m"]) -> Any:
    return items[indices] if isinstance(items, np.ndarray) else _Chosen(items, indices)


def balanced_order(
    labels: Int[np.ndarray, "n"] | Sequence[int], seed: int = 0
) -> Int[np.ndarray, "n"]:
    """A seeded permutation of the items. Each of its prefixes holds the classes in the
    same shares as the whole, up to rounding. If the labels are not in memory, it is a
    plain permutation."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    if not isinstance(labels, np.ndarray):
        return shuffled
    mixed = labels[shuffled]
    by_class = np.argsort(mixed, kind="stable")
    counts = np.bincount(mixed)
    first = np.cumsum(counts) - counts
    rank = np.empty(len(labels))
    rank[by_class] = np.arange(len(labels)) - first[mixed[by_class]]
    return shuffled[np.argsort((rank + 0.5) / counts[mixed], kind="stable")]


def cut(data: ImageSet, *sizes: int, seed: int = 0) -> list[ImageSet]:
    """Disjoint sets of `sizes` items, and then the set of all other items. Each has
    balanced classes and the order of `data`. UserError: no other item is left."""
    if sum(sizes) >= len(data):
        held_out = " and ".join(map(str, sizes))
        raise UserError(f"{len(data)} images are too few to hold out {held_out}")
    order = balanced_order(data.labels, seed)
    parts = np.split(order, np.cumsum(sizes))
    return [data.take(np.sort(part)) for part in parts]
