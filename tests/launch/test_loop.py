"""The loop, on a paper of four lines. A failure means that it evaluates, saves or stops
at another step, or trains on after a nan."""

import dataclasses
import errno

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct

from common.metrics import Mean
from common.sections import Loop
from launch import devices, loop, placement
from launch.checkpoints import Checkpoints, newest
from launch.failure import of_the_machine
from launch.pending import Diverged
from launch.records import read_metrics
from launch.stop import StopRequest


@struct.dataclass
class State:
    step: jax.Array
    params: jax.Array


@dataclasses.dataclass
class Config:
    loop: Loop
    unit: str = "rows"
    items_per_step: int = 4


class Counting:
    """Endless batches: their number, four times."""

    def __init__(self):
        self.read = 0

    def __next__(self):
        self.read += 1
        return {"x": np.full(4, self.read, np.float32)}

    def get_state(self):
        return self.read

    def set_state(self, read):
        self.read = read


def init():
    return State(jnp.zeros((), jnp.int32), jnp.zeros(()))


def train_step(state, batch):
    loss = batch["x"].mean()
    return State(state.step + 1, state.params + loss), {"loss": loss}


def eval_step(state, batch):
    return {"params": Mean(state.params * 4, jnp.float32(4))}


def trainer(step=train_step, **settings) -> loop.Trainer:
    abstract = jax.eval_shape(init)
    place = placement.place(abstract, devices.make_mesh(4))
    valid = {"x": np.zeros(4, np.float32)}
    return loop.Trainer(
        name="run",
        config=Config(Loop(**settings)),
        placement=place,
        state=place.abstract(abstract, place.state),
        make_state=lambda: place.make_state(init),
        train_step=place.compile_train(step),
        eval_step=place.compile_eval(eval_step),
        metrics=("params",),
        validate=lambda outputs: {},
        batches=lambda split: Counting() if split == "train" else [valid],
        put=lambda split, batch: place.put_batch(batch),
        lower=lambda: jax.jit(step).lower(abstract, valid),
    )


def train(folder, runner, **options) -> bool:
    with StopRequest() as stop:
        return loop.train(runner, folder, stop, **options)


def records(folder, split):
    lines = read_metrics(folder / "metrics.jsonl")
    return {r["step"]: r for r in lines if r["split"] == split}


def test_it_evaluates_and_logs_when_due_and_at_the_end(tmp_path):
    assert train(tmp_path, trainer(steps=7, log_every=3, eval_every=3))
    assert {*records(tmp_path, "valid")} == {3, 6, 7}
    losses = {step: r["loss"] for step, r in records(tmp_path, "train").items()}
    assert losses == {3: 2.0, 6: 5.0}
    assert records(tmp_path, "valid")[7]["params"] == sum(range(1, 8))


def test_a_stopped_run_goes_on_with_the_next_batch(tmp_path):
    runner = trainer(steps=6, log_every=1)
    with StopRequest() as stop:
        put = runner.put

        def put_and_stop(split, batch):
            stop.requested = batch["x"][0] == 2
            return put(split, batch)

        runner.put = put_and_stop
        assert not loop.train(runner, tmp_path, stop)
    assert newest(tmp_path) == 2
    assert train(tmp_path, trainer(steps=6, log_every=1))
    assert records(tmp_path, "valid")[6]["params"] == sum(range(1, 7))
    assert [*records(tmp_path, "train")] == [1, 2, 3, 4, 5, 6]


def test_without_steps_the_first_state_is_evaluated_and_saved(tmp_path):
    assert train(tmp_path, trainer(steps=0))
    assert newest(tmp_path) == 0
    assert [*records(tmp_path, "valid")] == [0]


def test_what_is_not_finite_stops_the_run_and_names_the_last_good(tmp_path):
    def diverge(state, batch):
        state, metrics = train_step(state, batch)
        return state, {"loss": 1 / (5 - metrics["loss"])}

    with pytest.raises(Diverged) as caught:
        train(tmp_path, trainer(diverge, steps=20, save_every=2))
    assert (caught.value.step, caught.value.name) == (5, "loss")
    assert str(caught.value).startswith("loss is inf at step 5; ")
    assert caught.value.checkpoint.name == "4"


def test_a_full_disk_ends_the_run_and_names_the_last_good(tmp_path, monkeypatch):
    save = Checkpoints.save

    def full(self, step, *rest):
        if step == 6:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(self, step, *rest)

    monkeypatch.setattr(Checkpoints, "save", full)
    with pytest.raises(OSError, match="No space left") as caught:
        train(tmp_path, trainer(steps=20, save_every=2))
    good = tmp_path / "checkpoints" / "4"
    assert of_the_machine(caught.value).endswith(f"last good checkpoint: {good}")
    monkeypatch.undo()
    assert train(tmp_path, trainer(steps=20, save_every=2))
    assert records(tmp_path, "valid")[20]["params"] == sum(range(1, 21))


def test_a_step_may_not_transfer_implicitly(tmp_path):
    """Rows that `put` leaves on the host would go to the devices inside the step."""
    runner = trainer(steps=3)
    runner.put = lambda split, batch: batch
    with pytest.raises(RuntimeError, match="Disallowed host-to-device transfer"):
        train(tmp_path, runner)


def test_a_profile_is_of_the_steps_behind_the_one_asked_for(tmp_path, capsys):
    assert train(tmp_path, trainer(steps=20), profile=10)
    (trace,) = (tmp_path / "profile").rglob("*.xplane.pb")
    steps = {
        dict(event.stats)["step_num"]
        for plane in jax.profiler.ProfileData.from_file(str(trace)).planes
        for line in plane.lines
        for event in line.events
        if event.name == "train"
    }
    assert steps == {10, 11, 12, 13, 14}
    assert f"profile: {tmp_path / 'profile'}" in capsys.readouterr().out


def test_a_run_that_ends_before_its_profile_says_so(tmp_path, capsys):
    assert train(tmp_path, trainer(steps=2), profile=1)
    assert "no profile: the run ended before step 2" in capsys.readouterr().out
    assert not (tmp_path / "profile").exists()
