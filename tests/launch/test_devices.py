"""Meshes and shardings. A failure means that a device holds other rows or parameters
than its share."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct
from jax.sharding import PartitionSpec as P

from common.contract import UserError
from launch import chips, devices, placement
from papers import transformer_xl


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
    found = placement.split(shape, order, parts)
    sizes = tuple(2 ** len(names or ()) for names in found)
    assert sizes + (1,) * (len(shape) - len(sizes)) == split or sizes == split


def test_a_papers_own_rules_come_first():
    mesh = devices.make_mesh(8, "fsdp")
    rules = (("long", (0,)), ("square", ()))
    found = specs(placement.place(state(), mesh, rules=rules))
    assert found.params["long"] == P("fsdp0")  # 6 rows over 4: twofold
    assert found.params["square"] == P()


def test_transformer_xl_splits_positions_over_their_outputs():
    """Over its inputs, every layer would sum products of all devices."""
    config = transformer_xl.get_config("smoke")
    config.model.d_model = 256
    shapes = jax.eval_shape(lambda: transformer_xl.init(config, jax.random.key(0)))
    mesh = devices.make_mesh(8, "fsdp")
    place = placement.place(shapes, mesh, rules=transformer_xl.SHARDING)
    kernels = place.state.params["layers_0"]["attention"]
    assert kernels["position"]["kernel"].spec == P(None, "fsdp0", "fsdp1")
    assert kernels["key"]["kernel"].spec == P(("fsdp0", "fsdp1"))


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
    assert place.shares(2) == {0: (0, 1)}
    step = place.compile_eval(lambda state, batch: batch["x"].mean())
    assert float(step(place.put_state(state()), batch)) == 0.5


@dataclasses.dataclass(frozen=True)
class Device:
    """What a mesh asks of a device."""

    id: int
    process_index: int
    platform: str = "tpu"


def assert_rows_are_shared(listed, rows: int, count: int) -> None:
    """There are `count` equal shares, each process reads one of them, and its devices
    compute no row outside of it."""
    place = placement.Placement(devices.make_mesh(rows, devices=listed), state=None)
    shares = place.shares(rows)
    assert {of for _, of in shares.values()} == {count}
    assert {index for index, _ in shares.values()} == {*range(count)}
    spans = place.rows(rows).devices_indices_map((rows,))
    computed = set()
    for device, (span,) in spans.items():
        index, _ = shares[device.process_index]
        mine = range(rows)[span]
        computed |= {*mine}
        assert {*mine} <= {*range(index * rows // count, (index + 1) * rows // count)}
    assert computed == {*range(rows)}


@pytest.mark.parametrize(
    ("processes", "each", "rows", "count"),
    [
        (2, 4, 8, 2),
        (4, 2, 4, 4),
        (4, 2, 2, 2),  # two processes compute the same rows
        (3, 2, 12, 3),
        (3, 2, 8, 1),  # 3 devices compute the same rows, and straddle 2 processes
        (3, 4, 8, 1),
        (6, 2, 8, 2),
        (6, 4, 48, 6),
    ],
)
def test_each_process_reads_the_rows_of_its_devices(processes, each, rows, count):
    listed = [Device(i, i // each) for i in range(processes * each)]
    assert_rows_are_shared(listed, rows, count)
    # Whatever order they are listed in: a process's rows are consecutive.
    assert_rows_are_shared(listed[::2] + listed[1::2], rows, count)


@pytest.mark.parametrize(
    ("slice_", "rows", "count"),
    [("v5p:4x4x12", 256, 16), ("v5p:4x4x12", 192, 48), ("v5e:8x16", 128, 32),
     ("v5p:4x8x12", 64, 32)],
)  # fmt: skip
def test_hosts_of_a_slice_read_the_rows_of_their_chips(slice_, rows, count):
    """In libtpu's own order of the chips."""
    pytest.importorskip("libtpu")
    assert_rows_are_shared(chips.topology_devices(slice_), rows, count)


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
