"""Seconds of compiled calls, and the FLOP/s of a matrix product on the same devices."""

import functools
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

MATMUL = 2048  # side of the square matrices whose product stands for the peak


def median_seconds(call: Callable[[], Any], repeats: int = 5) -> float:
    """The median of `repeats` calls, after a first call that compiles."""
    _seconds(call)
    return statistics.median(_seconds(call) for _ in range(repeats))


@functools.cache  # devices stay what they are
def matmul_flops(size: int = MATMUL) -> float:
    """FLOP/s of a square float32 product on all devices of this process: the best of
    ten, measured once a process."""
    x = jnp.ones((size, size), jnp.float32)
    product = jax.jit(jnp.dot)
    _seconds(lambda: product(x, x))
    seconds = min(_seconds(lambda: product(x, x)) for _ in range(10))
    # A CPU host's devices share its cores; elsewhere each device has its own.
    devices = 1 if jax.default_backend() == "cpu" else jax.local_device_count()
    return devices * 2 * size**3 / seconds


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start
