"""Checkpoints. A failure means that a restored state differs in a bit, that the best is
not kept, or that a damaged checkpoint ends a run."""

import errno
import json
import logging
import os
import re

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
from launch.failure import of_the_machine


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


def test_the_best_is_kept_when_training_goes_on(tmp_path):
    """Another process saves: the metrics of the first one's checkpoints are on disk."""
    for first_step, losses in ((0, [0.1, 0.9]), (2, [0.8, 0.7])):
        checkpoints = Checkpoints(tmp_path, Loop(keep=1, best="loss"))
        for step, loss in enumerate(losses, first_step):
            checkpoints.save(step, placed(step), {}, {"loss": loss})
        checkpoints.close()
    steps = {p.name for p in (tmp_path / "checkpoints").iterdir() if p.name.isdigit()}
    assert steps == {"0", "3"}


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
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_where_all_are_damaged_none_is_touched_and_nothing_begins_anew(folder):
    for step in (1, 2, 3):
        truncate(data_files(folder, step)[0])
    for _ in range(2):  # the next start says the same
        with pytest.raises(UserError, match=r"every checkpoint in .* is damaged"):
            Checkpoints(folder, Loop()).restore(abstract())
    assert steps(folder) == [1, 2, 3]


def steps(folder):
    return sorted(int(path.name) for path in (folder / "checkpoints").glob("[0-9]*"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_who_only_reads_moves_nothing(folder, caplog):
    truncate(data_files(folder, 3)[0])
    with caplog.at_level(logging.WARNING, "launch"):
        restored = Checkpoints(folder, Loop(), read_only=True).restore(abstract())
    assert restored[1]["step"] == 2
    assert "3 is passed over" in caplog.text
    assert steps(folder) == [1, 2, 3]


def edit_meta(folder, old, new):
    path = folder / "checkpoints" / "3" / "meta" / "metadata"
    text = path.read_text()
    assert re.search(old, text)
    path.write_text(re.sub(old, new, text))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"step": 3', '"step": 2'),
        ('"next_index": 40', '"next_index": 41'),
        ('"seconds": 1.5', '"seconds": 1.7'),
    ],
)
def test_a_flipped_bit_of_the_meta_data_is_damage(tmp_path, old, new):
    checkpoints = Checkpoints(tmp_path, Loop(keep=2))
    for step in (2, 3):
        meta = {"data": {"next_index": 40}, "seconds": 1.5, "window": (1, 2)}
        checkpoints.save(step, placed(step), meta, None)
    checkpoints.close()
    edit_meta(tmp_path, old, new)
    assert Checkpoints(tmp_path, Loop()).restore(abstract())[1]["step"] == 2


def test_a_checkpoint_under_the_name_of_another_step_is_damage(folder):
    (folder / "checkpoints" / "2").rename(folder / "checkpoints" / "9")
    assert Checkpoints(folder, Loop()).restore(abstract())[1]["step"] == 3


def test_a_checkpoint_of_older_code_has_no_checksum_and_is_read(folder):
    edit_meta(folder, r', "checksum": \d+', "")
    assert Checkpoints(folder, Loop()).restore(abstract())[1]["step"] == 3


@pytest.mark.parametrize(("added", "step"), [(0, 3), (1, 2)])
def test_a_checkpoint_of_older_code_has_one_fingerprint_for_all(folder, added, step):
    """It is checked, and a wrong one is damage."""
    path = folder / "checkpoints" / "3" / "meta" / "metadata"
    meta = json.loads(path.read_text())
    total = added
    for _, number in sorted(meta.pop("fingerprints").items()):
        total = (31 * total + number) % 2**32
    del meta["checksum"]
    path.write_text(json.dumps({**meta, "fingerprint": total}))
    assert Checkpoints(folder, Loop()).restore(abstract())[1]["step"] == step


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ValueError("RESOURCE_EXHAUSTED: out of memory"),
        jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory"),
        PermissionError(errno.EACCES, "Permission denied"),
        OSError(errno.EIO, "Input/output error"),
        OSError(errno.ESTALE, "Stale file handle"),
        OSError(errno.EMFILE, "Too many open files"),
    ],
    ids=str,
)
def test_what_the_machine_lacks_is_no_damage(folder, monkeypatch, error):
    def read(self, step, abstract, part):
        raise error

    checkpoints = Checkpoints(folder, Loop())
    monkeypatch.setattr(Checkpoints, "_read", read)
    with pytest.raises(type(error)) as caught:
        checkpoints.restore(abstract())
    monkeypatch.undo()
    assert "is left as it is" in of_the_machine(caught.value)
    assert steps(folder) == [1, 2, 3]
    assert checkpoints.restore(abstract())[1]["step"] == 3


def test_a_state_of_another_shape_is_refused_and_left_alone(folder):
    """Code that changed is no damage: the checkpoint stays where it is."""
    other = abstract()
    params = {**other.params, "matrix": other.rows}
    with pytest.raises(UserError, match=r"params.matrix: 'float32\[64, 80\]'"):
        Checkpoints(folder, Loop()).restore(other.replace(params=params))
    assert Checkpoints(folder, Loop()).restore(abstract())[1]["step"] == 3
