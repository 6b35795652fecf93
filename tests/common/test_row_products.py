"""A product of rows is x @ kernel, whatever axes the rows have."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.row_products import row_product


@pytest.mark.parametrize("rows", [(), (5,), (2, 3), (2, 3, 4)])
def test_rows_of_any_axes_are_multiplied_one_by_one(rows):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((*rows, 6))
    kernel = rng.standard_normal((6, 7))
    found = row_product(jnp.array(x, jnp.float32), jnp.array(kernel, jnp.float32))
    assert found.shape == (*rows, 7)
    np.testing.assert_allclose(found, x @ kernel, atol=1e-5)


def test_a_dense_layer_has_the_gradients_that_it_had():
    x = jax.random.normal(jax.random.key(0), (2, 3, 6))
    plain = nn.Dense(7)
    rows = nn.Dense(7, dot_general=row_product)
    variables = plain.init(jax.random.key(1), x)

    def grads(layer):
        return jax.grad(lambda v, x: jnp.sum(layer.apply(v, x) ** 2), (0, 1))

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        grads(plain)(variables, x),
        grads(rows)(variables, x),
    )


def test_bfloat16_factors_give_the_wider_product_that_is_asked_for():
    x = jnp.ones((2, 3, 4), jnp.bfloat16)
    kernel = jnp.ones((4, 5), jnp.bfloat16)
    found = row_product(x, kernel, preferred_element_type=jnp.float32)
    assert found.dtype == jnp.float32
