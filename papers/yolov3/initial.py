"""Random kernels, drawn at once."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, Key


def drawn(
    shapes: Any, key: Key[Array, ""], other: Callable[[tuple, Any], Array]
) -> Any:
    """A tree of `shapes` in which each convolution's kernel, [height, width, inputs,
    filters], is normal with deviation sqrt(2 / fan in).

    The kernels are parts of one array of random numbers. Drawn each by a program of its
    own, as Flax does, 75 of them take XLA a minute to compile.

    other: (path, shape) -> what is no kernel.
    """
    leaves, structure = jax.tree.flatten_with_path(shapes)
    sizes = [leaf.size for _, leaf in leaves if leaf.ndim == 4]
    normal = jax.random.normal(key, (sum(sizes),))
    ends = iter(itertools.accumulate(sizes))
    values = []
    for path, leaf in leaves:
        if leaf.ndim != 4:
            values.append(other(path, leaf))
            continue
        end = next(ends)
        fan_in = math.prod(leaf.shape[:3])
        kernel = normal[end - leaf.size : end].reshape(leaf.shape)
        values.append(kernel * math.sqrt(2 / fan_in))
    return jax.tree.unflatten(structure, values)
