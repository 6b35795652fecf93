"""A step of the LSTM, and its scan over padded sequences.

The cell is Hochreiter & Schmidhuber's of 1997 with the forget gate of Gers et al. 2000,
and without peepholes:

    z_t = x_t W + b + h_{t-1} U
    i, f, g, o = the quarters of z_t, in PyTorch's order
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
    h_t = sigmoid(o) tanh(c_t)

The caller gives x_t W + b, the projected input: one large product makes it for all
steps, and other terms, such as a guidance, can be added to it. The state before a step
may be a sum of states: that is the cell of a tree whose children share a forget gate.

A mask is True at the steps that count. Any other step leaves the state as it is, its
output is zero, and its input never matters. So a row without a step that counts ends
in its initial state, and a reversed scan begins at each row's own last step.

Axes: time (first, as in `lax.scan`), batch, features, gates = 4 features. Activations
have the dtype of the projected input. Cell states are float32, or wider with it.
"""

from functools import partial
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float

Projected = Float[Array, "time batch gates"]
Recurrent = Float[Array, "features gates"]  # U
Mask = Bool[Array, "time batch"]
Gates = tuple[Array, Array, Array, Array]  # i, f, g, o after their nonlinearities


class State(NamedTuple):
    h: Float[Array, "batch features"]  # the output
    c: Float[Array, "batch features"]  # the cell


def step(
    projected: Float[Array, "batch gates"], recurrent: Recurrent, state: State
) -> State:
    """The state after one step."""
    _check(projected, recurrent, state)
    return _step(projected, recurrent, cast(state, projected.dtype))[0]


def scan(
    projected: Projected,
    recurrent: Recurrent,
    initial: State,
    mask: Mask | None = None,
    reverse: bool = False,
) -> tuple[Float[Array, "time batch features"], State]:
    """The outputs of all steps and the final state; `reverse` goes from the last step
    to the first.

    The gradient is written by hand: the backward scan yields the gradients of z alone,
    and one product over all steps makes the gradient of U from them. The forward scan
    keeps h, c and the four gates of every step for it. It is meant for first
    derivatives in reverse mode; jax.jvp refuses it.
    """
    _check(projected, recurrent, initial)
    if mask is not None:
        chex.assert_shape(mask, projected.shape[:2])
    initial = cast(initial, projected.dtype)
    hidden, final = _scan(reverse, projected, recurrent, initial, mask)
    if mask is not None:
        hidden = jnp.where(mask[..., None], hidden, 0)
    return hidden, final


def _check(projected: Array, recurrent: Recurrent, state: State) -> None:
    features = recurrent.shape[0]
    chex.assert_shape(recurrent, (features, 4 * features))
    chex.assert_shape(projected, (..., projected.shape[-2], 4 * features))
    chex.assert_shape([*state], (projected.shape[-2], features))


def cast(state: State, dtype: DTypeLike) -> State:
    """The state with h of this dtype, and c of it too, but at least float32."""
    wide = jnp.promote_types(dtype, jnp.float32)
    return State(state.h.astype(dtype), state.c.astype(wide))


def _step(projected, recurrent, state: State) -> tuple[State, Gates]:
    i, f, g, o = jnp.split(projected + _product(state.h, recurrent), 4, -1)
    i, f, o = map(jax.nn.sigmoid, (i, f, o))
    g = jnp.tanh(g)
    c = f * state.c + i * g
    h = o * jnp.tanh(c)
    return State(h.astype(state.h.dtype), c), (i, f, g, o)


def _product(a: Array, b: Array, axes: tuple = ((-1,), (0,))) -> Array:
    """Sums in float32 at least."""
    wide = jnp.promote_types(a.dtype, jnp.float32)
    return jnp.tensordot(a, b.astype(a.dtype), axes, preferred_element_type=wide)


def _selected(keep: Array | None, new, old):
    """`new` in the rows to keep, `old` in the others; no mask keeps all."""
    if keep is None:
        return new
    return jax.tree.map(lambda a, b: jnp.where(keep[:, None], a, b), new, old)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _scan(reverse, projected, recurrent, initial, mask):
    """`scan` whose outputs repeat the state where the mask is False."""
    return _forward(reverse, projected, recurrent, initial, mask)[0]


def _forward(reverse, projected, recurrent, initial, mask):
    weights = recurrent.astype(projected.dtype)

    def body(state, inputs):
        projected, keep = inputs
        new, gates = _step(projected, weights, state)
        new = _selected(keep, new, state)
        return new, (new, gates)

    final, (states, gates) = lax.scan(body, initial, (projected, mask), reverse=reverse)
    return (states.h, final), (recurrent, initial, mask, states, gates)


def _backward(reverse, saved, cotangents):
    recurrent, initial, mask, states, gates = saved
    outputs, final = cotangents
    dtype = states.h.dtype
    weights = recurrent.astype(dtype)
    before = jax.tree.map(partial(_states_before, reverse), states, initial)

    def body(after: State, inputs):
        output, keep, (i, f, g, o), c, c_before = inputs
        dh = after.h + output
        tanh_c = jnp.tanh(c)
        dc = after.c + dh * o * (1 - jnp.square(tanh_c))
        di = dc * g * i * (1 - i)
        df = dc * c_before * f * (1 - f)
        dg = dc * i * (1 - jnp.square(g))
        do = dh * tanh_c * o * (1 - o)
        dz = jnp.concatenate([di, df, dg, do], -1).astype(dtype)
        dz = _selected(keep, dz, jnp.zeros_like(dz))
        new = State(_product(dz, weights, ((-1,), (1,))), dc * f)
        return _selected(keep, new, State(dh, after.c)), dz

    wide = State(final.h.astype(final.c.dtype), final.c)
    inputs = outputs, mask, gates, states.c, before.c
    first, dz = lax.scan(body, wide, inputs, reverse=not reverse)
    time_and_batch = (0, 1)
    d_recurrent = _product(before.h, dz, (time_and_batch, time_and_batch))
    return dz, d_recurrent.astype(recurrent.dtype), cast(first, dtype), None


_scan.defvjp(_forward, _backward)


def _states_before(reverse: bool, states: Array, initial: Array) -> Array:
    """What each step started from."""
    if reverse:
        return jnp.concatenate([states, initial[None]])[1:]
    return jnp.concatenate([initial[None], states])[:-1]
