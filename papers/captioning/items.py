"""Items of batches: a picture as the network sees it, and captions of its own."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Bool, Int, UInt8

from common.contract import UserError
from common.data import augment
from common.data.image_set import Pictures
from common.data.pipeline import Item
from common.pixels import Picture
from papers.captioning.config import Data
from papers.captioning.restyled import restyled
from papers.captioning.tokens import Tokens

_ENDLESS = 2**40  # items of a stream


@dataclasses.dataclass(frozen=True)
class View:
    """What the network sees of a picture: it is stretched to a square of `whole`
    pixels, whatever its sides, restyled, and a square of `size` is cut out."""

    size: int
    whole: int
    restyle: float = 0.0

    @classmethod
    def of(cls, data: Data) -> "View":
        return cls(data.size, data.resize or data.size, data.restyle)

    def __call__(
        self, picture: Picture | None, rng: np.random.Generator | None = None
    ) -> UInt8[np.ndarray, "size size 3"]:
        """A random part of a random style; without `rng` the middle as it is; black
        where there is no picture."""
        if picture is None:
            return np.zeros((self.size, self.size, 3), np.uint8)
        if picture.shape[:2] != (self.whole, self.whole):
            picture = augment.resize(picture, (self.whole, self.whole))
        if rng is not None and self.restyle:
            picture = restyled(picture, rng, self.restyle)
        room = self.whole - self.size
        top, left = (room // 2,) * 2 if rng is None else rng.integers(0, room + 1, 2)
        return picture[top : top + self.size, left : left + self.size]


@dataclasses.dataclass(frozen=True)
class Source:
    """What items are made of. Worker processes have a copy, so the texts stay behind.

    readable: which pictures can be read, where items have none; None: they have.
    """

    pictures: np.ndarray | Pictures
    tokens: Tokens
    captions: int
    view: View
    readable: Bool[np.ndarray, "pictures"] | None
    seed: int

    def picture(self, index: int) -> Picture | None:
        return self.pictures[index] if self.readable is None else None

    def counts(self, index: int, picture: Picture | None) -> bool:
        if self.readable is None:
            return picture is not None
        return bool(self.readable[index])

    def item(
        self,
        index: int,
        picture: Picture | None,
        chosen: Int[np.ndarray, "captions length"],
        rng: np.random.Generator | None = None,
    ) -> Item:
        pixels = {"image": self.view(picture, rng)} if self.readable is None else {}
        return {
            **pixels,
            "tokens": chosen,
            "index": np.int32(index),
            "mask": np.float32(self.counts(index, picture)),
        }


@dataclasses.dataclass(frozen=True)
class Stream:
    """Item i of the endless stream to train on: epochs, each in a new order."""

    source: Source

    def __len__(self) -> int:
        return _ENDLESS

    def __getitem__(self, place: int) -> Item:
        s = self.source
        epoch, position = divmod(place, len(s.pictures))
        chosen = int(_order(s.seed, epoch, len(s.pictures))[position])
        rng = np.random.default_rng((s.seed, 1, place))
        index, picture = self._readable(chosen)
        return s.item(index, picture, s.tokens.drawn(index, s.captions, rng), rng)

    def _readable(self, chosen: int) -> tuple[int, Picture | None]:
        """The picture, or the next one that can be read."""
        s = self.source
        count = len(s.pictures)
        for i in range(chosen, chosen + count):
            index = i % count
            picture = s.picture(index)
            if s.counts(index, picture):
                return index, picture
        raise UserError("none of the training pictures can be read")


@functools.lru_cache(maxsize=8)
def _order(seed: int, epoch: int, count: int) -> Int[np.ndarray, "count"]:
    return np.random.default_rng((seed, 0, epoch)).permutation(count)


@dataclasses.dataclass(frozen=True)
class InOrder:
    """Item i is picture i."""

    source: Source

    def __len__(self) -> int:
        return len(self.source.pictures)

    def __getitem__(self, index: int) -> Item:
        s = self.source
        chosen = s.tokens.first_ones(index, s.captions)
        return s.item(index, s.picture(index), chosen)
