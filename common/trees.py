"""LSTMs over trees whose children share matrices by type, inside a compiled program.

The cell of Miwa and Bansal 2016 (eq. 4): with the projected input z = x W + b, and with
m(l) the type of child l,

    i   = sigmoid(z_i + sum_l h_l U^i_m(l))           o as well, u with tanh
    f_k = sigmoid(z_f + sum_l h_l U^f_k,m(l))         one for each type k of children
    c   = i u + sum_l f_m(l) c_l
    h   = o tanh(c)

With one type it is `common.lstm` with a sum of states in place of the state before.
`child_sum` has a forget gate for each child, of that child alone (Tai et al. 2015).

A sentence is a tree of words: `parent` holds the index of each word's head, -1 at the
root. Words that are padding are roots of their own. `on_levels` computes whole trees,
level by level; what lies on the paths between words is in `common.tree_paths`.

Axes: rows (sentences), words, types, features, gates = 4 features in the order z_i,
z_f, z_u, z_o. The recurrent array is [types, features, (3 + types) features], with the
columns i, f_1 ... f_types, u, o for a child of each type.
"""

from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from common.lstm import State

Projected = Float[Array, "*rows gates"]
Recurrent = Float[Array, "types features columns"]
Parents = Int[Array, "rows words"]
Direction = Literal["up", "down"]  # from the leaves to the root, or the other way


def cell(projected: Projected, recurrent: Recurrent, children: State) -> State:
    """The state of a node.

    children: sums of h and of c over the children of each type, [*rows, types,
        features].
    """
    types, features, columns = recurrent.shape
    flat = children.h.reshape(*children.h.shape[:-2], types * features)
    gates = flat @ recurrent.reshape(types * features, columns).astype(flat.dtype)
    i, *forget, u, o = jnp.split(gates, 3 + types, -1)
    z_i, z_f, z_u, z_o = jnp.split(projected, 4, -1)
    c = jax.nn.sigmoid(z_i + i) * jnp.tanh(z_u + u)
    for k, f in enumerate(forget):
        c += jax.nn.sigmoid(z_f + f) * children.c[..., k, :]
    return State(jax.nn.sigmoid(z_o + o) * jnp.tanh(c), c)


def child_sum(
    projected: Projected,
    recurrent: Float[Array, "1 features gates"],
    children: State,
) -> State:
    """The state of a node whose children, [*rows, children, features], have a forget
    gate each. The state of a child that is missing is zero."""
    i, _, u, o = jnp.split(_sum_product(children.h, recurrent[0]), 4, -1)
    z_i, z_f, z_u, z_o = jnp.split(projected, 4, -1)
    forget = jnp.split(recurrent[0], 4, -1)[1].astype(children.h.dtype)
    f = jax.nn.sigmoid(z_f[..., None, :] + children.h @ forget)
    c = jax.nn.sigmoid(z_i + i) * jnp.tanh(z_u + u) + jnp.sum(f * children.c, -2)
    return State(jax.nn.sigmoid(z_o + o) * jnp.tanh(c), c)


def _sum_product(h: Array, weights: Array) -> Array:
    return jnp.sum(h, -2) @ weights.astype(h.dtype)


def of_type(recurrent: Recurrent, k: int) -> Float[Array, "features gates"]:
    """The columns i, f, u, o that a node uses whose only child is of type k: with them
    `common.lstm` computes chains."""
    types, features, _ = recurrent.shape
    parts = recurrent[k].reshape(features, 3 + types, features)
    chosen = parts[:, (0, 1 + k, 1 + types, 2 + types)]
    return chosen.reshape(features, 4 * features)


def ancestors(parent: Parents) -> Bool[Array, "rows words words"]:
    """[row, i, j]: j is i, or an ancestor of i."""
    words = parent.shape[-1]
    own = jnp.eye(words, dtype=bool)
    above = own | (parent[..., None] == jnp.arange(words))
    for _ in range(max(words - 1, 1).bit_length()):  # each round doubles the distance
        steps = above.astype(jnp.float32)
        above = steps @ steps > 0
    return above


def depths(parent: Parents) -> Int[Array, "rows words"]:
    """How many ancestors each word has; 0 for a root."""
    return jnp.sum(ancestors(parent), -1, dtype=jnp.int32) - 1


def on_levels(
    projected: Float[Array, "rows words gates"],
    recurrent: Recurrent,
    parent: Parents,
    *,
    levels: int,
    direction: Direction,
    kind: Int[Array, "rows words"] | None = None,
    own_gates: bool = False,
) -> State:
    """The states of all words of trees, [rows, words, features].

    Upwards a word's children are those of the tree. Downwards its only child is its
    head, and a root has none. Words at a depth of `levels` or more have zero states,
    and upwards their heads do without them.

    Args:
      levels: how deep trees may be, the root being one level.
      kind: the type of each word as a child; None: all 0.
      own_gates: as in `child_sum`; the recurrent array has one type then.
    """
    types, features, _ = recurrent.shape
    depth = depths(parent)
    kind = jnp.zeros_like(parent) if kind is None else kind
    children = _children(parent, kind, types, direction, projected.dtype)
    nothing = jnp.zeros((*parent.shape, features), projected.dtype)

    def forgotten_sum(state: State) -> State:
        """`child_sum` of all words. A child has one head, upwards and downwards, whose
        z_f is looked up for it; downwards a head has many words that it is a child of,
        and each word's sum has one term."""
        edges = children[:, 0]
        i, f, u, o = jnp.split(state.h @ recurrent[0].astype(state.h.dtype), 4, -1)
        z_i, z_f, z_u, z_o = jnp.split(projected, 4, -1)
        if direction == "up":
            z_of_head = jnp.einsum("rvw,rvf->rwf", edges, z_f)
            kept = edges @ (jax.nn.sigmoid(z_of_head + f) * state.c)
        else:
            kept = jax.nn.sigmoid(z_f + edges @ f) * (edges @ state.c)
        c = jax.nn.sigmoid(z_i + edges @ i) * jnp.tanh(z_u + edges @ u) + kept
        return State(jax.nn.sigmoid(z_o + edges @ o) * jnp.tanh(c), c)

    def by_type(state: State) -> State:
        sums = (jnp.einsum("rtvw,rwf->rvtf", children, x) for x in state)
        return cell(projected, recurrent, State(*sums))

    def level(state: State, at: Array) -> tuple[State, None]:
        new = forgotten_sum(state) if own_gates else by_type(state)
        here = (depth == at)[..., None]
        return State(
            *(jnp.where(here, n, x) for n, x in zip(new, state, strict=True))
        ), None

    order = jnp.arange(levels)
    if direction == "up":
        order = order[::-1]
    return lax.scan(level, State(nothing, nothing), order)[0]


def _children(parent: Array, kind: Array, types: int, direction: str, dtype) -> Array:
    """[rows, types, words, words]: 1 where the second word is a child, of that type, of
    the first."""
    words = jnp.arange(parent.shape[-1])
    edges = parent[:, None, :] == words[:, None]  # [rows, head, word]
    if direction == "down":
        edges = jnp.swapaxes(edges, 1, 2)
    of_type = kind[:, None, :] == jnp.arange(types)[:, None]
    return (edges[:, None] & of_type[:, :, None]).astype(dtype)
