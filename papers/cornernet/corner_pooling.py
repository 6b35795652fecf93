"""Corner pooling (section 3.4): a running maximum along rows or columns.

A corner of a box often has no pixel of the object on it. To know a top-left corner, one
looks from it to the right for the top edge and down for the left edge: a cell takes the
largest value on its right, or below it.

    top_pool     looks down:   y[i, j] = max of x[i', j] over i' >= i
    left_pool    looks right:  y[i, j] = max of x[i, j'] over j' >= j
    bottom_pool  looks up:     y[i, j] = max of x[i', j] over i' <= i
    right_pool   looks left:   y[i, j] = max of x[i, j'] over j' <= j

The gradient of an output goes to the one input that it shows. Of equal inputs that is
the one met first, on the way that the maximum runs, as in the published code; JAX's own
gradient of `lax.cummax` divides it between them.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Maps = Float[Array, "batch height width channels"]
ROWS = 1
COLUMNS = 2


def top_pool(x: Maps) -> Maps:
    """The largest value at or below each cell, in its column."""
    return running_max(x, ROWS, True)


def left_pool(x: Maps) -> Maps:
    """The largest value at or right of each cell, in its row."""
    return running_max(x, COLUMNS, True)


def bottom_pool(x: Maps) -> Maps:
    """The largest value at or above each cell, in its column."""
    return running_max(x, ROWS, False)


def right_pool(x: Maps) -> Maps:
    """The largest value at or left of each cell, in its row."""
    return running_max(x, COLUMNS, False)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def running_max(x: Maps, axis: int, reverse: bool) -> Maps:
    """The largest value so far along `axis`. reverse: from the last cell to the first.

    Differentiable in reverse mode, once."""
    return lax.cummax(x, axis, reverse=reverse)


def _forward(x, axis, reverse):
    y = running_max(x, axis, reverse)
    return y, (x, y)


def _backward(axis, reverse, saved, dy):
    """An input that exceeds all before it is shown by the outputs from its own to the
    one before the next such input. It gets the sum of their gradients."""
    x, y = saved
    before = _shifted(y, axis, reverse, 1, -jnp.inf)
    rises = x > before
    # The sums run against the maximum, and stop at a rise: doubled spans, so that n
    # cells take log2(n) steps.
    total = dy
    ends = _shifted(rises, axis, not reverse, 1, True)  # a rise in the cells summed
    span = 1
    while span < x.shape[axis]:
        beyond = _shifted(total, axis, not reverse, span, 0)
        total = total + jnp.where(ends, 0, beyond)
        ends = ends | _shifted(ends, axis, not reverse, span, True)
        span *= 2
    return (jnp.where(rises, total, 0),)


running_max.defvjp(_forward, _backward)


def _shifted(x: Array, axis: int, reverse: bool, by: int, fill: float | bool) -> Array:
    """`x` moved by `by` cells towards the end of `axis`, or towards its start if
    `reverse`; `fill` stands in the cells that nothing moves to."""
    padding = [(0, 0, 0)] * x.ndim
    padding[axis] = (-by, by, 0) if reverse else (by, -by, 0)
    return lax.pad(x, jnp.asarray(fill, x.dtype), padding)
