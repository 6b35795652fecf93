"""Where a state and its batches live on the mesh, and how a step is compiled for that.

Rows of batches, and the state's per-row fields, are split over all devices. Everything
else is whole on every device, or split over the mesh's "fsdp" part by the rules below.
Under `jit` the step sees global arrays; under `pmap` each device sees its part, and the
step's `axis_name` is "data". The numbers are the same in all these ways.
"""

import dataclasses
import functools
import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from common.contract import UserError
from launch import devices

PMAP_AXIS = "data"
SMALLEST_SPLIT = 4096  # arrays of fewer elements stay whole

# FSDP: (pattern, axes). The first pattern that is found in an array's path in the state
# says over which axes the array is split. The first axis is split as far as it divides,
# then the next. None stands for all axes, the longest first. An axis of 1600 over 256
# devices is split 64-fold, and the array's next axis by the remaining 4. A paper's own
# SHARDING is read before this one.
Rules = Iterable[tuple[str, tuple[int, ...] | None]]
SHARDING: Rules = (("", None),)


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where a state and its batches live, and how its steps are compiled."""

    mesh: Mesh
    state: Any  # NamedSharding a leaf
    pmap: bool = False

    @property
    def whole(self) -> NamedSharding:
        """The sharding of an array that every device has in full."""
        return NamedSharding(self.mesh, PartitionSpec())

    def rows(self, count: int, axis: int = 0) -> NamedSharding:
        """The sharding of an array with `count` rows of a batch along `axis`."""
        return _rows(self.mesh, axis, count)

    def shares(self, rows: int) -> dict[int, tuple[int, int]]:
        """{process: (index, count)}: it reads the share `index` of `count` equal shares
        of `rows`. `count` is the largest for which every process finds the rows of all
        its devices in one share."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        spans = self.rows(rows).devices_indices_map((rows,))
        for device, (span,) in spans.items():
            process = device.process_index
            start, stop, _ = span.indices(rows)
            first[process] = min(start, first.get(process, start))
            last[process] = max(stop - 1, last.get(process, start))

        def fits(count: int) -> bool:
            each = rows // count
            alone = (first[p] // each == last[p] // each for p in first)
            return rows % count == 0 and all(alone)

        count = next(filter(fits, range(min(rows, len(first)), 0, -1)))
        return {p: (row // (rows // count), count) for p, row in first.items()}

    def make_state(self, init: Callable, *arguments: Any) -> Any:
        """`init(*arguments)`, made where it will live: no device holds all of it."""
        return jax.jit(init, out_shardings=self.state)(*arguments)

    def put_state(self, state: Any) -> Any:
        """A copy of the state on its devices. A step donates the copy's memory, and so
        cannot take the state's own arrays: somebody else may hold one, or the state
        holds it twice."""
        copies = jax.tree.map(jnp.copy, state)
        # After the copy, which forgets the sharding of empty arrays.
        return jax.device_put(copies, self.state)

    def put_batch(
        self, batch: Mapping[str, np.ndarray], share: tuple[int, int] = (0, 1)
    ) -> dict[str, jax.Array]:
        """The global batch, of which this process has the rows of its `share`."""
        index, count = share

        def put(local):
            local = np.asarray(local)
            sharding = self.rows(len(local) * count)
            if jax.process_count() == 1:
                return jax.device_put(local, sharding)
            shape = (len(local) * count, *local.shape[1:])

            def part(span):  # of one device
                start, stop, _ = span[0].indices(shape[0])
                return local[start - index * len(local) : stop - index * len(local)]

            return jax.make_array_from_callback(shape, sharding, part)

        return {name: put(value) for name, value in batch.items()}

    def abstract(self, tree: Any, shardings: Any) -> Any:
        """Shapes that know where they live: what `lower` takes."""

        def shape(leaf, sharding):
            return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

        return jax.tree.map(shape, tree, shardings)

    def compile_train(self, step: Callable) -> Callable:
        """(state, batch) -> (state, metrics); the old state's memory is given up."""
        if self.pmap:
            return _pmapped(step, self, returns_state=True)
        return jax.jit(
            self._on_mesh(step),
            donate_argnums=0,
            in_shardings=(self.state, None),  # a batch comes with its own
            out_shardings=(self.state, self.whole),
        )

    def compile_eval(self, step: Callable) -> Callable:
        """(state, batch) -> {name: Mean} over the global batch."""
        if self.pmap:
            return _pmapped(step, self, returns_state=False)
        return jax.jit(
            self._on_mesh(step),
            in_shardings=(self.state, None),
            out_shardings=self.whole,
        )

    def _on_mesh(self, step: Callable) -> Callable:
        """`step`, traced where `jax.sharding.get_abstract_mesh()` is the mesh: code
        that treats rows one by one (`common.rows`) must know how they are split."""

        @functools.wraps(step)
        def traced(*arguments):
            with jax.sharding.use_abstract_mesh(self.mesh.abstract_mesh):
                return step(*arguments)

        return traced


def place(
    state: Any, mesh: Mesh, *, rules: Rules = (), pmap: bool = False
) -> Placement:
    """The placement of `state` (arrays, or their shapes from `eval_shape`).

    rules: as SHARDING, and read before it.
    """
    parts = devices.axes_of(mesh, "fsdp")
    if pmap and parts:
        raise UserError("--parallel=pmap replicates parameters: use jit with fsdp")

    def sharding(axis: int | None, path: tuple, leaf: Any) -> NamedSharding:
        if axis is not None:
            return _rows(mesh, axis, leaf.shape[axis])
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        order = next(o for p, o in (*rules, *SHARDING) if re.search(p, name))
        return NamedSharding(mesh, split(leaf.shape, order, parts))

    fields = {
        field.name: jax.tree_util.tree_map_with_path(
            partial(sharding, field.metadata.get("batch_axis")),
            getattr(state, field.name),
        )
        for field in dataclasses.fields(state)
    }
    return Placement(mesh, state.replace(**fields), pmap)


def _rows(mesh: Mesh, axis: int, count: int) -> NamedSharding:
    split = devices.split_rows(mesh, count)
    return NamedSharding(mesh, PartitionSpec(*(None,) * axis, split or None))


def split(
    shape: tuple[int, ...],
    order: tuple[int, ...] | None,
    parts: tuple[tuple[str, int], ...],
) -> PartitionSpec:
    """Gives the parts of the fsdp axis, one by one, to the array's axes in `order`."""
    if math.prod(shape) < SMALLEST_SPLIT:
        return PartitionSpec()
    order = (
        sorted(range(len(shape)), key=lambda a: -shape[a]) if order is None else order
    )
    names: list[tuple[str, ...]] = [()] * len(shape)
    left = [*parts]
    for axis in order:
        size = shape[axis]
        while left and size % left[0][1] == 0:
            name, factor = left.pop(0)
            names[axis] += (name,)
            size //= factor
    while names and not names[-1]:
        names.pop()
    return PartitionSpec(*(n or None for n in names))


def _pmapped(step: Callable, placement: Placement, *, returns_state: bool) -> Callable:
    """`step` under jax.pmap, taking and giving the same global arrays as under jit."""
    axes = {
        field.name: field.metadata.get("batch_axis")
        for field in dataclasses.fields(placement.state)
    }
    state_axes = placement.state.replace(**axes)  # None: the same on every device
    mapped = jax.pmap(
        partial(step, axis_name=PMAP_AXIS),
        PMAP_AXIS,
        in_axes=(state_axes, 0),
        out_axes=(state_axes, None) if returns_state else None,
        devices=placement.mesh.devices.flatten().tolist(),
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
    per_device = x.shape[axis] // mesh.size
    shape = (*x.shape[:axis], mesh.size, per_device, *x.shape[axis + 1 :])
    parts = x.reshape(shape)
    # Empty arrays lose their sharding in a reshape.
    return jax.device_put(parts, _rows(mesh, axis, mesh.size))


def _join(axis: int, x: jax.Array) -> jax.Array:
    """The inverse of `_part`."""
    shape = x.shape
    return x.reshape(*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :])
