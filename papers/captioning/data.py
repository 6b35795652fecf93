"""Batches: pictures of one size, or features of them, and their captions as tokens.

image    uint8   [batch, height, width, 3]; where an encoder is given, instead of it
feature  float32 [batch, width], what the encoder makes of the picture
tokens   int32   [batch, captions, length], the numbers of their words, 0 after them
index    int32   [batch], the picture's place in `pictures(config, split)`
mask     float32 [batch]: 0 on padding, and where a picture cannot be read
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from common.contract import UserError
from common.data import augment
from common.data.pipeline import Item, pipeline
from common.pixels import Picture
from papers.captioning import sources
from papers.captioning.sources import CaptionedImages
from papers.captioning.tokens import Tokens, tokens, vocabulary_of

# Pictures [n, size, size, 3] in, features [n, width] out. It is the key of a
# cache: equal encoders give equal features.
Encode = Callable[[UInt8[np.ndarray, "n h w 3"]], Float[np.ndarray, "n width"]]

_AT_ONCE = 50  # pictures that are encoded together
_ENDLESS = 2**40  # items of a stream


def batches(
    config,
    split: str,
    *,
    encode: Encode | None = None,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`. "train" is endless, shuffled, and has `get_state` and
    `set_state`; "valid" and "test" end, and have a mask.

    encode: a frozen encoder, by which each picture is read once a process: its middle,
      because a part cut at random would have other features each time.
    """
    train = split == "train"
    data, own = _split(config, split)
    size = config.data.batch_size if train else config.eval.batch_size
    source = _Source(
        data=data,
        tokens=own,
        captions=config.data.captions,
        view=View.of(config.data),
        features=features(config, split, encode) if encode else None,
        seed=config.seed,
    )
    return pipeline(
        _Stream(source) if train else _InOrder(source),
        batch_size=size // process_count,
        repeat=train,
        process_index=process_index,
        process_count=process_count,
        costly=data.decoded_on_access and encode is None,
    )


def batch_spec(
    config, split: str = "train", *, width: int = 0
) -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch. `width` is that of the features; 0: there are pictures."""
    d = config.data
    rows = d.batch_size if split == "train" else config.eval.batch_size
    shapes = {
        "tokens": ((d.captions, d.length), jnp.int32),
        "index": ((), jnp.int32),
        "mask": ((), jnp.float32),
    }
    if width:
        shapes["feature"] = ((width,), jnp.float32)
    else:
        shapes["image"] = ((d.size, d.size, 3), jnp.uint8)
    return {
        name: jax.ShapeDtypeStruct((rows, *shape), dtype)
        for name, (shape, dtype) in shapes.items()
    }


def pictures(config, split: str) -> CaptionedImages:
    """The pictures of a split that batches have: `index` of a batch is a place here."""
    return _split(config, split)[0]


def _split(config, split: str) -> tuple[CaptionedImages, Tokens]:
    d = config.data
    return _tokens(sources.Wanted.of(d), d.length, d.min_count, split)


@functools.lru_cache(maxsize=8)
def _tokens(
    wanted: sources.Wanted, length: int, min_count: int, split: str
) -> tuple[CaptionedImages, Tokens]:
    words = vocabulary_of(wanted, min_count)
    return tokens(sources.load(wanted)[split], words, length, split)


@dataclasses.dataclass(frozen=True)
class View:
    """What the network sees of a picture: it is stretched to a square of `whole`
    pixels, whatever its sides, and a square of `size` is cut out."""

    size: int
    whole: int

    @classmethod
    def of(cls, data) -> "View":
        return cls(data.size, data.resize or data.size)

    def __call__(
        self, picture: Picture | None, rng: np.random.Generator | None = None
    ) -> UInt8[np.ndarray, "size size 3"]:
        """A random part; without `rng` the middle; black where there is no picture."""
        if picture is None:
            return np.zeros((self.size, self.size, 3), np.uint8)
        if picture.shape[:2] != (self.whole, self.whole):
            picture = augment.resize(picture, (self.whole, self.whole))
        room = self.whole - self.size
        top, left = (room // 2,) * 2 if rng is None else rng.integers(0, room + 1, 2)
        return picture[top : top + self.size, left : left + self.size]


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """What an encoder makes of a split's pictures; not of those it cannot read."""

    vectors: Float[np.ndarray, "n width"]
    readable: Bool[np.ndarray, "n"]


def features(config, split: str, encode: Encode) -> Features:
    """The features of a split, computed once a process."""
    return _features(pictures(config, split), View.of(config.data), encode)


@functools.lru_cache(maxsize=8)
def _features(data: CaptionedImages, view: View, encode: Encode) -> Features:
    vectors = []
    readable = []
    for start in range(0, len(data), _AT_ONCE):
        part = range(start, min(start + _AT_ONCE, len(data)))
        given = [data.picture(i) for i in part]
        images = np.zeros((_AT_ONCE, view.size, view.size, 3), np.uint8)
        images[: len(part)] = [view(picture) for picture in given]
        vectors.append(np.asarray(encode(images), np.float32)[: len(part)])
        readable += [picture is not None for picture in given]
    return Features(np.concatenate(vectors), np.array(readable))


@dataclasses.dataclass(frozen=True)
class _Source:
    """What items are made of."""

    data: CaptionedImages
    tokens: Tokens
    captions: int
    view: View
    features: Features | None
    seed: int

    def picture(self, index: int) -> Picture | None:
        """Features stand for the pictures, which are then not read."""
        return self.data.picture(index) if self.features is None else None

    def readable(self, index: int, picture: Picture | None) -> bool:
        if self.features is None:
            return picture is not None
        return bool(self.features.readable[index])

    def item(
        self,
        index: int,
        picture: Picture | None,
        chosen: Int[np.ndarray, "captions length"],
        rng: np.random.Generator | None = None,
    ) -> Item:
        pixels_or_vector = (
            {"image": self.view(picture, rng)}
            if self.features is None
            else {"feature": self.features.vectors[index]}
        )
        return {
            **pixels_or_vector,
            "tokens": chosen,
            "index": np.int32(index),
            "mask": np.float32(self.readable(index, picture)),
        }


@dataclasses.dataclass(frozen=True)
class _Stream:
    """Item i of the endless stream to train on: epochs, each in a new order."""

    source: _Source

    def __len__(self) -> int:
        return _ENDLESS

    def __getitem__(self, place: int) -> Item:
        s = self.source
        epoch, position = divmod(place, len(s.data))
        chosen = int(_order(s.seed, epoch, len(s.data))[position])
        rng = np.random.default_rng((s.seed, 1, place))
        index, picture = self._readable(chosen)
        return s.item(index, picture, s.tokens.drawn(index, s.captions, rng), rng)

    def _readable(self, chosen: int) -> tuple[int, Picture | None]:
        """The picture, or the next one that can be read."""
        s = self.source
        count = len(s.data)
        for i in range(chosen, chosen + count):
            index = i % count
            picture = s.picture(index)
            if s.readable(index, picture):
                return index, picture
        raise UserError("none of the training pictures can be read")


@functools.lru_cache(maxsize=8)
def _order(seed: int, epoch: int, count: int) -> Int[np.ndarray, "count"]:
    return np.random.default_rng((seed, 0, epoch)).permutation(count)


@dataclasses.dataclass(frozen=True)
class _InOrder:
    """Item i is picture i."""

    source: _Source

    def __len__(self) -> int:
        return len(self.source.data)

    def __getitem__(self, index: int) -> Item:
        s = self.source
        chosen = s.tokens.first_ones(index, s.captions)
        return s.item(index, s.picture(index), chosen)
