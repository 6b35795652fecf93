"""Checkpoints. A failure means that a restored state differs in a bit, that the best is
not kept, or that a damaged checkpoint ends a run."""

import logging
import os

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

from common.contract import UserError
from common.sections import Loop
from launch import devices, placement
from launch.checkpoints import Checkpoints


@struct.dataclass
class State:
    step: jax.Array
    key: jax.Array
    params: dict
    rows: jax.Array = struct.field(metadata={"batch_axis": 0})


def state(step: int) -> State:
    rng = np.random.default_rng(step)
    params = {
        "matrix": jnp.asarray(rng.standard_normal((64, 80)), jnp.float32),
        "half": jnp.asarray(rng.standard_normal(7), jnp.bfloat16),
        "flags": jnp.asarray(rng.random(5) > 0.5),
        "empty": jnp.zeros((4, 0, 3)),
    }
    rows = jnp.asarray(rng.standard_normal((8, 3)), jnp.float32)
    return State(jnp.int32(step), jax.random.key(step), params, rows)


def placed(step: int, n: int = 4):
    mesh = devices.make_mesh(n, "fsdp", devices=jax.devices()[:n])
    return jax.device_put(state(step), placement.place(state(step), mesh).state)


def abstract(n: int = 4):
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding),
        placed(0, n),
    )


def numbers(state: State):
    return jax.device_get(state.replace(key=jax.random.key_data(state.key)))


@pytest.fixture
def folder(tmp_path):
    """Three checkpoints, at steps 1, 2 and 3."""
    checkpoints = Checkpoints(tmp_path, Loop(keep=3))
    for step in (1, 2, 3):
        checkpoints.save(step, placed(step), {"step": step, "data": None}, None)
    checkpoints.close()
    return tmp_path


@pytest.mark.parametrize("n", [1, 2, 4])
def test_restores_every_bit_on_any_number_of_devices(folder, n):
    restored, meta = Checkpoints(folder, Loop()).restore(abstract(n))
    chex.assert_trees_all_equal(numbers(restored), numbers(state(3)))
    assert meta["step"] == 3
    assert restored.rows.sharding.num_devices == n


def test_nothing_to_restore(tmp_path):
    assert Checkpoints(tmp_path, Loop()).restore(abstract()) is None


def test_keeps_the_newest_and_the_best(tmp_path):
    checkpoints = Checkpoints(tmp_path, Loop(keep=2, best="loss"))
    for step, loss in enumerate([5.0, 1.0, 4.0, 3.0, 2.0, 6.0]):
        checkpoints.save(step, placed(step), {}, {"loss": loss})
    checkpoints.save(6, placed(6), {}, None)  # between two evaluations
    checkpoints.close()
    steps = {p.name for p in (tmp_path / "checkpoints").iterdir() if p.name.isdigit()}
    assert steps == {"1", "5", "6"}


def test_the_best_may_be_the_largest(tmp_path):
    checkpoints = Checkpoints(tmp_path, Loop(keep=1, best="+accuracy"))
    for step, accuracy in enumerate([0.1, 0.9, 0.5]):
        checkpoints.save(step, placed(step), {}, {"accuracy": accuracy})
    checkpoints.close()
    steps = {p.name for p in (tmp_path / "checkpoints").iterdir() if p.name.isdigit()}
    assert steps == {"1", "2"}


def test_saving_is_safe_from_donation(tmp_path):
    """The step after a save overwrites the state's buffers while it is written."""
    checkpoints = Checkpoints(tmp_path, Loop())
    step = jax.jit(lambda x: x * 1.5 + 1, donate_argnums=0)
    value = jnp.arange(1_000_000.0)
    holder = State(jnp.int32(0), jax.random.key(0), {"x": value}, jnp.zeros((8, 1)))
    expected = np.array(value)
    checkpoints.save(0, holder, {}, None)
    for _ in range(5):
        value = step(value)
    checkpoints.wait()
    like = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(
            x.shape,
            x.dtype,
            sharding=jax.sharding.SingleDeviceSharding(jax.devices()[0]),
        ),
        jax.eval_shape(
            lambda: state(0).replace(params={"x": expected}, rows=jnp.zeros((8, 1)))
        ),
    )
    restored, _ = checkpoints.restore(like)
    np.testing.assert_array_equal(restored.params["x"], expected)


def data_files(folder, step):
    files = [p for p in (folder / "checkpoints" / str(step)).rglob("*") if p.is_file()]
    return sorted(files, key=lambda p: -p.stat().st_size)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 8] = bytes(255 - b for b in data[middle : middle + 8])
    path.write_bytes(data)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("damage", [truncate, flip, os.remove])
@pytest.mark.parametrize("which", ["largest", "meta"])
def test_a_damaged_newest_is_set_aside_for_the_one_before(
    folder, damage, which, caplog
):
    files = data_files(folder, 3)
    meta = folder / "checkpoints" / "3" / "meta" / "metadata"
    damage(files[0] if which == "largest" else meta)
    with caplog.at_level(logging.WARNING, "launch"):
        restored, meta = Checkpoints(folder, Loop()).restore(abstract())
    assert meta["step"] == 2
    chex.assert_trees_all_equal(numbers(restored), numbers(state(2)))
    assert "checkpoint 3 is damaged" in caplog.text
    assert (folder / "damaged-3").exists()
    again = Checkpoints(folder, Loop())  # the step can be saved anew
    again.save(3, placed(3), {"step": 3}, None)
    again.close()
    assert Checkpoints(folder, Loop()).restore(abstract())[1]["step"] == 3


def test_a_half_written_checkpoint_is_no_checkpoint(folder):
    half = folder / "checkpoints" / "4.orbax-checkpoint-tmp"
    (half / "state").mkdir(parents=True)
    (half / "state" / "manifest").write_bytes(b"half")
    assert Checkpoints(folder, Loop()).restore(abstract())[1]["step"] == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_all_damaged_is_nothing_to_restore(folder):
    for step in (1, 2, 3):
        truncate(data_files(folder, step)[0])
    assert Checkpoints(folder, Loop()).restore(abstract()) is None


def test_a_state_of_another_shape_is_refused_and_left_alone(folder):
    """Code that changed is no damage: the checkpoint stays where it is."""
    other = abstract()
    params = {**other.params, "matrix": other.rows}
    with pytest.raises(UserError, match=r"params.matrix: 'float32\[64, 80\]'"):
        Checkpoints(folder, Loop()).restore(other.replace(params=params))
    assert Checkpoints(folder, Loop()).restore(abstract())[1]["step"] == 3
