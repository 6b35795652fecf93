"""Images as the networks read them: for all members, or for each its own."""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from common.contract import UserError
from common.data import augment, image_sources
from common.data.image_set import ImageSet, balanced_order
from common.data.pipeline import pipeline
from common.data.shuffled import ShuffledBatches
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
        logits = teacher.read(config.distill.file, len(data), config.data.classes)
    jitter = config.net.jitter
    stream = ShuffledBatches(
        Replicas(data, chosen(config), logits),
        batch_size=config.data.batch_size,
        seed=config.seed,
        map_fn=partial(_jittered, jitter) if jitter else None,
        draws=2 * replicas(config),
        **share,
    )
    return pipeline(stream)


def _jittered(
    jitter: int, batch: dict[str, np.ndarray], draws: Float[np.ndarray, "rows draws"]
) -> dict[str, np.ndarray]:
    images = batch["image"]
    draws = draws.reshape(*images.shape[:2], 2)
    return {**batch, "image": augment.moved(images, draws, jitter)}


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch; "index" counts within the whole training split. UserError: the
    set has not the classes that the run leaves out or keeps."""
    _check_classes(config)
    train = split == "train"
    rows = config.data.batch_size if train else config.eval.batch_size
    lead = (rows, replicas(config) if train else 1)
    spec = {
        "image": jax.ShapeDtypeStruct((*lead, *shape(config)), jnp.uint8),
        "label": jax.ShapeDtypeStruct(lead, jnp.int32),
    }
    if train and config.taught and config.distill.file:
        logits = (*lead, config.data.classes)
        return {**spec, "teacher": jax.ShapeDtypeStruct(logits, jnp.float32)}
    spec["index"] = jax.ShapeDtypeStruct(lead, jnp.int32)
    return (
        spec if train else {**spec, "mask": jax.ShapeDtypeStruct((rows,), jnp.float32)}
    )


def _check_classes(config: Config) -> None:
    named = (*config.data.without, *config.data.only)
    n = len(load(config.data, "train").class_names) if named else 0
    if strange := [c for c in named if not 0 <= c < n]:
        raise UserError(
            f"rows leave out or keep class {strange[0]}, and the set has {n}: choose "
            "others by --config.experiment.without= and .only=, or other --config.runs="
        )


def shape(config: Config) -> tuple[int, ...]:
    """Height, width and channels of an image."""
    return config.data.image or load(config.data, "train").images.shape[1:]


def count_classes(data: Data) -> int:
    """`data.classes`, or those of the set. `runs` asks once; no step reads files."""
    return data.classes or len(load(data, "train").class_names)


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
    loaded = image_sources.arrays(
        data.source, split, data.name, data.root, tuple(data.image)
    )
    if data.classes and len(loaded.class_names) > data.classes:
        raise UserError(
            f"the set has {len(loaded.class_names)} classes, not {data.classes}: set "
            f"--config.data.classes={len(loaded.class_names)}"
        )
    return loaded
