"""Multiply-adds of a network, counted where its layers are called."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax

from common.convolution import Conv


def multiply_adds(call: Callable, *arguments: Any) -> Counter[tuple[str, ...]]:
    """{path of a module: its multiply-adds} in `call(*arguments)`, from shapes alone.

    Conv and nn.Dense are counted; BatchNorm and additions are not. Most papers' tables
    do the same, and call them FLOPs. A layer that a loop repeats is counted once.
    """
    counts = Counter()

    def count(layer, args, kwargs, context):
        y = layer(*args, **kwargs)
        module = context.module
        if isinstance(module, Conv | nn.Dense) and context.method_name == "__call__":
            kernel = module.get_variable("params", "kernel")
            counts[module.path] += y.size * math.prod(kernel.shape[:-1])
        return y

    with nn.intercept_methods(count):
        jax.eval_shape(call, *arguments)
    return counts
