"""Batches: pictures of one size and their captions as tokens; or crops with labels.

image    uint8   [batch, height, width, 3]; not where vectors of all pictures are known
tokens   int32   [batch, captions, length], the numbers of their words, 0 after them
index    int32   [batch], the picture's place in `pictures(config, split)`
mask     float32 [batch]: 0 on padding, and where a picture cannot be read

A batch of the run "classifier" has "image", "digit", "colour", "ground" and "mask".
"""

import dataclasses
import functools
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int, UInt8

from common.contract import UserError
from common.data import augment
from common.data.pipeline import Item, Rows, pipeline
from common.pixels import Picture
from papers.captioning import sources
from papers.captioning.sources import CaptionedImages
from papers.captioning.tokens import Tokens, tokens, vocabulary, vocabulary_of
from papers.captioning.vocabulary import Vocabulary

_ENDLESS = 2**40  # items of a stream


CROPS_HELD_OUT = 1000  # crops of "valid", and of "test"


def batches(
    config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`. "train" is endless, shuffled, and has `get_state` and
    `set_state`; "valid" and "test" end, and have a mask."""
    share = {"process_index": process_index, "process_count": process_count}
    if config.task == "classify":
        return _crops(config, split, **share)
    train = split == "train"
    vocabulary_of_network(config)
    data, own = _split(config, split)
    size = config.data.batch_size if train else config.eval.batch_size
    seen = not (train and config.vectors_cached)
    source = _Source(
        data=data,
        tokens=own,
        captions=config.data.captions,
        view=View.of(config.data),
        readable=None if seen else readable(config, split),
        seed=config.seed,
    )
    return pipeline(
        _Stream(source) if train else _InOrder(source),
        batch_size=size // process_count,
        repeat=train,
        costly=data.decoded_on_access and seen,
        **share,
    )


def batch_spec(config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch."""
    d = config.data
    train = split == "train"
    size = d.size
    shapes = {
        "tokens": ((d.captions, d.length), jnp.int32),
        "index": ((), jnp.int32),
    }
    rows = d.batch_size if train else config.eval.batch_size
    if config.task == "classify":
        size = config.classifier.size
        shapes = dict.fromkeys(("digit", "colour", "ground"), ((), jnp.int32))
        rows = config.classifier.batch_size if train else rows
    if not (train and config.vectors_cached):
        shapes["image"] = ((size, size, 3), jnp.uint8)
    shapes["mask"] = ((), jnp.float32)
    return {
        name: jax.ShapeDtypeStruct((rows, *shape), dtype)
        for name, (shape, dtype) in shapes.items()
    }


def _crops(config, split: str, **share: int) -> Iterator[dict[str, np.ndarray]]:
    """Crops of one digit each, with what they show."""
    c = config.classifier
    train = split == "train"
    count = c.crops if train else CROPS_HELD_OUT
    found = sources.crops(split, count, c.size, scene=config.data.size)
    arrays = {
        "image": found.images,
        "digit": found.digit,
        "colour": found.colour,
        "ground": found.ground,
        "mask": np.ones(len(found), np.float32),
    }
    rows = c.batch_size if train else config.eval.batch_size
    return pipeline(
        Rows(arrays),
        batch_size=rows // share["process_count"],
        seed=config.seed,
        shuffle=train,
        repeat=train,
        **share,
    )


def images(
    config, split: str, indices: Sequence[int]
) -> UInt8[np.ndarray, "n size size 3"]:
    """The middles of these pictures; black behind the last one, and where one cannot
    be read."""
    data = pictures(config, split)
    view = View.of(config.data)
    return np.stack([view(data.picture(i) if i < len(data) else None) for i in indices])


def readable(config, split: str) -> Bool[np.ndarray, "pictures"]:
    """Which pictures can be read; each is tried once a process."""
    return _readable(pictures(config, split))


@functools.lru_cache(maxsize=4)
def _readable(data: CaptionedImages) -> Bool[np.ndarray, "pictures"]:
    if not data.decoded_on_access:
        return np.ones(len(data), bool)
    return np.array([data.picture(i) is not None for i in range(len(data))])


def vocabulary_of_network(config) -> Vocabulary:
    """The words of the training captions. UserError: the network has more, or fewer."""
    words = vocabulary(config.data)
    if words.size != config.model.vocab:
        raise UserError(
            f"the captions have {words.size} words, the network {config.model.vocab}: "
            f"set --config.model.vocab={words.size}, or 0 for as many as there are"
        )
    return words


def known(config) -> bool:
    """Whether the captions are inside the packages, or the user has named them."""
    return config.data.source not in ("files", "tfds") or bool(config.data.root)


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


@dataclasses.dataclass(frozen=True)
class _Source:
    """What items are made of.

    readable: which pictures can be read, where items have none; None: they have.
    """

    data: CaptionedImages
    tokens: Tokens
    captions: int
    view: View
    readable: Bool[np.ndarray, "pictures"] | None
    seed: int

    def picture(self, index: int) -> Picture | None:
        return self.data.picture(index) if self.readable is None else None

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
            if s.counts(index, picture):
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
