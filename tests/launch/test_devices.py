"""Meshes and shardings. A failure means that a device holds other rows or parameters
than its share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct
from jax.sharding import PartitionSpec as P

from common.contract import UserError
from launch import devices, placement


@struct.dataclass
class State:
    step: jax.Array
    params: dict
    rows: jax.Array = struct.field(metadata={"batch_axis": 1})


def state() -> State:
    return State(
        jnp.zeros((), jnp.int32),
        {
            "long": jnp.zeros((6, 4096)),
            "square": jnp.zeros((64, 64)),
            "odd": jnp.zeros((99, 99)),
            "small": jnp.zeros(64),
        },
        jnp.zeros((3, 8, 5)),
    )


def specs(place):
    return jax.tree.map(lambda s: s.spec, place.state)


def test_rows_are_split_and_the_rest_is_whole():
    found = specs(placement.place(state(), devices.make_mesh(8)))
    assert found.rows == P(None, ("data0", "data1"))
    assert {*found.params.values(), found.step} == {P()}


def test_fsdp_splits_the_longest_axis_that_divides():
    found = specs(placement.place(state(), devices.make_mesh(8, "fsdp")))
    both = ("fsdp0", "fsdp1")
    assert found.params["long"] == P(None, both)
    assert found.params["square"] == P(both)
    assert found.params["odd"] == P()  # no axis divides
    assert found.params["small"] == P()  # not worth the traffic
    assert found.rows == P(None, both)


@pytest.mark.parametrize(
    ("shape", "order", "split"),
    [
        ((1600, 6400), None, (1, 256)),
        ((50257, 1600), None, (1, 64)),  # GPT-2 XL's embedding
        ((1600, 4800), None, (4, 64)),  # the longest first, the other what is left
        ((1600, 4800), (0, 1), (64, 4)),
        ((1600, 6400), (0,), (64, 1)),
        ((50257,), None, ()),
    ],
)
def test_what_does_not_divide_is_split_as_far_as_it_does(shape, order, split):
    parts = tuple((f"fsdp{i}", 2) for i in range(8))
    found = placement._split(shape, order, parts)
    sizes = tuple(2 ** len(names or ()) for names in found)
    assert sizes + (1,) * (len(shape) - len(sizes)) == split or sizes == split


def test_a_papers_own_rules_come_first():
    mesh = devices.make_mesh(8, "fsdp")
    rules = (("long", (0,)), ("square", ()))
    found = specs(placement.place(state(), mesh, rules=rules))
    assert found.params["long"] == P("fsdp0")  # 6 rows over 4: twofold
    assert found.params["square"] == P()


def test_mesh_sizes():
    assert devices.parse_mesh("data", 8) == {"data": 8, "fsdp": 1}
    assert devices.parse_mesh("data:2,fsdp", 8) == {"data": 2, "fsdp": 4}
    assert devices.make_mesh(8, "data:2,fsdp").axis_names == ("data0", "fsdp0")
    for wrong in ("model", "data:3,fsdp", "fsdp:4", "data,fsdp", "data:x", "data,data"):
        with pytest.raises(UserError, match="--mesh"):
            devices.parse_mesh(wrong, 8)


def test_fewer_rows_than_devices_are_repeated():
    """Every row is computed somewhere, and the mean is that of the rows."""
    place = placement.place(state(), devices.make_mesh(2, every_device=True))
    batch = place.put_batch({"x": np.arange(2.0)})
    assert len(batch["x"].addressable_shards) == 4
    assert place.share(2) == (0, 1)
    step = place.compile_eval(lambda state, batch: batch["x"].mean())
    assert float(step(place.put_state(state()), batch)) == 0.5


def test_each_device_holds_its_share_under_fsdp():
    place = placement.place(state(), devices.make_mesh(8, "fsdp"))
    placed = jax.device_put(state(), place.state)
    shards = placed.params["long"].addressable_shards
    assert {shard.data.shape for shard in shards} == {(6, 1024)}


def test_batches_are_split_by_rows_in_order():
    place = placement.place(state(), devices.make_mesh(8))
    batch = place.put_batch({"x": np.arange(16).reshape(8, 2)})
    shards = sorted(batch["x"].addressable_shards, key=lambda s: s.device.id)
    for i, shard in enumerate(shards):
        np.testing.assert_array_equal(
            shard.data, np.arange(16).reshape(8, 2)[2 * i :][:2]
        )


def test_a_cpu_mesh_takes_what_divides_unless_told_otherwise():
    assert devices.make_mesh(6).size == 2
    assert devices.make_mesh(7).size == 1
    assert devices.make_mesh(8, on_cpu=1).size == 1
    assert devices.make_mesh(8, on_cpu=16).size == 4
    assert devices.make_mesh(8, every_device=True, on_cpu=1).size == 4
    assert devices.make_mesh(6, every_device=True).size == 4


def test_pmap_replicates_parameters():
    with pytest.raises(UserError, match="use jit"):
        placement.place(state(), devices.make_mesh(8, "fsdp"), pmap=True)


@pytest.mark.parametrize("pmap", [False, True])
def test_a_step_keeps_rows_in_place(pmap):
    """Rows of the state meet the same rows of the batch, and come back as they were."""

    def step(state, batch, axis_name=None):
        rows = state.rows + batch["x"]
        mean = jnp.mean(batch["x"])
        mean = mean if axis_name is None else jax.lax.pmean(mean, axis_name)
        return state.replace(step=state.step + 1, rows=rows), {"mean": mean}

    place = placement.place(state(), devices.make_mesh(8), pmap=pmap)
    compiled = place.compile_train(step)
    x = np.arange(40, dtype=np.float32).reshape(8, 5)
    after, metrics = compiled(
        jax.device_put(state(), place.state), place.put_batch({"x": x})
    )
    np.testing.assert_array_equal(after.rows, np.broadcast_to(x, (3, 8, 5)))
    assert float(metrics["mean"]) == pytest.approx(x.mean())
    assert after.rows.sharding.is_equivalent_to(place.state.rows, 3)
    assert int(after.step) == 1


def test_a_placed_state_shares_no_buffer():
    """One array under two names, as a network and the target it starts as, can still
    be given up to a step; and the array itself outlives that."""
    shared = jnp.ones((64, 64))
    twice = state().replace(params={"online": shared, "target": shared})
    place = placement.place(twice, devices.make_mesh(8))
    step = place.compile_train(lambda s, b: (s.replace(step=s.step + 1), {}))
    after, _ = step(place.put_state(twice), {})
    assert int(after.step) == 1
    assert float(shared.sum()) == 64 * 64
