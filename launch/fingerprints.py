"""A number for each array of a checkpoint, by which a flipped bit in it is noticed."""

from typing import Any

import jax
import jax.numpy as jnp


def of(flat: dict[str, Any]) -> dict[str, int]:
    """A checksum of 32 bits of each leaf: it changes with any bit of it, but for one
    chance in 2^32."""
    # A small program for each shape, since one for all leaves takes seconds to compile.
    # They run one at a time: host devices that wait for each other in several programs
    # can block for ever.
    return {name: int(_weighted_sum(leaf)) for name, leaf in sorted(flat.items())}


def agree(found: dict[str, int], meta: dict) -> bool:
    """Whether the fingerprints of restored arrays are those in its `meta`."""
    if "fingerprints" in meta:
        return found.items() <= meta["fingerprints"].items()
    if found.keys() != meta["arrays"].keys():  # older code kept one number for all
        return True
    total = 0
    for _, number in sorted(found.items()):
        total = (31 * total + number) % 2**32
    return total == meta["fingerprint"]


@jax.jit
def _weighted_sum(leaf: jax.Array) -> jax.Array:
    """The sum of a leaf's words, modulo 2^32, each times an odd weight of its place, so
    that swapped words are noticed too."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    if leaf.dtype == bool:
        leaf = leaf.astype(jnp.uint8)
    word = jnp.dtype(f"uint{8 * min(leaf.dtype.itemsize, 4)}")
    words = jax.lax.bitcast_convert_type(leaf, word).astype(jnp.uint32)
    place = jax.lax.iota(jnp.uint32, words.size).reshape(words.shape)
    return jnp.sum(words * (2 * place + 1))
