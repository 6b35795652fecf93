"""Devices: the mesh, where each array lives, and the step compiled for both.

The mesh has one axis, "data". Batches and the state's per-row fields are split over it;
everything else is replicated, or with fsdp split over it too. Under `jit` the step sees
global arrays; under `pmap` each device sees its part, and the step's `axis_name` is
"data". Both give the same numbers.
"""

import contextlib
import ctypes
import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from common.contract import UserError

AXIS = "data"
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # of glibc's malloc.h
MOST_CPU_DEVICES = 8  # more host devices than this spend their time in all-reduces
SMALLEST_SPLIT = 4096  # fsdp leaves arrays of fewer elements whole


def use_cpu_devices(count: int | None) -> None:
    """Makes the CPU host look like `count` devices; None: one a core. A count in
    XLA_FLAGS wins, and so does a JAX that already runs (a notebook's)."""
    if "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", ""):
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    count = count or min(cores or os.cpu_count() or 1, MOST_CPU_DEVICES)
    with contextlib.suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", count)


def keep_freed_memory() -> None:
    """Tells glibc to keep what a step frees for the next step.

    XLA's CPU client allocates a step's temporaries anew each time. By default glibc
    maps such large blocks and gives them back, and every page of them faults again: a
    fifth of the time of a small network's step. Other C libraries are left alone.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_ARENA_MAX, 1)  # the arenas of threads cannot hold large blocks
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def make_mesh(rows: int, *, exact: bool = False) -> Mesh:
    """A mesh over all devices, whose number must divide the `rows` of every batch.

    On a CPU host the devices are cores, and leaving some idle is fair: without `exact`
    the mesh takes as many as divide the rows.
    """
    devices = jax.devices()
    count = len(devices)
    if rows % count and jax.default_backend() == "cpu" and not exact:
        count = math.gcd(rows, count)
    if rows % count:
        raise UserError(
            f"batches of {rows} rows do not divide over {count} devices: "
            f"set the batch size to a multiple of {count}"
        )
    return Mesh(np.array(devices[:count]), (AXIS,))


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where a state and its batches live, and how its steps are compiled."""

    mesh: Mesh
    state: Any  # NamedSharding a leaf
    pmap: bool = False

    @property
    def rows(self) -> NamedSharding:
        return NamedSharding(self.mesh, PartitionSpec(AXIS))

    @property
    def whole(self) -> NamedSharding:
        return NamedSharding(self.mesh, PartitionSpec())

    def put_state(self, state: Any) -> Any:
        """The state on its devices, in buffers of its own: a step gives them up, and
        an array that came from elsewhere, or twice, must outlive that."""
        copies = jax.tree.map(jnp.copy, state)
        # After the copy, which forgets the sharding of empty arrays.
        return jax.device_put(copies, self.state)

    def put_batch(self, batch: Mapping[str, np.ndarray]) -> dict[str, jax.Array]:
        """This process's rows, as their part of the global batch."""
        put = partial(jax.make_array_from_process_local_data, self.rows)
        return {name: put(np.asarray(value)) for name, value in batch.items()}

    def compile_train(self, step: Callable) -> Callable:
        """(state, batch) -> (state, metrics); the old state's memory is given up."""
        if self.pmap:
            return _pmapped(step, self, returns_state=True)
        return jax.jit(
            step,
            donate_argnums=0,
            in_shardings=(self.state, self.rows),
            out_shardings=(self.state, self.whole),
        )

    def compile_eval(self, step: Callable) -> Callable:
        """(state, batch) -> {name: Mean} over the global batch."""
        if self.pmap:
            return _pmapped(step, self, returns_state=False)
        return jax.jit(
            step, in_shardings=(self.state, self.rows), out_shardings=self.whole
        )


def place(state: Any, mesh: Mesh, *, fsdp: bool = False, pmap: bool = False):
    """The placement of `state` (arrays, or their shapes from `eval_shape`)."""
    if pmap and fsdp:
        raise UserError("--parallel=pmap replicates parameters: use jit with --fsdp")

    def sharding(axis: int | None, leaf: Any) -> NamedSharding:
        if axis is None and fsdp:
            axis = _longest_axis(leaf.shape, mesh.size)
        split = () if axis is None else (None,) * axis + (AXIS,)
        return NamedSharding(mesh, PartitionSpec(*split))

    fields = {
        field.name: jax.tree.map(
            partial(sharding, field.metadata.get("batch_axis")),
            getattr(state, field.name),
        )
        for field in dataclasses.fields(state)
    }
    return Placement(mesh, state.replace(**fields), pmap)


def _longest_axis(shape: tuple[int, ...], devices: int) -> int | None:
    """FSDP's rule: split the longest axis that divides, unless the array is small."""
    axes = [axis for axis, size in enumerate(shape) if size % devices == 0]
    if not axes or math.prod(shape) < SMALLEST_SPLIT:
        return None
    return max(axes, key=lambda axis: shape[axis])


def _pmapped(step: Callable, placement: Placement, *, returns_state: bool) -> Callable:
    """`step` under jax.pmap, taking and giving the same global arrays as under jit."""
    axes = {
        field.name: field.metadata.get("batch_axis")
        for field in dataclasses.fields(placement.state)
    }
    state_axes = placement.state.replace(**axes)  # None: the same on every device
    mapped = jax.pmap(
        partial(step, axis_name=AXIS),
        AXIS,
        in_axes=(state_axes, 0),
        out_axes=(state_axes, None) if returns_state else None,
        devices=placement.mesh.devices.tolist(),
    )

    def on_rows(change: Callable, state: Any) -> Any:
        changed = {
            name: jax.tree.map(partial(change, axis), getattr(state, name))
            for name, axis in axes.items()
            if axis is not None
        }
        return state.replace(**changed)

    def run(state, batch):
        part = partial(_part, placement.mesh)
        out = mapped(on_rows(part, state), jax.tree.map(partial(part, 0), batch))
        if not returns_state:
            return out
        state, metrics = out
        return jax.device_put(on_rows(_join, state), placement.state), metrics

    return run


def _part(mesh: Mesh, axis: int, x: jax.Array) -> jax.Array:
    """[... rows ...] -> [... devices, rows / devices ...]: pmap maps over `axis`."""
    before, rows, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    parts = x.reshape(*before, mesh.size, rows // mesh.size, *after)
    # Empty arrays lose their sharding in a reshape.
    split = PartitionSpec(*(None,) * axis, AXIS)
    return jax.device_put(parts, NamedSharding(mesh, split))


def _join(axis: int, x: jax.Array) -> jax.Array:
    """The inverse of `_part`."""
    shape = x.shape
    return x.reshape(*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])
