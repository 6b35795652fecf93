"""Corner pooling against loops: a failure means that corners look in a wrong direction,
or that gradients go to the wrong cells."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers.cornernet.corner_pooling import (
    bottom_pool,
    left_pool,
    right_pool,
    top_pool,
)

# (pool, axis, from the last cell to the first)
POOLS = [
    pytest.param(pool, axis, reverse, id=pool.__name__)
    for pool, axis, reverse in (
        (top_pool, 1, True), (left_pool, 2, True),
        (bottom_pool, 1, False), (right_pool, 2, False),
    )
]  # fmt: skip
every_pool = pytest.mark.parametrize(("pool", "axis", "reverse"), POOLS)


def maps(levels: int = 4) -> np.ndarray:
    """Whole numbers, many of them equal."""
    rng = np.random.default_rng(0)
    return rng.integers(0, levels, (2, 7, 9, 3)).astype(np.float32)


def by_loops(x, dy, axis, reverse):
    """(y, dx): each output shows the largest input so far, of equals the first met."""
    x = np.moveaxis(x, axis, 0)
    dy = np.moveaxis(dy, axis, 0)
    y, dx = np.zeros_like(x), np.zeros_like(x)
    order = range(len(x))[::-1] if reverse else range(len(x))
    for place in itertools.product(*map(range, x.shape[1:])):
        best = None
        for i in order:
            if best is None or x[(i, *place)] > x[(best, *place)]:
                best = i
            y[(i, *place)] = x[(best, *place)]
            dx[(best, *place)] += dy[(i, *place)]
    return np.moveaxis(y, 0, axis), np.moveaxis(dx, 0, axis)


def test_the_rows_of_the_paper():
    row = jnp.array([1.0, 3.0, 2.0]).reshape(1, 1, 3, 1)
    assert left_pool(row).ravel().tolist() == [3, 3, 2]
    assert right_pool(row).ravel().tolist() == [1, 3, 3]
    column = jnp.swapaxes(row, 1, 2)
    assert top_pool(column).ravel().tolist() == [3, 3, 2]
    assert bottom_pool(column).ravel().tolist() == [1, 3, 3]


@every_pool
def test_pools_and_gradients_are_those_of_the_loops(pool, axis, reverse):
    x = maps()
    dy = np.random.default_rng(1).standard_normal(x.shape).astype(np.float32)
    y, vjp = jax.vjp(pool, jnp.array(x))
    expected_y, expected_dx = by_loops(x, dy, axis, reverse)
    np.testing.assert_array_equal(y, expected_y)
    (dx,) = vjp(jnp.array(dy))
    np.testing.assert_allclose(dx, expected_dx, atol=1e-5)
    np.testing.assert_allclose(dx.sum(axis), dy.sum(axis), atol=1e-5)


@every_pool
def test_pooling_twice_changes_nothing_and_monotone_maps_commute(pool, axis, reverse):
    x = jnp.array(maps(50))
    y = pool(x)
    np.testing.assert_array_equal(pool(y), y)
    np.testing.assert_array_equal(pool(jnp.exp(x / 10)), jnp.exp(y / 10))


@pytest.mark.parametrize("size", [1, 2, 8, 11])
def test_gradients_are_kept_in_maps_of_any_length(size):
    x = np.random.default_rng(2).standard_normal((1, size, 1, 1)).astype(np.float32)
    dy = np.arange(1, size + 1, dtype=np.float32).reshape(x.shape)
    _, vjp = jax.vjp(top_pool, jnp.array(x))
    np.testing.assert_allclose(vjp(jnp.array(dy))[0], by_loops(x, dy, 1, True)[1])


def test_half_precision_stays_half_precision():
    x = jnp.array(maps(), jnp.bfloat16)
    y, vjp = jax.vjp(left_pool, x)
    assert y.dtype == vjp(y)[0].dtype == jnp.bfloat16
