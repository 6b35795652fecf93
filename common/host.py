"""Arrays of a job of many processes, read on the host."""

from typing import Any

import jax
from jax.experimental import multihost_utils
from jaxtyping import PyTree


def to_host(tree: PyTree) -> PyTree:
    """The tree with numpy arrays in place of JAX's, the same in every process.

    Of an array that is split over processes, each holds a part. The parts are put
    together, and all processes must come here for it: they call this function with the
    same trees, one after another. Every device then holds such an array whole, for a
    moment: gather outputs, and parameters only where they are small.
    """
    return jax.device_get(jax.tree.map(_joined, tree))


def _joined(leaf: Any) -> Any:
    if not isinstance(leaf, jax.Array):
        return leaf
    if leaf.is_fully_addressable or leaf.is_fully_replicated:
        return leaf
    return multihost_utils.process_allgather(leaf, tiled=True)
