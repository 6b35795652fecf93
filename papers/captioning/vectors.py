"""The vectors I of all training pictures, of a frozen encoder: computed once a process,
however many runs read them."""

import logging
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, UInt8

from papers.captioning import data, encoder, sources
from papers.captioning.config import Config

CHUNK = 50  # pictures that are encoded at once
_TIMES = 10  # lines of progress, of pictures that have to be decoded
_LOG = logging.getLogger(__name__)

Vectors = Float[Array, "images width"]


def of_training(config: Config, net: Any) -> Vectors:
    """I of all training pictures, before they are scaled. The pictures are read when
    the program runs, not when it is traced.

    net: {"params", "batch_stats"} of the encoder.
    """
    count = data.training_count(config)
    chunks = -(-count // CHUNK)
    d = config.data
    shape = jax.ShapeDtypeStruct((CHUNK, d.size, d.size, 3), jnp.uint8)

    def encoded(chunk) -> Vectors:
        read = partial(_pictures, config, count)
        image = jax.pure_callback(read, shape, chunk, vmap_method="sequential")
        return encoder.encode(config.encoder, config.model.width, net, image)

    first = encoded(jnp.int32(0))
    whole = jax.ShapeDtypeStruct((chunks * CHUNK, *first.shape[1:]), first.dtype)
    flag = jax.ShapeDtypeStruct((), jnp.bool_)
    known = partial(_known, _key(config), whole)
    same, before = jax.pure_callback(known, (flag, whole), first)

    def computed() -> Vectors:
        others = jax.lax.map(encoded, jnp.arange(1, chunks))
        found = jnp.concatenate([first, others.reshape(-1, *first.shape[1:])])
        return jax.pure_callback(partial(_remembered, _key(config)), whole, found)

    return jax.lax.cond(same, lambda: before, computed)[:count]


_BEFORE: dict[Any, np.ndarray] = {}  # the vectors that were computed last


def _key(config: Config) -> Any:
    """What decides which pictures there are, and how they are seen."""
    d = config.data
    return sources.Wanted.of(d), d.length, d.min_count, data.View.of(d)


def _known(
    key: Any, like: jax.ShapeDtypeStruct, first: Array
) -> tuple[Bool[np.ndarray, ""], np.ndarray]:
    """Whether the vectors of these pictures are known, and those. The encoder is the
    same one where it gives the first pictures the same vectors."""
    before = _BEFORE.get(key)
    if before is not None and before.shape == like.shape:
        same = np.array_equal(before[: len(first)], np.asarray(first))
        if same:
            return np.bool_(True), before
    return np.bool_(False), np.zeros(like.shape, like.dtype)


def _remembered(key: Any, found: Array) -> np.ndarray:
    _BEFORE.clear()
    _BEFORE[key] = np.array(found)
    return _BEFORE[key]


def _pictures(
    config: Config, count: int, chunk: Array
) -> UInt8[np.ndarray, "chunk size size 3"]:
    start = int(chunk) * CHUNK
    _say(config, start, count)
    return data.images(config, "train", range(start, start + CHUNK))


def _say(config: Config, start: int, count: int) -> None:
    """A line for every tenth of the pictures, where it takes time to decode them."""
    slow = data.pictures(config, "train").decoded_on_access
    tenth = start * _TIMES // count != (start - CHUNK) * _TIMES // count
    if slow and tenth and jax.process_index() == 0:
        _LOG.info("vectors of %s of %s training pictures", f"{start:,}", f"{count:,}")
