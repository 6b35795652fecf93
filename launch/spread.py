"""A state that several processes read together, each a part of it.

Orbax reads what a device is to hold: a replicated array once in every process. Where
the state lies once in all devices instead, each process asks the disk or bucket for its
part alone, and the devices' network, which is faster, brings it the others.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import NamedSharding

from launch import placement

Flat = dict[str, Any]  # {path: leaf} of a state


def parts(flat: Flat) -> Flat:
    """The shapes and places to read; in a job of one process, those of `flat`."""
    if jax.process_count() == 1:
        return flat

    def part(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
        sharding = _once(leaf.sharding, leaf.shape)
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

    return {name: part(leaf) for name, leaf in flat.items()}


def gathered(flat: Flat, wanted: Flat) -> Flat:
    """The arrays where `wanted` says, one at a time, in one order in all processes."""

    def whole(leaf: jax.Array, sharding: NamedSharding) -> jax.Array:
        if leaf.sharding == sharding:
            return leaf
        return jax.block_until_ready(_moved_to(sharding)(leaf))

    return {name: whole(flat[name], wanted[name].sharding) for name in sorted(wanted)}


def _once(sharding: NamedSharding, shape: tuple[int, ...]) -> NamedSharding:
    """Where an array lies once in all devices of its mesh, as far as its axes divide;
    the same, where it does already."""
    held = sharding.devices_indices_map(shape).values()
    if len({str(part) for part in held}) == sharding.mesh.size:
        return sharding
    axes = tuple(sharding.mesh.shape.items())
    return NamedSharding(sharding.mesh, placement.split(shape, None, axes))


@functools.cache
def _moved_to(sharding: NamedSharding) -> Callable[[jax.Array], jax.Array]:
    return jax.jit(lambda x: x, out_shardings=sharding)
