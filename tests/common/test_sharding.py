"""Parameters are gathered before a product sums over them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from common.sharding import whole

DEVICES = 4
W = jnp.arange(32.0).reshape(8, 4)
X = jnp.arange(64.0).reshape(8, 8)


@pytest.fixture(scope="module")
def mesh():
    return Mesh(np.array(jax.devices()[:DEVICES]), ("fsdp",))


def product(x, w):
    return x @ whole(w)


def test_without_a_mesh_nothing_changes():
    np.testing.assert_array_equal(jax.jit(product)(X, W), X @ W)
    ours = jax.grad(lambda w: product(X, w).sum())(W)
    np.testing.assert_array_equal(ours, jax.grad(lambda w: (X @ w).sum())(W))


def test_on_a_mesh_parameters_are_gathered_and_no_partial_sums_are_added(mesh):
    rows = NamedSharding(mesh, PartitionSpec("fsdp"))

    def step(x, w):
        with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
            return product(x, w)

    lowered = jax.jit(step, in_shardings=(rows, rows), out_shardings=rows).lower(X, W)
    program = lowered.compile().as_text()
    assert "all-gather" in program
    assert "all-reduce" not in program
    found = jax.jit(step)(jax.device_put(X, rows), jax.device_put(W, rows))
    np.testing.assert_array_equal(found, X @ W)


def test_under_pmap_and_vmap_nothing_changes():
    members = jnp.stack([W] * DEVICES)
    found = jax.pmap(jax.vmap(product, (0, None)), axis_name="data")(
        jnp.stack([X[None]] * DEVICES), members
    )
    np.testing.assert_array_equal(found[2, 0], X @ W)
