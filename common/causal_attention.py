"""Causal attention of a text to itself, of which no half is computed in vain.

The queries are cut into blocks, one after the other, and each block is multiplied with
the keys up to its own end only: with four blocks, with 5/8 of all pairs. The gradient
is written out for the same blocks. Autodiff would keep scores as well as weights, and
go through each row's maximum and sum once more.

Axes: batch, heads, time, d_head; query and key are a block's queries and the keys that
it is multiplied with.
"""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

BLOCKS = 4
SHORTEST = 32  # queries of a block; a text that gives shorter ones is one block

Heads = Float[Array, "batch time heads d_head"]
ByHead = Float[Array, "batch heads time d_head"]
Weights = Float[Array, "batch heads query key"]


class Block(NamedTuple):
    """The queries start ... end - 1, which see the keys 0 ... end - 1 at most."""

    start: int
    end: int


def causal_attention(
    query: Heads,
    key: Heads,
    value: Heads,
    dropout: Float[Array, "batch heads time time"] | None = None,
) -> Heads:
    """sum_j softmax_j(q_i k_j / sqrt(d_head)) v_j over the keys j <= i.

    The softmax is computed in float32 at least. `dropout` multiplies the weights.
    """
    by_head = [jnp.swapaxes(x, 1, 2) for x in (query, key, value)]
    by_head[0] = by_head[0] * query.shape[-1] ** -0.5
    return jnp.swapaxes(_attention(*by_head, dropout), 1, 2)


@jax.custom_vjp
def _attention(query: ByHead, key: ByHead, value: ByHead, dropout) -> ByHead:
    return _forward(query, key, value, dropout)[0]


def _forward(query, key, value, dropout):
    weights = []
    outputs = []
    for block in _blocks(query.shape[2]):
        weights.append(_weights(query, key, block))
        dropped = _dropped(weights[-1], dropout, block).astype(value.dtype)
        outputs.append(dropped @ value[:, :, : block.end])
    output = jnp.concatenate(outputs, axis=2)
    return output, (query, key, value, dropout, weights, output)


def _backward(kept, d_output: ByHead):
    query, key, value, dropout, weights, output = kept
    d_query = []
    d_key = jnp.zeros_like(key)
    d_value = jnp.zeros_like(value)
    for block, weight in zip(_blocks(query.shape[2]), weights, strict=True):
        own = slice(block.start, block.end)
        seen = slice(block.end)
        d_own = d_output[:, :, own]
        dropped = _dropped(weight, dropout, block).astype(value.dtype)
        d_value = d_value.at[:, :, seen].add(_transposed(dropped) @ d_own)
        d_weight = _product(d_own, value[:, :, seen])
        # A row's sum over keys of weight x d_weight, dropped or not.
        row = jnp.sum(d_own * output[:, :, own], -1, keepdims=True, dtype=weight.dtype)
        d_score = weight * (_dropped(d_weight, dropout, block) - row)
        d_score = d_score.astype(key.dtype)
        d_query.append(d_score @ key[:, :, seen])
        d_key = d_key.at[:, :, seen].add(_transposed(d_score) @ query[:, :, own])
    return jnp.concatenate(d_query, axis=2), d_key, d_value, None


_attention.defvjp(_forward, _backward)


def _blocks(time: int) -> Iterator[Block]:
    count = BLOCKS if time % BLOCKS == 0 and time // BLOCKS >= SHORTEST else 1
    size = time // count
    return (Block(i * size, (i + 1) * size) for i in range(count))


def _weights(query: ByHead, key: ByHead, block: Block) -> Weights:
    """The softmax of each query's scores with the keys up to itself."""
    scores = _product(query[:, :, block.start : block.end], key[:, :, : block.end])
    at = jnp.arange(block.start, block.end)[:, None]
    scores = jnp.where(jnp.arange(block.end) <= at, scores, -jnp.inf)
    weights = jnp.exp(scores - jnp.max(scores, axis=-1, keepdims=True))
    return weights * (1.0 / jnp.sum(weights, axis=-1, keepdims=True))


def _product(a: ByHead, b: ByHead) -> Weights:
    """a b^T, in float32 at least."""
    wide = jnp.promote_types(a.dtype, jnp.float32)
    return jnp.matmul(a, _transposed(b), preferred_element_type=wide)


def _transposed(x: Array) -> Array:
    return jnp.swapaxes(x, -1, -2)


def _dropped(weights: Weights, dropout: Array | None, block: Block) -> Weights:
    if dropout is None:
        return weights
    return weights * dropout[:, :, block.start : block.end, : block.end]
