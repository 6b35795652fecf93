"""Devices: the mesh, where each array lives, and the step compiled for both.

The mesh has one axis, "data". Batches and the state's per-row fields are split over it;
everything else is replicated, or with fsdp split over it too. Under `jit` the step sees
global arrays; under `pmap` each device sees its part, and the step's `axis_name` is
"data". Both give the same numbers.
"""

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from common.contract import UserError

AXIS = "data"
MOST_CPU_DEVICES = 8  # more host devices than this spend their time in all-reduces
SMALLEST_SPLIT = 4096  # fsdp leaves arrays of fewer elements whole


def use_cpu_devices(count: int | None) -> None:
    """Makes the CPU host look like `count` devices (None: one a core). To be called
    before JAX touches its backends; a count in XLA_FLAGS wins."""
    if "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", ""):
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    count = count or min(cores or os.cpu_count() or 1, MOST_CPU_DEVICES)
    jax.config.update("jax_num_cpu_devices", count)


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

    def put_batch(self, batch: Mapping[str, np.ndarray]) -> dict[str, jax.Array]:
        """This process's rows, as their part of the global batch."""
        put = partial(jax.make_array_from_process_local_data, self.rows)
        return {name: put(np.asarray(value)) for name, value in batch.items()}

    def compile_train(self, step: Callable) -> Callable:
        """(state, batch) -> (state, metrics); the old state's memory is given up."""
        if self.pmap:
            return _pmapped(step, self.mesh.size, returns_state=True)
        return jax.jit(
            step,
            donate_argnums=0,
            in_shardings=(self.state, self.rows),
            out_shardings=(self.state, self.whole),
        )

    def compile_eval(self, step: Callable) -> Callable:
        """(state, batch) -> {name: Mean} over the global batch."""
        if self.pmap:
            return _pmapped(step, self.mesh.size, returns_state=False)
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


def _pmapped(step: Callable, devices: int, *, returns_state: bool) -> Callable:
    """`step` under jax.pmap, taking and giving the same global arrays as under jit."""
    step = partial(step, axis_name=AXIS)
    compiled = {}

    def run(state, batch):
        batch_axes = {
            field.name: field.metadata.get("batch_axis")
            for field in dataclasses.fields(state)
        }
        axes = state.replace(**batch_axes)
        if not compiled:
            outputs = (axes, None) if returns_state else None
            compiled["step"] = jax.pmap(
                step,
                AXIS,
                in_axes=(axes, 0),
                out_axes=outputs,
                devices=jax.devices()[:devices],
            )
        parted = {
            name: jax.tree.map(partial(_part, axis, devices), getattr(state, name))
            for name, axis in batch_axes.items()
            if axis is not None
        }
        batch = jax.tree.map(partial(_part, 0, devices), batch)
        if not returns_state:
            return compiled["step"](state.replace(**parted), batch)
        state, metrics = compiled["step"](state.replace(**parted), batch)
        joined = {
            name: jax.tree.map(partial(_join, batch_axes[name]), getattr(state, name))
            for name in parted
        }
        return state.replace(**joined), metrics

    return run


def _part(axis: int, devices: int, x: jax.Array) -> jax.Array:
    """[... rows ...] -> [... devices, rows / devices ...]: pmap maps over `axis`."""
    shape = x.shape
    return x.reshape(*shape[:axis], devices, shape[axis] // devices, *shape[axis + 1 :])


def _join(axis: int, x: jax.Array) -> jax.Array:
    """The inverse of `_part`."""
    return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])
