"""What a state remembers of its past: translations of some images, after some steps."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, UInt8

from papers.unit.config import Config
from papers.unit.directions import DIRECTIONS, by_domain

Samples = dict[str, UInt8[Array, "rows height width channels"]]  # by domain
# By direction, "a2b" and "b2a".
Frames = dict[str, UInt8[Array, "frames rows height width channels"]]


def empty_samples(config: Config) -> Samples:
    """Zeros in the shape of the first images of a batch; no rows without frames."""
    rows = min(config.history.rows, config.data.batch_size)
    rows = rows if config.history.frames else 0
    channels = by_domain(config.model.channels)
    return {
        d: jnp.zeros((rows, *config.data.size, n), jnp.uint8)
        for d, n in channels.items()
    }


def empty_frames(config: Config) -> Frames:
    """Zeros in the shape of the samples' translations, one after each of the steps
    `history.frames`."""
    samples = empty_samples(config)
    count = len(config.history.frames)
    return {
        str(direction): jnp.zeros((count, *samples[direction.target].shape), jnp.uint8)
        for direction in DIRECTIONS
    }


def updated(
    config: Config,
    step: Int[Array, ""],
    samples: Samples,
    frames: Frames,
    batch: dict,
    translate: Callable,
    axis_name: str | None,
) -> tuple[Samples, Frames]:
    """Samples and frames after step number `step`, which counts from 0.

    The samples are the first images of the first batch. Where a frame is due, it is
    `translate(samples, direction)`.
    """
    if not config.history.frames:
        return samples, frames
    first = {
        d: _first_rows(batch[d], batch["row"], len(x), axis_name)
        for d, x in samples.items()
    }
    samples = jax.tree.map(lambda new, x: jnp.where(step == 0, new, x), first, samples)
    due = jnp.array(config.history.frames, jnp.int32) == step + 1

    def with_due(frames: Frames) -> Frames:
        chosen = due[:, None, None, None, None]
        return {
            str(direction): jnp.where(
                chosen,
                translate(samples[direction.source], direction),
                frames[str(direction)],
            )
            for direction in DIRECTIONS
        }

    return samples, jax.lax.cond(jnp.any(due), with_due, lambda x: x, frames)


def _first_rows(
    images: UInt8[Array, "batch height width channels"],
    row: Int[Array, "batch"],
    count: int,
    axis_name: str | None,
) -> UInt8[Array, "count height width channels"]:
    """The images whose numbers in the global batch are below `count`."""
    if axis_name is not None:
        images, row = jax.lax.all_gather((images, row), axis_name, tiled=True)
    return images[jnp.argsort(row)[:count]]
