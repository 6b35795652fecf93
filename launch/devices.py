"""The devices of this job: how many a CPU host shows, and the mesh over all of them.

The mesh has two axes. "data": each device has its own rows. "fsdp": each device has its
own rows too, and its share of the parameters. `launch/placement.py` lays arrays out.
"""

import contextlib
import ctypes
import itertools
import logging
import math
import os
from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import Mesh

from common.contract import UserError

AXES = ("data", "fsdp")
# Options of glibc's mallopt, from malloc.h.
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
M_ARENA_MAX = -8
MOST_CPU_DEVICES = 8  # more host devices than this spend their time in all-reduces


def use_cpu_devices(count: int | None) -> None:
    """Shows the CPU host as `count` devices; None: one for each core, as far as
    MOST_CPU_DEVICES. Nothing changes where XLA_FLAGS gives a count, or where JAX runs
    already (in a notebook)."""
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


def make_mesh(
    rows: int,
    sizes: str = "data",
    *,
    every_device: bool = False,
    on_cpu: int | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> Mesh:
    """A mesh over all devices of the job, or over `devices`.

    Each axis appears as its prime factors. With "data:2,fsdp:6", twelve devices are

        data0 fsdp0   fsdp1=0   1   2
          0     0           0   1   2
          0     1           3   4   5
          1     0           6   7   8
          1     1           9  10  11

    so that an array can be split over a part of an axis. Its 10 rows do not divide over
    the 6 devices of fsdp; they do over the 2 of fsdp0, and its columns may be split
    over the 3 of fsdp1.

    Args:
      rows: of every batch. The devices of one CPU host are cores, of which some may be
        idle: without `every_device` the mesh takes as many as divide the rows.
      sizes: as of `parse_mesh`.
      on_cpu: the most devices of one CPU host to take, without `every_device`.
    """
    devices = jax.devices() if devices is None else devices
    # So that each process's rows are consecutive.
    devices = sorted(devices, key=lambda device: device.process_index)
    count = len(devices)
    one_host = devices[0].platform == "cpu" and jax.process_count() == 1
    if one_host and not every_device:
        count = math.gcd(rows, min(count, on_cpu or count))
    factors = {
        f"{axis}{i}": factor
        for axis, size in parse_mesh(sizes, count).items()
        for i, factor in enumerate(_prime_factors(size))
    } or {AXES[0]: 1}
    grid = np.array(devices[:count]).reshape(*factors.values())
    return Mesh(grid, tuple(factors))


def parse_mesh(sizes: str, count: int) -> dict[str, int]:
    """{"data": ..., "fsdp": ...} for `count` devices. An axis without a size takes what
    the other leaves: "data", "fsdp", "data:4,fsdp", "data:4,fsdp:2".

    UserError: another form, or the sizes do not make up `count`.
    """
    given = {}
    for part in sizes.replace(" ", "").split(","):
        axis, _, size = part.partition(":")
        if axis not in AXES or axis in given or not (size.isdigit() or part == axis):
            raise UserError(f"--mesh={sizes}: write data, fsdp or data:4,fsdp:2")
        given[axis] = int(size) if size else 0
    fixed = math.prod(size for size in given.values() if size)
    open_axes = [axis for axis, size in given.items() if not size]
    if len(open_axes) > 1:
        raise UserError(
            f"--mesh={sizes}: give one of the two a size, as in data:2,fsdp"
        )
    whole = {axis: size or count // max(fixed, 1) for axis, size in given.items()}
    if math.prod(whole.values()) != count:
        raise UserError(
            f"--mesh={sizes} does not fit {count} devices: the sizes must multiply to "
            f"{count}, or leave one open as in data:2,fsdp"
        )
    return {axis: whole.get(axis, 1) for axis in AXES}


def axes_of(mesh: Mesh, axis: str) -> tuple[tuple[str, int], ...]:
    """(name, size) of the prime factors that make up one axis of `make_mesh`."""
    return tuple(x for x in mesh.shape.items() if x[0].startswith(axis))


def split_rows(mesh: Mesh, rows: int) -> tuple[str, ...]:
    """The mesh axes that `rows` are split over: the first ones, as far as they divide.
    Over the others they are repeated."""
    sizes = [*itertools.accumulate(mesh.shape.values(), lambda a, b: a * b)]
    return tuple(
        itertools.takewhile(
            lambda name: rows % sizes[mesh.axis_names.index(name)] == 0, mesh.axis_names
        )
    )


def _prime_factors(n: int) -> list[int]:
    for p in range(2, math.isqrt(n) + 1):
        if n % p == 0:
            return [p, *_prime_factors(n // p)]
    return [n] if n > 1 else []


def check_rows(mesh: Mesh, rows: int, *, pmap: bool = False) -> None:
    """Warns of devices that repeat each other's work; UserError if all of them do."""
    count = mesh.size
    used = math.prod(mesh.shape[axis] for axis in split_rows(mesh, rows))
    if used == count:
        return
    message = (
        f"batches of {rows} rows do not divide over {count} devices: "
        f"set the batch size to a multiple of {count}"
    )
    if used == 1 or pmap:
        raise UserError(message)
    logging.getLogger("launch").warning(
        "%s; until then every %d devices compute the same rows", message, count // used
    )
