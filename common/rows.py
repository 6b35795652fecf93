"""Rows that share nothing: each has its own parameters and its own image.

`jax.vmap` would make one convolution of theirs, grouped by row. A CPU runs that ten
times slower, and XLA does not divide it over devices. So every device runs its own
rows, one after another.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array, Num, PyTree


def each_row(function: Callable, *arguments: Any) -> Any:
    """The value of `jax.vmap(function)(*arguments)`, computed row by row. The first
    axis of all leaves, of arguments and results, is the rows.

    On a mesh (`launch.placement` traces each step on its own) a row is computed on the
    device that holds it. The program contains `function` once for each row of a device:
    it suits a few rows.
    """
    rows = jax.tree.leaves(arguments)[0].shape[0]

    def local(*arguments):
        count = jax.tree.leaves(arguments)[0].shape[0]
        of_a_row = jax.jit(function)  # traced once for all rows
        results = [
            of_a_row(*jax.tree.map(lambda leaf, i=i: leaf[i], arguments))
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


def split_beside(
    params: PyTree, rows: Num[np.ndarray, "*shape"], axis: int = 0
) -> Num[np.ndarray | Array, "*shape"]:
    """`rows` on the devices that hold `params`, split over them along `axis` as far as
    they divide. What is then computed of both has each row on one device; of an array
    of numpy it would have all rows on every device."""
    sharding = jax.tree.leaves(params)[0].sharding
    if len(sharding.device_set) == 1:
        return rows
    names = _dividing(sharding.mesh.shape, rows.shape[axis])
    spec = PartitionSpec(*(None,) * axis, names or None)
    return jax.make_array_from_callback(
        rows.shape, NamedSharding(sharding.mesh, spec), lambda span: rows[span]
    )


def _dividing(axes: dict[str, int], rows: int) -> tuple[str, ...]:
    """The first axes of a mesh, as many as divide the rows."""
    names = ()
    devices = 1
    for name, size in axes.items():
        devices *= size
        if rows % devices:
            break
        names += (name,)
    return names
