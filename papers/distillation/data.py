"""Images as the networks read them: for all members, or for each its own."""

import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from common.contract import UserError
from common.data import images
from common.data.augment import moved, resize
from common.data.image_set import ImageSet, balanced_order, with_channels
from common.data.pipeline import pipeline
from papers.distillation import teacher
from papers.distillation.config import Config, Data


class Replicas:
    """Item i: what each replica has as its i-th.

    indices: of the split's items, in each replica's order.
    logits: the teacher's for the split's items, where they come from a file.
    An array of numbers i gives rows of items.
    """

    def __init__(
        self, data: ImageSet, indices: Int[np.ndarray, "replicas n"], logits=None
    ):
        self._data, self._indices, self._logits = data, indices, logits

    def __len__(self) -> int:
        return self._indices.shape[1]

    def __getitem__(self, i: int | np.ndarray) -> dict[str, np.ndarray]:
        rows = self._indices[:, i].T
        item = {"image": self._data.images[rows], "label": self._data.labels[rows]}
        if self._logits is not None:
            return {**item, "teacher": self._logits[rows]}
        return {**item, "index": rows}


class Stream:
    """Item s: the rows of step s, of an endless stream of shuffled epochs.

    As `pipeline` makes it of single items, but by a few numpy calls a batch: for 128
    items Grain takes longer than a small net for its step.
    """

    def __init__(
        self,
        items: Replicas,
        *,
        batch_size: int,
        seed: int,
        jitter: int,
        process_index: int = 0,
        process_count: int = 1,
    ):
        self._items, self._batch_size = items, batch_size
        self._seed, self._jitter = seed, jitter
        self._rows = np.arange(process_index, batch_size, process_count)
        self._order = functools.lru_cache(maxsize=8)(self._permutation)

    def __len__(self) -> int:
        return 2**31  # for ever

    def __getitem__(self, step: int) -> dict[str, np.ndarray]:
        positions = step * self._batch_size + self._rows
        batch = self._items[self._chosen(*np.divmod(positions, len(self._items)))]
        if self._jitter:
            rng = np.random.default_rng((self._seed, 1, step))
            shape = self._batch_size, *batch["image"].shape[1:2], 2
            moves = rng.integers(0, 2 * self._jitter + 1, shape)[self._rows]
            batch["image"] = moved(batch["image"], moves, self._jitter)
        return batch

    def _chosen(self, epochs: np.ndarray, places: np.ndarray) -> np.ndarray:
        chosen = np.empty_like(places)
        for epoch in range(epochs[0], epochs[-1] + 1):
            now = epochs == epoch
            chosen[now] = self._order(epoch)[places[now]]
        return chosen

    def _permutation(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng((self._seed, 0, epoch))
        return rng.permutation(len(self._items))


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`. "train" goes on for ever and has `get_state` and
    `set_state`; "valid" and "test" hold every image once, with a mask."""
    data = load(config.data, split)
    share = {"process_index": process_index, "process_count": process_count}
    if split != "train":
        items = Replicas(data, np.arange(len(data), dtype=np.int32)[None])
        rows = config.eval.batch_size // process_count
        return pipeline(items, batch_size=rows, repeat=False, **share)
    logits = None
    if config.taught and config.distill.file:
        logits = teacher.read(config.distill.file, len(data), classes(config))
    stream = Stream(
        Replicas(data, chosen(config), logits),
        batch_size=config.data.batch_size,
        seed=config.seed,
        jitter=config.net.jitter,
        **share,
    )
    return pipeline(stream)


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch; "index" counts within the whole training split."""
    train = split == "train"
    rows = config.data.batch_size if train else config.eval.batch_size
    lead = (rows, replicas(config) if train else 1)
    spec = {
        "image": jax.ShapeDtypeStruct((*lead, *shape(config)), jnp.uint8),
        "label": jax.ShapeDtypeStruct(lead, jnp.int32),
    }
    if train and config.taught and config.distill.file:
        logits = (*lead, classes(config))
        return {**spec, "teacher": jax.ShapeDtypeStruct(logits, jnp.float32)}
    spec["index"] = jax.ShapeDtypeStruct(lead, jnp.int32)
    return (
        spec if train else {**spec, "mask": jax.ShapeDtypeStruct((rows,), jnp.float32)}
    )


def shape(config: Config) -> tuple[int, ...]:
    """Height, width and channels of an image."""
    return config.data.image or load(config.data, "train").images.shape[1:]


def classes(config: Config) -> int:
    return config.data.classes or len(load(config.data, "train").class_names)


def chosen(config: Config) -> Int[np.ndarray, "replicas n"]:
    """Which items of the training split this run reads: a row for all members, or one
    a seed."""
    d = config.data
    labels = load(d, "train").labels
    n = max(round(d.share * len(labels)), 1)
    rows = []
    for seed in range(replicas(config)):
        kept = balanced_order(labels, config.seed + seed)[:n]
        kept = kept[~np.isin(labels[kept], d.without)]
        rows.append(kept[np.isin(labels[kept], d.only)] if d.only else kept)
    n = min(map(len, rows))  # a class left out may be rarer in one share than in others
    if not n:
        raise UserError(
            "no image is left to train on: a larger share, or other classes"
        )
    return np.stack([row[:n] for row in rows]).astype(np.int32)


def replicas(config: Config) -> int:
    """How many different batches the members train on, side by side."""
    return config.seeds if config.data.own_share else 1


def load(data: Data, split: str) -> ImageSet:
    """A split as arrays, of the size that the config says."""
    loaded = _load(data.source, data.name, data.root, tuple(data.image), split)
    if data.classes and len(loaded.class_names) > data.classes:
        raise UserError(
            f"the set has {len(loaded.class_names)} classes, not {data.classes}: set "
            f"--config.data.classes={len(loaded.class_names)}"
        )
    return loaded


@functools.cache
def _load(
    source: str, name: str, root: str, shape: tuple[int, ...], split: str
) -> ImageSet:
    data = images.load(source, split, name, root)
    if not shape or (
        isinstance(data.images, np.ndarray) and data.images.shape[1:] == shape
    ):
        return data.in_memory()
    return ImageSet(
        _Resized(data.images, shape), data.labels, data.class_names
    ).in_memory()


class _Resized:
    """Pictures of one size."""

    def __init__(self, pictures, shape: tuple[int, ...]):
        self._pictures, self._shape = pictures, shape

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int):
        picture = self._pictures[index]
        return None if picture is None else fitted(picture, self._shape)


def fitted(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A picture resized to height, width and channels."""
    return with_channels(resize(picture, shape[:2]), shape[2])
