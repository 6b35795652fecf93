"""The variables before training, with all kernels from one draw: a program that draws
sixty of them one by one compiles for ten seconds."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array, Float, Key

from papers.cornernet.config import Model
from papers.cornernet.model import CornerNet

Draws = Float[Array, "values"]


def variables(net: CornerNet, config: Model, key: Key[Array, ""]) -> dict[str, Any]:
    """Random variables. Kernels have the distributions of the modules' own
    initialisers, whose draws the compiler drops; all else is theirs."""
    image = jnp.zeros((1, config.stride, config.stride, 3))
    own = net.init(key, image, every_stack=True)
    params = flatten_dict(own["params"])
    kernels = {path: x for path, x in params.items() if path[-1] == "kernel"}
    draws = _draw(config.init, key, sum(x.size for x in kernels.values()))
    start = 0
    for path, kernel in kernels.items():
        part = draws[start : start + kernel.size].reshape(kernel.shape)
        fan_in = math.prod(kernel.shape[:-1])
        params[path] = part * fan_in**-0.5
        start += kernel.size
    return {**own, "params": unflatten_dict(params)}


def _draw(kind: str, key: Key[Array, ""], count: int) -> Draws:
    """Of variance 2 (he) or uniform in [-1, 1]; a fan in divides both."""
    if kind == "uniform":
        return jax.random.uniform(key, (count,), minval=-1.0, maxval=1.0)
    return math.sqrt(2) * jax.random.normal(key, (count,))
