"""The vector of a pair of words, from the tree between them: section 3.4 of Miwa and
Bansal 2016, and the structures that the paper compares with it.

Every structure is a module that reads the words of the sentences and the paths of the
pairs, and returns two arrays [rows, pairs, d]: of the pairs as they stand, and of the
same pairs in the other order.
"""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from common import recurrent, tree_paths, trees
from common.lstm import State
from common.tree_paths import Paths, at
from papers.sptree.config import Model
from papers.sptree.layers import bias_limit, kernel_limit, lstm_cell

Both = tuple[Float[Array, "rows pairs d"], Float[Array, "rows pairs d"]]


class Words(NamedTuple):
    """What is known of each word of the sentences."""

    vector: Float[Array, "rows words d"]  # [s; v_label]
    label: Float[Array, "rows words d_label"]  # v_label alone; of width 0 without it
    arc: Float[Array, "rows words d_arc"]  # of the word to its head
    no_arc: Float[Array, "d_arc"]  # what stands for an arc where a path has none
    parent: Int[Array, "rows words"]

    def inputs(self) -> Float[Array, "rows words inputs"]:
        """x of eq. 4: [s; v_label; v_dep]."""
        return jnp.concatenate([self.vector, self.arc], -1)

    def tops(self, way: Paths) -> Float[Array, "rows pairs inputs"]:
        """x of the tops, whose own arcs are not on the paths."""
        vector = at(self.vector, way.top)
        empty = jnp.broadcast_to(self.no_arc, (*way.top.shape, *self.no_arc.shape))
        return jnp.concatenate([vector, empty], -1)


class TreeLSTM(nn.Module):
    """Parameters of one direction: "input", a dense layer to i, f, u, o, and
    "recurrent" [types, features, (3 + types) features]."""

    model: Model
    types: int = 1

    def setup(self):
        d = self.model.tree
        self.input = nn.Dense(
            4 * d,
            kernel_init=recurrent.gate_by_gate(kernel_limit),
            bias_init=recurrent.gate_by_gate(bias_limit),
            dtype=self.model.dtype,
        )
        self.recurrent = self.param("recurrent", self._limits, (self.types, d, d))

    def _limits(self, key: Array, shape: tuple[int, int, int]) -> Array:
        types, d, _ = shape
        return jnp.full((types, d, (3 + types) * d), (3 / d) ** 0.5)


class ShortestPath(nn.Module):
    """SPTree: the words on the path are the whole tree.
    d = [down h(first); up h(top); down h(last)]."""

    model: Model

    @nn.compact
    def __call__(self, words: Words, way: Paths) -> Both:
        up = TreeLSTM(self.model, name="up")
        down = TreeLSTM(self.model, name="down")
        x = words.inputs()
        tops = words.tops(way)
        own_gates = self.model.cell == "child_sum"
        top = tree_paths.up(up.input(x), up.input(tops), up.recurrent, way, own_gates)
        start = without_children(down.input(tops), down.recurrent)
        ends = tree_paths.down(down.input(x), down.recurrent[0], way, start)
        return _around(ends, top.h)


class WholeTree(nn.Module):
    """SubTree and FullTree: all words below the top, or all of the sentence.

    The words of a path are children of a type of their own, so that every pair has
    another tree. But subtrees beside a path are the same for all pairs, and downwards a
    word depends on its ancestors alone. So each sentence is computed once as if no word
    were on a path, and then every path in it.
    """

    model: Model
    levels: int

    @nn.compact
    def __call__(self, words: Words, way: Paths) -> Both:
        m = self.model
        types = 2 if m.distinction else 1
        up = TreeLSTM(m, types, name="up")
        down = TreeLSTM(m, types, name="down")
        x = words.inputs()
        top = self._top(up, x, words, way)
        z = down.input(x)
        off = trees.of_type(down.recurrent, 0)[None]
        if m.structure == "subtree":
            start = without_children(at(z, way.top), off)
        else:
            whole = trees.on_levels(
                z, off, words.parent, levels=self.levels, direction="down"
            )
            start = State(*(at(s, way.top) for s in whole))
        on = trees.of_type(down.recurrent, types - 1)
        return _around(tree_paths.down(z, on, way, start), top)

    def _top(self, up: TreeLSTM, x: Array, words: Words, way: Paths) -> Array:
        z = up.input(x)
        own_gates = self.model.cell == "child_sum"
        off = trees.of_type(up.recurrent, 0)[None]
        alone = trees.on_levels(
            z,
            off,
            words.parent,
            levels=self.levels,
            direction="up",
            own_gates=own_gates,
        )
        if not self.model.distinction:
            return at(alone.h, way.top)
        return tree_paths.up_with_others(z, up.recurrent, way, words.parent, alone).h


class PathSequence(nn.Module):
    """SPSeq: a BiLSTM along the path, over [s; v_label; arc before; arc behind]. d is
    the last states of both directions. The other order reads the path backwards."""

    model: Model

    @nn.compact
    def __call__(self, words: Words, way: Paths) -> Both:
        layer = recurrent.BiLSTM(lstm_cell(self.model.tree, self.model))

        def last_states(way: Paths) -> Array:
            x, used = self._inputs(words, way)
            rows, pairs = used.shape[:2]
            flat = x.reshape(rows * pairs, *x.shape[2:])
            _, states = layer(flat, used.reshape(rows * pairs, -1))
            found = jnp.concatenate([state.h for state in states], -1)
            return found.reshape(rows, pairs, -1)

        return last_states(way), last_states(way.swapped())

    def _inputs(self, words: Words, way: Paths) -> tuple[Array, Array]:
        nodes, used, edges = tree_paths.in_order(way)
        between = used[..., :-1] & used[..., 1:]
        arcs = jnp.where(between[..., None], at(words.arc, edges), words.no_arc)
        none = jnp.broadcast_to(words.no_arc, arcs[..., :1, :].shape)
        before = jnp.concatenate([none, arcs], -2)
        behind = jnp.concatenate([arcs, none], -2)
        return jnp.concatenate([at(words.vector, nodes), before, behind], -1), used


class PathMaxima(nn.Module):
    """SPXu: an LSTM from each end up to the top, one for first words and one for last
    ones (Xu et al. 2015). d is the maxima of their outputs over the words."""

    model: Model

    @nn.compact
    def __call__(self, words: Words, way: Paths) -> Both:
        x, mask = tree_paths.chains(words.inputs(), way)
        tops = words.tops(way)
        rows, pairs, d = tops.shape
        both = jnp.broadcast_to(tops[:, None], (rows, 2, pairs, d)).reshape(1, -1, d)
        x = jnp.concatenate([x, both])
        mask = jnp.concatenate([mask, jnp.ones_like(mask[:1])])

        def maxima(name: str) -> Array:
            """Of each side, read as if it were a first word's, or a last word's."""
            layer = recurrent.LSTM(lstm_cell(self.model.tree, self.model), name=name)
            h, _ = layer(jnp.swapaxes(x, 0, 1), mask.T)
            low = jnp.finfo(h.dtype).min
            h = jnp.max(jnp.where(mask.T[..., None], h, low), 1)
            return h.reshape(rows, 2, pairs, -1)

        first = maxima("first")
        last = maxima("last")
        return (
            jnp.concatenate([first[:, 0], last[:, 1]], -1),
            jnp.concatenate([first[:, 1], last[:, 0]], -1),
        )


class NoTree(nn.Module):
    """The labels of both words and nothing between them."""

    model: Model

    @nn.compact
    def __call__(self, words: Words, way: Paths) -> Both:
        # The words themselves are the paths' first nodes.
        first, last = (at(words.label, way.nodes[:, i, :, 0]) for i in (0, 1))
        return jnp.concatenate([first, last], -1), jnp.concatenate([last, first], -1)


def without_children(projected: Array, recurrent: Array) -> State:
    """The state of a leaf, or downwards of a root."""
    types, features, _ = recurrent.shape
    zeros = jnp.zeros((*projected.shape[:-1], types, features), projected.dtype)
    return trees.cell(projected, recurrent, State(zeros, zeros))


def _around(ends: Float[Array, "rows 2 pairs d"], top: Array) -> Both:
    first, last = ends[:, 0], ends[:, 1]
    return (
        jnp.concatenate([first, top, last], -1),
        jnp.concatenate([last, top, first], -1),
    )


def structure(model: Model, levels: int, name: str) -> nn.Module:
    """The module that the config names."""
    if model.structure in ("subtree", "fulltree"):
        return WholeTree(model, levels, name=name)
    made = {
        "sptree": ShortestPath,
        "spseq": PathSequence,
        "spxu": PathMaxima,
        "none": NoTree,
    }
    return made[model.structure](model, name=name)
