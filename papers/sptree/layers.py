"""The layers of the network, with the limits that the released code draws within.

As initialisers of these modules the limits stand in the place of parameters, and
`model.initial` draws between them and their opposites.
"""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array

from common import recurrent
from papers.sptree.config import Model


def kernel_limit(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
    """sqrt(6 / (inputs + outputs)) everywhere."""
    del key
    return jnp.full(shape, (6 / sum(shape)) ** 0.5, dtype)


def bias_limit(key: Array, shape: tuple[int, ...], dtype=jnp.float32) -> Array:
    """sqrt(6 / size): the released code draws biases too."""
    return kernel_limit(key, shape[-1:], dtype)


def dense(units: int, model: Model, name: str | None = None) -> nn.Dense:
    return nn.Dense(
        units,
        kernel_init=kernel_limit,
        bias_init=bias_limit,
        dtype=model.dtype,
        name=name,
    )


def table(rows: int, d: int, name: str | None = None) -> nn.Embed:
    return nn.Embed(rows, d, embedding_init=kernel_limit, name=name)


def lstm_cell(features: int, model: Model) -> recurrent.Cell:
    return recurrent.Cell(
        features, kernel_limit, kernel_limit, bias_limit, dtype=model.dtype
    )
