"""GELU beside JAX's, its slope beside finite differences in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.gelu import gelu

X = jnp.linspace(-8, 8, 1001)


def test_values_are_those_of_jax():
    np.testing.assert_allclose(gelu(X), jax.nn.gelu(X, approximate=True), atol=1e-6)


def test_the_slope_is_that_of_the_equation():
    def exact(x):
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    x = np.asarray(X, np.float64)
    expected = (exact(x + 1e-6) - exact(x - 1e-6)) / 2e-6
    np.testing.assert_allclose(jax.vmap(jax.grad(gelu))(X), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_dtypes_stay(dtype):
    x = X.astype(dtype)
    assert gelu(x).dtype == dtype
    assert jax.grad(lambda x: gelu(x).sum().astype(jnp.float32))(x).dtype == dtype
