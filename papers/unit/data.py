"""Batches of uint8 images of a and of b, each domain in an order of its own."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from common.contract import UserError
from common.data import augment
from common.data.pipeline import Item, SideBySide, Source, pipeline
from common.pixels import Picture, with_channels
from papers.unit.config import Config
from papers.unit.directions import DOMAINS, by_domain
from papers.unit.domains import domains

Fitted = UInt8[np.ndarray, "rows columns channels"]


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`.

    "train" is endless, shuffles each domain by itself, and has `get_state` and
    `set_state`. "valid" and "test" have every image of both domains once; the smaller
    domain is filled up with zeros, which the mask excludes.
    """
    sources = domains(config, split)
    rows = config.data.batch_size if split == "train" else config.eval.batch_size
    share = {
        "batch_size": rows // process_count,
        "process_index": process_index,
        "process_count": process_count,
    }
    if split == "train":
        parts = {x: _endless(config, x, sources[x], **share) for x in DOMAINS}
        # Process i has rows i, i + process_count, ... of the global batch.
        numbers = np.arange(process_index, rows, process_count, dtype=np.int32)
        return SideBySide(parts, map_fn=lambda parts: {**_named(parts), "row": numbers})
    longest = max(map(len, sources.values()))
    whole = {x: _Whole(config, x, sources[x], longest) for x in DOMAINS}
    parts = {x: pipeline(whole[x], repeat=False, **share) for x in DOMAINS}
    return SideBySide(parts, map_fn=_named)


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch: images "a" and "b"; labels "label_a" and "label_b" of labelled
    sets, in training a's alone; in training "row", the number of a row in the global
    batch, which its noise depends on; else "mask_a" and "mask_b"."""
    train = split == "train"
    rows = config.data.batch_size if train else config.eval.batch_size
    spec = {}
    for domain, channels in by_domain(config.model.channels).items():
        shape = (rows, *config.data.size, channels)
        spec[domain] = jax.ShapeDtypeStruct(shape, jnp.uint8)
        if domain in _labelled_domains(config, split):
            spec[f"label_{domain}"] = jax.ShapeDtypeStruct((rows,), jnp.int32)
        if not train:
            spec[f"mask_{domain}"] = jax.ShapeDtypeStruct((rows,), jnp.float32)
    if train:
        spec["row"] = jax.ShapeDtypeStruct((rows,), jnp.int32)
    return spec


def has_labels(config: Config) -> bool:
    """Whether the sets of both domains have labels."""
    return config.data.source == "labelled"


def _labelled_domains(config: Config, split: str) -> tuple[str, ...]:
    """The domains whose labels are in a batch: training sees no label of b."""
    if not has_labels(config):
        return ()
    return ("a",) if split == "train" else DOMAINS


def has_pairs(config: Config) -> bool:
    """Whether row i of a and row i of b are a true pair, in validation and test."""
    return config.data.source == "embedded"


def fitted(
    config: Config, domain: str, image: Picture, rng: np.random.Generator | None = None
) -> Fitted:
    """A picture of any size, as the networks read it.

    It is a crop of the middle, or with `rng`, in training, of a random place, mirrored
    every other time if `data.flip`. A labelled picture is resized whole first.
    """
    d = config.data
    channels = by_domain(config.model.channels)[domain]
    size = tuple(d.size)
    if has_labels(config):
        image = augment.resize(without_margin(config, domain, image), size)
    elif d.short:
        image = augment.resize_short(image, d.short)
    image = augment.cover(image, size)
    if rng is None:
        image = augment.centre_crop(image, size)
    else:
        image = augment.window(image, rng, size)
        image = augment.mirrored(image, rng.random()) if d.flip else image
    return with_channels(image, channels)


def margin_of(config: Config, domain: str) -> int:
    """The pixels that are cut off each side of a labelled picture; else 0."""
    return by_domain(config.data.margins)[domain] if has_labels(config) else 0


def without_margin(config: Config, domain: str, image: Picture) -> Picture:
    """The inner part of a labelled picture, and any other one as it is. UserError:
    nothing would be left."""
    margin = margin_of(config, domain)
    height, width, _ = image.shape
    if 2 * margin >= min(height, width):
        raise UserError(
            f"config.data.margins: {margin} leaves nothing of {height} x {width}"
        )
    return image[margin : height - margin, margin : width - margin]


def _endless(config: Config, domain: str, source: Source, **share) -> Iterator[Item]:
    seed = config.seed
    if domain == "b":  # two domains of one size would have one order
        seed = int(np.random.SeedSequence([seed, 1]).generate_state(1)[0])

    kept = {"label"} if domain in _labelled_domains(config, "train") else set()

    def augmented(item: Item, rng: np.random.Generator) -> dict[str, Any]:
        image = fitted(config, domain, item["image"], rng)
        return {"image": image, **{name: item[name] for name in kept}}

    return pipeline(
        source,
        seed=seed,
        shuffle=True,
        random_map_fn=augmented,
        costly=config.data.source in ("files", "tfds"),
        **share,
    )


class _Whole:
    """A domain's images for evaluation, with a mask, and zeros up to a length."""

    def __init__(self, config: Config, domain: str, source: Source, length: int):
        self._config = config
        self._domain = domain
        self._source = source
        self._length = length
        self._blank = {x: np.zeros_like(y) for x, y in self._item(0).items()}

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._item(index) if index < len(self._source) else self._blank

    def _item(self, index: int) -> dict[str, Any]:
        item = self._source[index]
        image = fitted(self._config, self._domain, item["image"])
        labels = {"label": item["label"]} if has_labels(self._config) else {}
        return {"image": image, "mask": item.get("mask", np.float32(1)), **labels}


def _named(parts: dict[str, Item]) -> dict[str, np.ndarray]:
    """{"a": ..., "mask_a": ...} from {"a": {"image": ..., "mask": ...}}."""
    return {
        domain if field == "image" else f"{field}_{domain}": value
        for domain, fields in parts.items()
        for field, value in fields.items()
    }
