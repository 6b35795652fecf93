"""Independent rows. A failure means other numbers than vmap's, or that rows leave their
devices."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from common.rows import each_row, split_beside
from launch import devices


def convolved(kernel, image):
    """A row's convolution with its own kernel, and the gradient."""

    def total(kernel):
        y = jax.lax.conv(image[None], kernel, (1, 1), "SAME")
        return jnp.sum(jnp.tanh(y)), y

    return jax.grad(total, has_aux=True)(kernel)


def arrays(rows):
    keys = jax.random.split(jax.random.key(0))
    return (
        jax.random.normal(keys[0], (rows, 2, 3, 3, 3)),
        jax.random.normal(keys[1], (rows, 3, 8, 8)),
    )


def test_rows_are_as_under_vmap():
    expected = jax.vmap(convolved)(*arrays(3))
    chex.assert_trees_all_close(each_row(convolved, *arrays(3)), expected, atol=1e-5)


def test_all_rows_are_one_trace():
    seen = []
    each_row(lambda row: seen.append(row.shape) or row, jnp.ones((4, 3)))
    assert seen == [(3,)]


@pytest.mark.parametrize(("rows", "sizes"), [(4, "data"), (8, "data:2,fsdp"),
                                             (2, "data:2,fsdp:2")])  # fmt: skip
def test_rows_stay_on_their_devices(rows, sizes):
    mesh = devices.make_mesh(4 * rows, sizes, devices=jax.devices()[:4])

    def step(*arrays):
        with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
            return each_row(convolved, *arrays)

    split = NamedSharding(mesh, PartitionSpec(devices.split_rows(mesh, rows)))
    compiled = jax.jit(step, in_shardings=split).lower(*arrays(rows)).compile()
    program = compiled.as_text()
    assert "all-gather" not in program
    assert "all-reduce" not in program
    found = compiled(*jax.device_put(arrays(rows), split))
    chex.assert_trees_all_close(found, jax.vmap(convolved)(*arrays(rows)), atol=1e-5)
    assert found[0].sharding.is_equivalent_to(split, 5)


@pytest.mark.parametrize(
    ("shape", "axis", "split"),
    [
        ((8, 3), 0, (("data0", "fsdp0"),)),
        ((6, 3), 0, ("data0",)),
        ((3, 4), 0, ()),
        ((3, 4), 1, (None, ("data0", "fsdp0"))),
    ],
)
def test_rows_are_split_beside_parameters_as_far_as_they_divide(shape, axis, split):
    mesh = devices.make_mesh(4, "data:2,fsdp:2", devices=jax.devices()[:4])
    params = {"w": jax.device_put(jnp.ones(8), NamedSharding(mesh, PartitionSpec()))}
    rows = np.arange(np.prod(shape)).reshape(shape)
    found = split_beside(params, rows, axis)
    np.testing.assert_array_equal(found, rows)
    wanted = NamedSharding(mesh, PartitionSpec(*split))
    assert found.sharding.is_equivalent_to(wanted, 2)


def test_rows_beside_parameters_of_one_device_stay_on_the_host():
    rows = np.ones((4, 2))
    assert split_beside({"w": jnp.ones(8)}, rows) is rows
