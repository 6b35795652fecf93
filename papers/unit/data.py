"""Two domains side by side: uint8 images of a and of b, in orders of their own."""

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
from papers.unit.domains import DOMAINS, domains

Fitted = UInt8[np.ndarray, "rows columns channels"]


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`. "train" is shuffled, each domain by itself, goes on for
    ever and has `get_state` and `set_state`; "valid" and "test" hold every image of
    both domains once, and zeros, masked, after the end of the smaller one."""
    sources = domains(config, split)
    rows = config.data.batch_size if split == "train" else config.eval.batch_size
    share = {
        "batch_size": rows // process_count,
        "process_index": process_index,
        "process_count": process_count,
    }
    if split == "train":
        parts = {x: _endless(config, x, sources[x], **share) for x in DOMAINS}
        # Rows are dealt out to the processes one by one.
        numbers = np.arange(process_index, rows, process_count, dtype=np.int32)
        return SideBySide(parts, map_fn=lambda parts: {**_named(parts), "row": numbers})
    longest = max(map(len, sources.values()))
    whole = {x: _Whole(config, x, sources[x], longest) for x in DOMAINS}
    parts = {x: pipeline(whole[x], repeat=False, **share) for x in DOMAINS}
    return SideBySide(parts, map_fn=_named)


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch: "a" and "b"; labels in the digit experiment (in training a's);
    in training each row's number, which its noise follows; else masks."""
    train = split == "train"
    rows = config.data.batch_size if train else config.eval.batch_size
    spec = {}
    for domain, channels in zip(DOMAINS, config.model.channels, strict=True):
        shape = (rows, *config.data.size, channels)
        spec[domain] = jax.ShapeDtypeStruct(shape, jnp.uint8)
        if has_labels(config) and not (train and domain == "b"):
            spec[f"label_{domain}"] = jax.ShapeDtypeStruct((rows,), jnp.int32)
        if not train:
            spec[f"mask_{domain}"] = jax.ShapeDtypeStruct((rows,), jnp.float32)
    if train:
        spec["row"] = jax.ShapeDtypeStruct((rows,), jnp.int32)
    return spec


def has_labels(config: Config) -> bool:
    """Whether batches have labels."""
    return config.data.source == "labelled"


def has_pairs(config: Config) -> bool:
    """Whether row i of a and of b show the same, in validation and test."""
    return config.data.source == "embedded"


def fitted(
    config: Config, domain: str, image: Picture, rng: np.random.Generator | None = None
) -> Fitted:
    """A picture of any size as the networks read it: the middle, or with `rng`, in
    training, some part, perhaps mirrored. Labelled ones are resized whole."""
    d, channels = config.data, config.model.channels[DOMAINS.index(domain)]
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


def without_margin(config: Config, domain: str, image: Picture) -> Picture:
    """A labelled picture's inner part; UserError if nothing would be left."""
    margin = config.data.margins[DOMAINS.index(domain)]
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

    def part(item: Item, rng: np.random.Generator) -> dict[str, Any]:
        image = fitted(config, domain, item["image"], rng)
        if has_labels(config) and domain == "a":
            return {"image": image, "label": item["label"]}
        return {"image": image}

    return pipeline(source, seed=seed, shuffle=True, random_map_fn=part, **share)


class _Whole:
    """A domain's evaluation items, with a mask, and blank ones up to a length."""

    def __init__(self, config: Config, domain: str, source: Source, length: int):
        self._config, self._domain = config, domain
        self._source, self._length = source, length
        self._blank = {x: np.zeros_like(y) for x, y in self._item(0).items()}

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._item(index) if index < len(self._source) else self._blank

    def _item(self, index: int) -> dict[str, Any]:
        item = self._source[index]
        image = fitted(self._config, self._domain, item["image"])
        made = {"image": image, "mask": np.float32(1)}
        return {**made, "label": item["label"]} if has_labels(self._config) else made


def _named(parts: dict[str, Item]) -> dict[str, np.ndarray]:
    """{"a": ..., "mask_a": ...} from {"a": {"image": ..., "mask": ...}}."""
    return {
        domain if field == "image" else f"{field}_{domain}": value
        for domain, fields in parts.items()
        for field, value in fields.items()
    }
