"""Tree LSTMs against the recursive definition, in float64: all trees of a batch, all
pairs of words."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common import tree_paths, trees
from common.lstm import State
from tests.common import recursive_trees as oracle

D = 5
WORDS = 9
STEPS = 8


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def drawn(seed, types, rows=3):
    """Projected inputs, a recurrent array, heads of trees of 9, 6 and 1 words, padded
    with words that are roots of their own."""
    rng = np.random.default_rng(seed)
    parent = np.full((rows, WORDS), -1)
    for row, words in enumerate((WORDS, 6, 1)[:rows]):
        parent[row, :words] = oracle.random_tree(rng, words)
    projected = rng.normal(size=(rows, WORDS, 4 * D))
    recurrent = rng.normal(size=(types, D, (3 + types) * D)) / 2
    kind = rng.integers(types, size=(rows, WORDS))
    return projected, recurrent, parent, kind


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize(
    ("types", "own"), [(1, False), (2, False), (3, False), (1, True)]
)
def test_a_batch_of_trees_is_the_recursion_tree_by_tree(types, own, direction):
    projected, recurrent, parent, kind = drawn(0, types)
    found = trees.on_levels(
        projected, recurrent, parent, levels=WORDS, direction=direction,
        kind=kind, own_gates=own,
    )  # fmt: skip
    children = {"up": oracle.below, "down": oracle.above}[direction]
    for row in range(len(parent)):
        h, c = oracle.recurse(
            projected[row], recurrent, children(parent[row]), kind[row], own
        )
        np.testing.assert_allclose(found.h[row], h, atol=1e-15)
        np.testing.assert_allclose(found.c[row], c, atol=1e-15)


def test_no_gradient_leaks_between_trees():
    projected, recurrent, parent, _ = drawn(1, 1)

    def first_tree(projected):
        found = trees.on_levels(
            projected, recurrent, parent, levels=WORDS, direction="up"
        )
        return jnp.sum(found.h[0])

    gradient = jax.grad(first_tree)(projected)
    assert np.abs(gradient[0]).max() > 0
    assert not gradient[1:].any()


def test_the_gradient_of_a_cell_is_that_of_finite_differences():
    rng = np.random.default_rng(2)
    types = 2
    arguments = (
        rng.normal(size=(1, 4 * D)),
        rng.normal(size=(types, D, (3 + types) * D)),
        State(*rng.normal(size=(2, 1, types, D))),
    )
    jax.test_util.check_grads(trees.cell, arguments, order=1, modes=["rev"], eps=1e-6)
    arguments = arguments[0], rng.normal(size=(1, D, 4 * D)), arguments[2]
    jax.test_util.check_grads(
        trees.child_sum, arguments, order=1, modes=["rev"], eps=1e-6
    )


def test_the_order_of_children_does_not_matter():
    """Words are renumbered, heads with them: each word keeps its state."""
    projected, recurrent, parent, kind = drawn(3, 2, rows=1)
    order = np.random.default_rng(3).permutation(WORDS)
    place = np.argsort(order)
    moved = np.where(parent[0] < 0, -1, place[parent[0]])[order][None]

    def states(projected, parent, kind):
        return trees.on_levels(
            projected, recurrent, parent, levels=WORDS, direction="up", kind=kind
        ).h

    one = states(projected, parent, kind)[:, order]
    other = states(projected[:, order], moved, kind[:, order])
    np.testing.assert_allclose(one, other, atol=1e-15)


def test_words_below_the_levels_are_left_out():
    chain = np.array([[-1, 0, 1, 2]])
    projected = np.random.default_rng(4).normal(size=(1, 4, 4 * D))
    recurrent = drawn(4, 1)[1]
    short = trees.on_levels(projected, recurrent, chain, levels=3, direction="up")
    whole = trees.on_levels(
        projected[:, :3], recurrent, chain[:, :3], levels=3, direction="up"
    )
    np.testing.assert_allclose(short.h[:, :3], whole.h)
    assert not short.h[:, 3].any()


def every_pair(parent):
    pairs = np.array([*itertools.combinations(range(WORDS), 2)]).T
    first, last = (np.tile(x, (len(parent), 1)) for x in pairs)
    return first, last, tree_paths.paths(parent, first, last, STEPS)


def test_paths_are_those_of_the_tree():
    _, _, parent, _ = drawn(5, 1)
    first, last, way = every_pair(parent)
    for row, pair in itertools.product(range(3), range(first.shape[1])):
        ends = first[row, pair], last[row, pair]
        roots = [[*oracle.path(parent[row], end, end)][2] for end in ends]
        together = trees.ancestors(parent)[row]
        if not (together[ends[0]] & together[ends[1]]).any():
            assert not way.whole[row, pair], roots
            continue
        left, right, top = oracle.path(parent[row], *ends)
        assert way.whole[row, pair]
        assert way.top[row, pair] == top
        for side, nodes in enumerate((left, right)):
            used = way.used[row, side, pair]
            assert [*way.nodes[row, side, pair][used]] == nodes


def test_a_path_that_is_too_long_is_not_whole():
    chain = np.array([[-1, 0, 1, 2, 3]])
    first, last = np.array([[0, 0]]), np.array([[3, 4]])
    way = tree_paths.paths(chain, first, last, 3)
    assert [*way.whole[0]] == [True, False]
    assert not way.used[0, :, 1].any()


@pytest.mark.parametrize("own", [False, True])
def test_path_scans_are_the_recursion_for_all_pairs(own):
    projected, recurrent, parent, kind = drawn(6, 1, rows=1)
    first, last, way = every_pair(parent)
    tops = tree_paths.at(projected, way.top)
    up = tree_paths.up(projected, tops, recurrent, way, own)
    start = trees.cell(tops, recurrent, State(*jnp.zeros((2, 1, 36, 1, D))))
    down = tree_paths.down(projected, recurrent[0], way, start)
    for pair in range(36):
        left, right, top = oracle.path(parent[0], first[0, pair], last[0, pair])
        kept = {*left, *right, top}
        alone = np.array(
            [p if i in kept - {top} else -1 for i, p in enumerate(parent[0])]
        )
        h, _ = oracle.recurse(
            projected[0], recurrent, oracle.below(alone), kind[0], own
        )
        np.testing.assert_allclose(up.h[0, pair], h[top], atol=1e-15)
        h, _ = oracle.recurse(
            projected[0], recurrent, oracle.above(alone), kind[0], own
        )
        np.testing.assert_allclose(down[0, 0, pair], h[first[0, pair]], atol=1e-15)
        np.testing.assert_allclose(down[0, 1, pair], h[last[0, pair]], atol=1e-15)
        if first[0, pair] == top:
            np.testing.assert_array_equal(down[0, 0, pair], start.h[0, pair])


@pytest.mark.parametrize("types", [1, 2])
def test_paths_inside_a_tree_are_the_recursion_for_all_pairs(types):
    """The subtree under the top, upwards; the whole tree, downwards."""
    projected, recurrent, parent, _ = drawn(7, types, rows=1)
    on = types - 1
    first, last, way = every_pair(parent)
    beside = trees.of_type(recurrent, 0)[None]
    alone = trees.on_levels(projected, beside, parent, levels=WORDS, direction="up")
    up = tree_paths.up_with_others(projected, recurrent, way, parent, alone)
    from_root = trees.on_levels(
        projected, beside, parent, levels=WORDS, direction="down"
    )
    start = State(*(tree_paths.at(x, way.top) for x in from_root))
    down = tree_paths.down(projected, trees.of_type(recurrent, on), way, start)
    for pair in range(36):
        ends = first[0, pair], last[0, pair]
        left, right, top = oracle.path(parent[0], *ends)
        kind = np.zeros(WORDS, int)
        kind[[*left, *right, top]] = on
        h, _ = oracle.recurse(projected[0], recurrent, oracle.below(parent[0]), kind)
        np.testing.assert_allclose(up.h[0, pair], h[top], atol=1e-14)
        h, _ = oracle.recurse(projected[0], recurrent, oracle.above(parent[0]), kind)
        np.testing.assert_allclose(down[0, 0, pair], h[ends[0]], atol=1e-14)
        np.testing.assert_allclose(down[0, 1, pair], h[ends[1]], atol=1e-14)
