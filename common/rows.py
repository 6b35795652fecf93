"""Rows that have nothing to do with each other: each its own parameters, its own image.

`jax.vmap` would make one convolution of them, grouped by row, which a CPU runs ten
times slower and which XLA does not divide over devices. So every device runs its own
rows, one after another.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec


def each_row(function: Callable, *arguments: Any) -> Any:
    """As `jax.vmap(function)(*arguments)`: of every row of the arguments' leaves, whose
    first axis is the rows', and the results stacked.

    On a mesh (`launch.placement` traces steps on theirs) the rows stay on the devices
    that have them. The program is as long as a device has rows: a few, then.
    """
    rows = jax.tree.leaves(arguments)[0].shape[0]

    def local(*arguments):
        count = jax.tree.leaves(arguments)[0].shape[0]
        results = [
            function(*jax.tree.map(lambda leaf, i=i: leaf[i], arguments))
            for i in range(count)
        ]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *results)

    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return local(*arguments)
    spec = PartitionSpec(_dividing(mesh.shape, rows) or None)
    return jax.shard_map(local, in_specs=spec, out_specs=spec, check_vma=False)(
        *arguments
    )


def _dividing(axes: dict[str, int], rows: int) -> tuple[str, ...]:
    """The first axes of a mesh, as many as divide the rows."""
    names, devices = (), 1
    for name, size in axes.items():
        devices *= size
        if rows % devices:
            break
        names += (name,)
    return names
