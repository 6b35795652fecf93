"""The shortest path between two words of a tree, and LSTMs along it.

A path climbs from its first word to the lowest common ancestor, its top, and goes down
to its last word. Every side is a chain of `steps` places from its word up to below the
top, so that a scan with a mask computes it, for pairs that the program itself chooses.

Axes: rows (sentences), words, pairs, steps, features, gates = 4 features.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from common import lstm, trees
from common.lstm import State

Nodes = Float[Array, "rows words d"]


class Paths(NamedTuple):
    """Both sides of each path: the first word's side first."""

    nodes: Int[Array, "rows 2 pairs steps"]  # from the word up; the root where unused
    used: Bool[Array, "rows 2 pairs steps"]
    top: Int[Array, "rows pairs"]
    whole: Bool[Array, "rows pairs"]  # there is a path, and both sides fit in `steps`

    def swapped(self) -> "Paths":
        """The paths from the last words to the first."""
        return self._replace(nodes=self.nodes[:, ::-1], used=self.used[:, ::-1])


def paths(
    parent: trees.Parents,
    first: Int[Array, "rows pairs"],
    last: Int[Array, "rows pairs"],
    steps: int,
) -> Paths:
    """The paths between two words of each pair."""
    above = trees.ancestors(parent)
    depth = jnp.sum(above, -1, dtype=jnp.int32) - 1
    common = _of_word(above, first) & _of_word(above, last)
    top = jnp.argmax(jnp.where(common, _row(depth), -1), -1)
    ends = jnp.stack([first, last], 1)  # [rows, 2, pairs]
    flat = ends.reshape(ends.shape[0], -1)

    def climb(at, _):
        head = jnp.take_along_axis(parent, at, 1)
        return jnp.where(head < 0, at, head), at

    _, nodes = lax.scan(climb, flat, None, steps)
    nodes = jnp.moveaxis(nodes, 0, -1).reshape(*ends.shape, steps)
    top_depth = jnp.take_along_axis(depth, top, 1)
    length = jnp.take_along_axis(depth, flat, 1).reshape(ends.shape)
    length -= top_depth[:, None]
    whole = jnp.any(common, -1) & jnp.all(length <= steps, 1)
    used = (jnp.arange(steps) < length[..., None]) & whole[:, None, :, None]
    return Paths(nodes, used, top, whole)


def _of_word(x: Array, index: Int[Array, "rows pairs"]) -> Array:
    """The entries of words by number, [rows, pairs, ...]."""
    return jnp.take_along_axis(x, index[..., None], 1)


def _row(x: Array) -> Array:
    return x[:, None]


def at(
    nodes: Nodes, index: Int[Array, "rows *places"]
) -> Float[Array, "rows *places d"]:
    """The vectors of words by number."""
    flat = index.reshape(index.shape[0], -1)
    # A product: XLA's gather has a scatter for its gradient, which is slow.
    chosen = jax.nn.one_hot(flat, nodes.shape[1], dtype=nodes.dtype)
    found = jnp.einsum("rpw,rwd->rpd", chosen, nodes, precision=lax.Precision.HIGHEST)
    return found.reshape(*index.shape, nodes.shape[-1])


def chains(nodes: Nodes, way: Paths) -> tuple[Array, Array]:
    """What `lstm.scan` reads of all sides: vectors [steps, chains, d] and a mask."""
    found = at(nodes, way.nodes)
    steps, d = found.shape[-2:]
    vectors = jnp.moveaxis(found.reshape(-1, steps, d), 1, 0)
    return vectors, way.used.reshape(-1, steps).T


def up(
    projected: Float[Array, "rows words gates"],
    projected_top: Float[Array, "rows pairs gates"],
    recurrent: Float[Array, "1 features gates"],
    way: Paths,
    own_gates: bool = False,
) -> State:
    """The states of the tops, [rows, pairs, features], of trees that are the paths
    alone, from their ends up. own_gates: as in `trees.child_sum`."""
    vectors, mask = chains(projected, way)
    features = recurrent.shape[1]
    zero = jnp.zeros((vectors.shape[1], features), vectors.dtype)
    _, ends = lstm.scan(
        vectors, recurrent[0], lstm.cast(State(zero, zero), zero.dtype), mask
    )
    rows, _, pairs, _ = way.nodes.shape
    sides = State(
        *(jnp.moveaxis(x.reshape(rows, 2, pairs, features), 1, 2) for x in ends)
    )
    if own_gates:
        return trees.child_sum(projected_top, recurrent, sides)
    both = State(*(jnp.sum(x, 2, keepdims=True) for x in sides))
    return trees.cell(projected_top, recurrent, both)


def down(
    projected: Float[Array, "rows words gates"],
    recurrent: Float[Array, "features gates"],
    way: Paths,
    top: State,
) -> Float[Array, "rows 2 pairs features"]:
    """h of the first and of the last word, from the states of the tops down. A word
    that is the top itself has the top's."""
    vectors, mask = chains(projected, way)
    shape = (*way.nodes.shape[:3], recurrent.shape[0])
    start = State(
        *(jnp.broadcast_to(x[:, None], shape).reshape(-1, shape[-1]) for x in top)
    )
    _, ends = lstm.scan(vectors, recurrent, start, mask, reverse=True)
    return ends.h.reshape(shape)


def up_with_others(
    projected: Float[Array, "rows words gates"],
    recurrent: trees.Recurrent,
    way: Paths,
    parent: trees.Parents,
    alone: State,
) -> State:
    """The states of the tops, [rows, pairs, features], of trees of which the paths are
    a part: words on a path are children of type 1, all others of type 0. With one type
    in `recurrent` they are not told apart.

    alone: the states of all words, [rows, words, features], where none is on a path.
        They are those of the subtrees beside any path, and so are computed once.
    """
    words = jnp.arange(parent.shape[1])
    edges = (parent[:, None] == words[:, None]).astype(projected.dtype)
    beside = State(edges @ alone.h, edges @ alone.c)  # sums over all children
    types, features, _ = recurrent.shape
    vectors, mask = chains(projected, way)
    sums = [chains(x, way)[0] for x in beside]
    own = [chains(x, way)[0] for x in alone]

    def children(on: State, other: State) -> State:
        return State(*(_by_type(a, b, types) for a, b in zip(other, on, strict=True)))

    def step(before: tuple[State, State], inputs):
        on, below = before  # the state of the word below, with and without the path
        z, keep, sum_h, sum_c, own_h, own_c = inputs
        other = State(sum_h - below.h, sum_c - below.c)
        new = trees.cell(z, recurrent, children(on, other))
        after = (new, State(own_h, own_c))
        return _where(keep, after, before), None

    zero = jnp.zeros((vectors.shape[1], features), vectors.dtype)
    nothing = State(zero, zero)
    (on, below), _ = lax.scan(step, (nothing, nothing), (vectors, mask, *sums, *own))
    rows, _, pairs, _ = way.nodes.shape

    def both(x: State) -> State:
        return State(*(jnp.sum(y.reshape(rows, 2, pairs, features), 1) for y in x))

    below = both(below)
    other = State(at(beside.h, way.top) - below.h, at(beside.c, way.top) - below.c)
    return trees.cell(at(projected, way.top), recurrent, children(both(on), other))


def _by_type(other: Array, on: Array, types: int) -> Array:
    return jnp.stack([other, on], -2) if types == 2 else (other + on)[..., None, :]


def _where(keep: Array, new, old):
    return tuple(
        State(*(jnp.where(keep[:, None], a, b) for a, b in zip(n, o, strict=True)))
        for n, o in zip(new, old, strict=True)
    )


def in_order(way: Paths) -> tuple[Int[Array, "rows pairs places"], Array, Array]:
    """The words of each path from the first to the last, in 2 steps + 1 places with the
    top in the middle; where they stand; and the edges between two places, each as the
    word whose arc to its head it is, [rows, pairs, 2 steps]."""
    steps = way.nodes.shape[-1]
    length = jnp.sum(way.used, -1)[..., None]  # [rows, 2, pairs, 1]
    place = jnp.arange(steps)
    ahead = steps - 1 - place  # of the top: 0 for the word below it
    index = length - 1 - ahead
    sides = jnp.take_along_axis(way.nodes, jnp.maximum(index, 0), -1)
    left, right = sides[:, 0], sides[:, 1, :, ::-1]
    there = index >= 0
    top = way.top[..., None]
    words = jnp.concatenate([left, top, right], -1)
    used = [there[:, 0], way.whole[..., None], there[:, 1, :, ::-1]]
    return words, jnp.concatenate(used, -1), jnp.concatenate([left, right], -1)
