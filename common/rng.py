"""Random streams by name and step. No key is carried and split by hand, so a run that
resumes at step n draws exactly what the unbroken run drew there."""

import zlib

import jax
from jaxtyping import Array, Int, Key


def stream(
    key: Key[Array, ""],
    step: Int[Array, ""] | int,
    name: str,
    axis_name: str | None = None,
) -> Key[Array, ""]:
    """The key of stream `name` at `step`: fold_in(fold_in(key, step), crc32(name)).

    Under pmap or shard_map, `axis_name` gives each device its own stream; under jit on
    a global batch there is one stream and `axis_name` is None.
    """
    key = jax.random.fold_in(jax.random.fold_in(key, step), zlib.crc32(name.encode()))
    if axis_name is None:
        return key
    return jax.random.fold_in(key, jax.lax.axis_index(axis_name))
