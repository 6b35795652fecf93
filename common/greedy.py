"""Greedy selection: the highest score again and again, each lowering the others.

It is suppression's loop, for many lanes (classes, images) that share nothing but the
number of steps. All shapes are fixed; the loop ends early when no lane has a score
left.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Shaped

LANE = 128  # scores are compared in rows of so many: a TPU's vector, 4 to 16 of a CPU's
LEAST = 1e-30  # no score at or below is selected: what lies below is rounding


def padded(x: Shaped[Array, "*shape"], axis: int) -> Shaped[Array, "*longer"]:
    """The array with zeros behind, as long as `select` wants it along an axis."""
    n = x.shape[axis]
    widths = [(0, 0)] * x.ndim
    widths[axis] = (0, -n % LANE if n > LANE else 0)
    return jnp.pad(x, widths)


def select(
    scores: Float[Array, "*lanes n"],
    weights: Callable[[Int[Array, "*lanes"]], Float[Array, "*lanes n"]],
    k: int,
    threshold: float,
) -> tuple[Float[Array, "*lanes k"], Int[Array, "*lanes k"]]:
    """The scores of up to k selected items a lane, in the order of selection, and their
    indices. Score 0 means that no item was left.

    scores: not negative, no NaN, as long as `padded` makes them.
    weights: of all items, when `best` of each lane are selected. A lane's scores are
      multiplied by them.
    threshold: a lane ends when all its scores are below.
    """
    *lanes, n = scores.shape
    places = jnp.arange(n)
    least = jnp.maximum(threshold, LEAST)

    def body(carry):
        step, left, values, index, _ = carry
        value, best = _best(left)
        going = value >= least
        left = jnp.where(places == best[..., None], 0, left * weights(best))
        value = jnp.where(going, value, 0)
        values = lax.dynamic_update_index_in_dim(values, value, step, 0)
        index = lax.dynamic_update_index_in_dim(index, best, step, 0)
        return step + 1, left, values, index, going.any()

    def unfinished(carry):
        step, *_, going = carry
        return (step < k) & going

    values = jnp.zeros((k, *lanes), scores.dtype)
    index = jnp.zeros((k, *lanes), jnp.int32)
    start = 0, scores, values, index, jnp.array(True)
    _, _, values, index, _ = lax.while_loop(unfinished, body, start)
    return jnp.moveaxis(values, 0, -1), jnp.moveaxis(index, 0, -1)


def _best(
    scores: Float[Array, "*lanes n"],
) -> tuple[Float[Array, "*lanes"], Int[Array, "*lanes"]]:
    """Each lane's highest score, and the first index that has it.

    A tournament of rows, because XLA's argmax compares one pair at a time: a loop over
    80 lanes of 1,000 is 15 times as fast.
    """
    n = scores.shape[-1]
    width = min(n, LANE)
    rows = [
        (scores[..., i : i + width], jnp.arange(i, i + width, dtype=jnp.int32))
        for i in range(0, n, width)
    ]
    while len(rows) > 1:
        pairs = zip(rows[::2], rows[1::2], strict=False)
        odd = rows[len(rows) // 2 * 2 :]
        rows = [_higher(*pair) for pair in pairs] + odd
    ((row, index),) = rows
    value = jnp.max(row, -1)
    first = jnp.min(jnp.where(row == value[..., None], index, n), -1)
    return value, jnp.minimum(first, n - 1)


def _higher(a, b):
    """Scores and indices of the higher of two rows; a's where they are equal."""
    (x, i), (y, j) = a, b
    return jnp.where(x >= y, x, y), jnp.where(x >= y, i, j)
