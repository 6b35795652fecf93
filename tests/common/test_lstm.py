"""The LSTM's step and scan against the equations in numpy, and the laws of its mask. A
failure means another function or gradient, that padding is seen, or that the future is.
"""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from common.lstm import State, scan, step

TIME, BATCH, FEATURES = 5, 4, 3
LENGTHS = np.array([5, 3, 0, 1])
MASK = np.arange(TIME)[:, None] < LENGTHS
HOLES = np.random.default_rng(7).random((TIME, BATCH)) < 0.6


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def arguments(dtype=np.float32, features=FEATURES):
    """projected, recurrent, initial"""
    projected = normal(TIME, BATCH, 4 * features)
    recurrent = normal(features, 4 * features, seed=1)
    initial = State(normal(BATCH, features, seed=2), normal(BATCH, features, seed=3))
    given = projected, recurrent, initial
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), given)


def pulled(results):
    """A scalar that every number of the results moves, each in its own way."""
    leaves = jax.tree.leaves(results)
    return sum((x * normal(*x.shape, seed=9)).sum() for x in leaves)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_loops(projected, recurrent, initial, mask, reverse):
    """The equations, row by row, over the steps that count alone."""
    h, c = np.array(initial.h), np.array(initial.c)
    outputs = np.zeros((TIME, *h.shape), projected.dtype)
    for row in range(BATCH):
        steps = np.flatnonzero(mask[:, row])
        for t in steps[::-1] if reverse else steps:
            i, f, g, o = np.split(projected[t, row] + h[row] @ recurrent, 4)
            c[row] = sigmoid(f) * c[row] + sigmoid(i) * np.tanh(g)
            h[row] = outputs[t, row] = sigmoid(o) * np.tanh(c[row])
    return outputs, State(h, c)


def complex_step_gradients(loss, arguments):
    """The derivative by each number, to the last bits: Im loss(x + i e) / e."""
    leaves, tree = jax.tree.flatten(arguments)
    leaves = [np.asarray(x, complex) for x in leaves]
    gradients = [np.zeros(x.shape) for x in leaves]
    for x, gradient in zip(leaves, gradients, strict=True):
        for place in np.ndindex(x.shape):
            x[place] += 1e-30j
            gradient[place] = loss(*jax.tree.unflatten(tree, leaves)).imag / 1e-30
            x[place] = x[place].real
    return jax.tree.unflatten(tree, gradients)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("mask", [MASK, HOLES], ids=["lengths", "holes"])
def test_values_and_gradients_are_those_of_the_equations_in_float64(mask, reverse):
    with jax.enable_x64(True):
        given = arguments(np.float64)
        ours = partial(scan, mask=jnp.asarray(mask), reverse=reverse)
        found = ours(*given)
        gradients = jax.grad(lambda *a: pulled(ours(*a)), (0, 1, 2))(*given)
    theirs = partial(by_loops, mask=mask, reverse=reverse)
    expected = theirs(*jax.tree.map(np.asarray, given))
    chex.assert_trees_all_close(found, expected, rtol=1e-12, atol=1e-13)
    expected = complex_step_gradients(lambda *a: pulled(theirs(*a)), given)
    chex.assert_trees_all_close(gradients, expected, rtol=1e-11, atol=1e-12)


@pytest.fixture(scope="module")
def value_and_gradients():
    """Compiled: the results of a masked scan, and the gradients by its arguments."""

    @partial(jax.jit, static_argnames="reverse")
    def run(given, mask, reverse=False):
        def loss(given):
            results = scan(*given, mask=mask, reverse=reverse)
            return pulled(results), results

        gradients, results = jax.grad(loss, has_aux=True)(given)
        return results, gradients

    return run


def test_what_padding_holds_is_never_seen(value_and_gradients):
    projected, recurrent, initial = arguments()
    for rubbish in (1e30, np.nan):
        other = jnp.where(MASK[..., None], projected, rubbish)
        chex.assert_trees_all_equal(
            value_and_gradients((other, recurrent, initial), MASK),
            value_and_gradients((projected, recurrent, initial), MASK),
        )


@pytest.mark.parametrize("reverse", [False, True])
def test_more_padding_changes_no_bit_of_the_outputs(reverse):
    projected, recurrent, initial = arguments()
    longer = jnp.concatenate([projected, projected])
    mask = np.concatenate([MASK, np.zeros_like(MASK)])
    outputs, final = scan(projected, recurrent, initial, MASK, reverse)
    padded, padded_final = scan(longer, recurrent, initial, mask, reverse)
    chex.assert_trees_all_equal((padded[:TIME], padded_final), (outputs, final))
    assert not padded[TIME:].any()


def test_a_full_mask_is_no_mask():
    given = arguments()
    full = np.ones_like(MASK)
    chex.assert_trees_all_equal(scan(*given, full), scan(*given))


def test_a_row_without_steps_keeps_its_initial_state_and_passes_its_gradient(
    value_and_gradients,
):
    given = arguments()
    (outputs, final), gradients = value_and_gradients(given, MASK)
    d_projected, _, d_initial = gradients
    row = 2
    pull = normal(BATCH, FEATURES, seed=9).astype(np.float32)
    for found, expected in (
        (final, given[2]),
        (d_initial, State(pull, pull)),
    ):
        np.testing.assert_array_equal(found.h[row], expected.h[row])
        np.testing.assert_array_equal(found.c[row], expected.c[row])
    assert not outputs[:, row].any()
    assert not d_projected[:, row].any()
    assert not d_projected[~MASK].any()


def test_a_sequence_without_steps_is_a_row_without_steps():
    projected, recurrent, initial = arguments()
    empty = projected[:0]

    def loss(recurrent, initial):
        outputs, final = scan(empty, recurrent, initial)
        return pulled(final), (outputs, final)

    gradients, (outputs, final) = jax.grad(loss, (0, 1), True)(recurrent, initial)
    assert outputs.shape == (0, BATCH, FEATURES)
    chex.assert_trees_all_equal(final, initial)
    pull = normal(BATCH, FEATURES, seed=9).astype(np.float32)
    expected = jnp.zeros_like(recurrent), State(pull, pull)
    chex.assert_trees_all_equal(gradients, expected)


def flipped(x):
    """Each row's own steps in the other order, its padding left where it is."""
    x = np.array(x)
    for row, length in enumerate(LENGTHS):
        x[:length, row] = x[:length, row][::-1]
    return jnp.asarray(x)


def test_reverse_is_a_flip_of_each_rows_own_steps():
    projected, recurrent, initial = arguments()
    reverse, final = scan(projected, recurrent, initial, MASK, reverse=True)
    by_hand, by_hand_final = scan(flipped(projected), recurrent, initial, MASK)
    chex.assert_trees_all_equal((reverse, final), (flipped(by_hand), by_hand_final))


@pytest.mark.parametrize("reverse", [False, True])
def test_no_output_depends_on_a_later_step_or_another_row(reverse):
    projected, recurrent, initial = arguments()
    changed = projected.at[2, 0].add(1.0)
    before, after = (
        scan(x, recurrent, initial, reverse=reverse)[0] for x in (projected, changed)
    )
    moved = np.any(before != after, -1)
    expected = np.zeros((TIME, BATCH), bool)
    expected[slice(0, 3) if reverse else slice(2, None), 0] = True
    np.testing.assert_array_equal(moved, expected)


def test_steps_one_by_one_are_the_scan():
    projected, recurrent, state = arguments()
    outputs, final = scan(projected, recurrent, state)
    for t in range(TIME):
        state = step(projected[t], recurrent, state)
        chex.assert_trees_all_close(state.h, outputs[t], atol=1e-6)
    chex.assert_trees_all_close(state, final, atol=1e-6)


def test_a_sum_of_states_is_a_tree_cell_whose_children_share_a_forget_gate():
    projected, recurrent, left = arguments()
    right = State(left.c, left.h)
    found = step(projected[0], recurrent, jax.tree.map(jnp.add, left, right))
    z = np.asarray(projected[0] + left.h @ recurrent + right.h @ recurrent)
    i, f, g, o = np.split(z, 4, -1)
    c = sigmoid(i) * np.tanh(g) + sigmoid(f) * left.c + sigmoid(f) * right.c
    expected = State(sigmoid(o) * np.tanh(c), c)
    chex.assert_trees_all_close(found, expected, rtol=1e-5, atol=1e-6)


def products(jaxpr):
    """The shapes of all products of matrices in a program, loops included."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            yield equation.outvars[0].aval.shape
        for inner in jaxprs_in_params(equation.params):
            yield from products(inner)


def loops(jaxpr):
    for equation in jaxpr.eqns:
        inner = [*jaxprs_in_params(equation.params)]
        if equation.primitive.name == "scan":
            yield from inner
        else:
            for each in inner:
                yield from loops(each)


def test_the_gradient_of_the_matrix_is_one_product_outside_of_the_loops():
    given = arguments()
    grad = jax.grad(lambda *a: pulled(scan(*a, MASK)), (0, 1, 2))
    program = jax.make_jaxpr(grad)(*given).jaxpr
    matrix = (FEATURES, 4 * FEATURES)
    forward, backward = loops(program)
    assert [*products(forward)] == [(BATCH, 4 * FEATURES)]
    assert [*products(backward)] == [(BATCH, FEATURES)]
    assert [*products(program)].count(matrix) == 1


def test_bfloat16_activations_follow_float32_ones(value_and_gradients):
    given = arguments()
    (outputs, final), gradients = value_and_gradients(
        (given[0].astype(jnp.bfloat16), *given[1:]), MASK
    )
    assert outputs.dtype == final.h.dtype == jnp.bfloat16
    assert final.c.dtype == jnp.float32
    chex.assert_trees_all_equal_dtypes(gradients[1:], given[1:])
    found = (outputs, final), gradients
    found = jax.tree.map(lambda x: x.astype(jnp.float32), found)
    chex.assert_trees_all_close(
        found, value_and_gradients(given, MASK), rtol=0.05, atol=0.05
    )


def test_the_cell_counts_past_what_bfloat16_can():
    """Open gates add 1 a step; a bfloat16 cell would stop at 256."""
    steps = 600
    projected = jnp.full((steps, 1, 4), 50.0, jnp.bfloat16)
    zero = State(jnp.zeros((1, 1)), jnp.zeros((1, 1)))
    _, final = scan(projected, jnp.zeros((1, 4)), zero)
    assert final.c.item() == steps


@pytest.fixture
def setting():
    """A loss of (recurrent, projected, mask), its arguments with 8 rows, its
    gradient."""

    def loss(recurrent, projected, mask):
        zeros = jnp.zeros((projected.shape[1], FEATURES))
        outputs, final = scan(projected, recurrent, State(zeros, zeros), mask)
        return jnp.sum(jnp.square(outputs)) + jnp.sum(jnp.sin(final.c))

    projected, recurrent, _ = arguments()
    rows = jnp.concatenate([projected, 2 * projected], 1)
    mask = jnp.concatenate([MASK, HOLES], 1)
    return loss, (recurrent, rows, mask), jax.grad(loss)(recurrent, rows, mask)


def same(found, expected):
    chex.assert_trees_all_close(found, expected, rtol=1e-4, atol=1e-5)


def test_sharded_rows_give_the_same_gradient_and_gather_nothing(setting):
    loss, (recurrent, *rows), expected = setting
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:4]), ("data",))
    rows = jax.device_put(rows, jax.sharding.NamedSharding(mesh, jax.P(None, "data")))
    grad = jax.jit(jax.grad(loss))
    assert "all-gather" not in grad.lower(recurrent, *rows).compile().as_text()
    same(grad(recurrent, *rows), expected)


def test_an_ensemble_is_a_vmap(setting):
    loss, (recurrent, *rows), expected = setting
    members = jnp.stack([recurrent, 2 * recurrent])
    found = jax.vmap(jax.grad(loss), (0, None, None))(members, *rows)
    same(found[0], expected)
    same(found[1], jax.grad(loss)(2 * recurrent, *rows))


def test_rows_are_a_vmap(setting):
    loss, (recurrent, *rows), expected = setting
    rows = [x[:, :, None] for x in rows]  # each a batch of one
    grads = jax.vmap(jax.grad(loss), (None, 1, 1))(recurrent, *rows)
    same(jnp.sum(grads, 0), expected)


def test_remat_and_jit_inside_of_the_gradient_give_the_same(setting):
    loss, given, expected = setting
    same(jax.grad(jax.jit(jax.checkpoint(loss)))(*given), expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mask": MASK.T},
        {"mask": MASK[:-1]},
        {"recurrent": np.zeros((4 * FEATURES, FEATURES))},
        {"initial": State(np.zeros(FEATURES), np.zeros(FEATURES))},
    ],
)
def test_arrays_that_do_not_fit_are_refused(wrong):
    names = ("projected", "recurrent", "initial")
    given = dict(zip(names, arguments(), strict=True))
    with pytest.raises(AssertionError):
        scan(**given | wrong)
