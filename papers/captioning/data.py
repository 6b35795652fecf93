"""Batches: pictures of one size and their captions as tokens; or crops with labels.

image    uint8   [batch, height, width, 3]; not where vectors of all pictures are known
tokens   int32   [batch, captions, length], the numbers of their words, 0 after them
index    int32   [batch], the picture's place in `pictures(config, split)`
mask     float32 [batch]: 0 on padding, and where a picture cannot be read

A batch of the run "classifier" has "image", "digit", "colour", "ground" and "mask".
"""

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, UInt8

from common.contract import UserError
from common.data.pipeline import THREADS, Rows, pipeline
from papers.captioning import sources
from papers.captioning.config import Config
from papers.captioning.items import InOrder, Source, Stream, View
from papers.captioning.sources import CaptionedImages
from papers.captioning.tokens import Tokens, tokens, vocabulary, vocabulary_of
from papers.captioning.vocabulary import Vocabulary

CROPS_HELD_OUT = 1000  # crops of "valid", and of "test"


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`. "train" is endless, shuffled, and has `get_state` and
    `set_state`; "valid" and "test" end, and have a mask."""
    share = {"process_index": process_index, "process_count": process_count}
    if config.task == "classify":
        return _crops(config, split, **share)
    train = split == "train"
    vocabulary_of_network(config)
    data, own = _split(config, split)
    if train:
        _say_repeats(own, config.data.captions)
    size = config.data.batch_size if train else config.eval.batch_size
    seen = not (train and config.vectors_cached)
    source = Source(
        pictures=data.pictures,
        tokens=own,
        captions=config.data.captions,
        view=View.of(config.data),
        readable=None if seen else readable(config, split),
        seed=config.seed,
    )
    return pipeline(
        Stream(source) if train else InOrder(source),
        batch_size=size // process_count,
        repeat=train,
        costly=data.decoded_on_access and seen,
        **share,
    )


def _say_repeats(own: Tokens, captions: int) -> None:
    most = int(np.diff(own.first).max())
    if most < captions:
        warnings.warn(
            f"no picture has more than {most} captions, which are repeated to fill "
            f"{captions}: --config.data.captions={most} saves time",
            stacklevel=3,
        )


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
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


def _crops(config: Config, split: str, **share: int) -> Iterator[dict[str, np.ndarray]]:
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
    config: Config, split: str, indices: Sequence[int]
) -> UInt8[np.ndarray, "n size size 3"]:
    """The middles of these pictures; black behind the last one, and where one cannot
    be read."""
    data = pictures(config, split)
    view = View.of(config.data)

    def image(index: int) -> UInt8[np.ndarray, "size size 3"]:
        return view(data.picture(index) if index < len(data) else None)

    return np.stack(_mapped(data, image, indices))


def readable(config: Config, split: str) -> Bool[np.ndarray, "pictures"]:
    """Which pictures can be read; each is tried once a process."""
    return _readable(pictures(config, split))


@functools.lru_cache(maxsize=4)
def _readable(data: CaptionedImages) -> Bool[np.ndarray, "pictures"]:
    if not data.decoded_on_access:
        return np.ones(len(data), bool)
    return np.array(
        _mapped(data, lambda i: data.picture(i) is not None, range(len(data)))
    )


def _mapped(data: CaptionedImages, function: Callable, indices: Sequence[int]) -> list:
    """[function(i), ...], on all cores where pictures have to be decoded."""
    if not data.decoded_on_access:
        return [*map(function, indices)]
    with futures.ThreadPoolExecutor(THREADS) as threads:
        return [*threads.map(function, indices)]


def vocabulary_of_network(config: Config) -> Vocabulary:
    """The words of the training captions. UserError: the network has more, or fewer."""
    words = vocabulary(config.data)
    if words.size != config.model.vocab:
        raise UserError(
            f"the captions have {words.size} words, the network {config.model.vocab}: "
            f"set --config.model.vocab={words.size}, or 0 for as many as there are"
        )
    return words


def known(config: Config) -> bool:
    """Whether the captions are inside the packages, or the user has named them."""
    return config.data.source not in ("files", "tfds") or bool(config.data.root)


def training_count(config: Config) -> int:
    """How many training pictures there are. Scenes need not be made for it: where all
    words are known, none is left out. 1 where no set is named: shapes can be asked for
    without one."""
    d = config.data
    if not known(config):
        return 1
    composed = d.source in ("scenes", "generated") or (
        d.source == "auto" and not d.root
    )
    if composed and d.min_count == 1:
        return d.scenes
    return len(pictures(config, "train"))


def pictures(config: Config, split: str) -> CaptionedImages:
    """The pictures of a split that batches have: `index` of a batch is a place here."""
    return _split(config, split)[0]


def _split(config: Config, split: str) -> tuple[CaptionedImages, Tokens]:
    d = config.data
    return _tokens(sources.Wanted.of(d), d.length, d.min_count, split)


@functools.lru_cache(maxsize=8)
def _tokens(
    wanted: sources.Wanted, length: int, min_count: int, split: str
) -> tuple[CaptionedImages, Tokens]:
    words = vocabulary_of(wanted, min_count)
    return tokens(sources.load(wanted)[split], words, length, split)
