"""What a state remembers of its past: translations of some images, at some steps."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, UInt8

from papers.unit.config import Config

WAYS = {"a": "a2b", "b": "b2a"}
Samples = dict[str, UInt8[Array, "rows height width channels"]]
Frames = dict[str, UInt8[Array, "frames rows height width channels"]]


def first_samples(config: Config) -> Samples:
    """Room for the first images of the first batch; none if no frame is wanted."""
    rows = min(config.history.rows, config.data.batch_size) if _wanted(config) else 0
    shapes = zip("ab", config.model.channels, strict=True)
    return {d: jnp.zeros((rows, *config.data.size, n), jnp.uint8) for d, n in shapes}


def first_frames(config: Config) -> Frames:
    """Room for their translations after each of the steps `history.frames`."""
    samples, count = first_samples(config), len(config.history.frames)
    other = {"a": samples["b"], "b": samples["a"]}
    return {WAYS[d]: jnp.zeros((count, *x.shape), jnp.uint8) for d, x in other.items()}


def recorded(
    config: Config,
    step: Int[Array, ""],
    samples: Samples,
    frames: Frames,
    batch: dict,
    translate: Callable,
    axis_name: str | None,
) -> tuple[Samples, Frames]:
    """Both, after step `step`: the samples are taken from the first batch, and frames
    are made with `translate(images, direction)` where one is due."""
    if not _wanted(config):
        return samples, frames
    first = {
        d: _first(batch[d], batch["row"], len(x), axis_name) for d, x in samples.items()
    }
    samples = jax.tree.map(lambda new, x: jnp.where(step == 0, new, x), first, samples)
    due = jnp.array(config.history.frames, jnp.int32) == step + 1

    def with_new(frames: Frames) -> Frames:
        mine = due[:, None, None, None, None]
        return {
            way: jnp.where(mine, translate(samples[d], way), frames[way])
            for d, way in WAYS.items()
        }

    return samples, jax.lax.cond(jnp.any(due), with_new, lambda x: x, frames)


def _first(images: Array, row: Array, count: int, axis_name: str | None) -> Array:
    """The images of the global batch's first rows, by their numbers."""
    if axis_name is not None:
        images, row = jax.lax.all_gather((images, row), axis_name, tiled=True)
    return images[jnp.argsort(row)[:count]]


def _wanted(config: Config) -> bool:
    return bool(config.history.frames)
