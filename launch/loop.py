"""The one training loop.

A checkpoint at step s holds the state after s steps, the position of the data after s
batches, and its run's metrics are on disk up to s: a run that is killed and started
again ends where the unbroken run ends.
"""

import contextlib
import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax

from common.metrics import over
from common.nearest import refuse_unknown
from common.sections import Loop
from launch.checkpoints import Checkpoints
from launch.distributed import is_first
from launch.logbook import Logbook
from launch.peak import seconds_at_peak
from launch.pending import Diverged, Pending
from launch.placement import Placement
from launch.profile import Profile
from launch.rhythm import Rhythm
from launch.stop import StopRequest
from launch.window import Window


@dataclasses.dataclass
class Trainer:
    """A paper's functions for one run, bound to its config, data and devices."""

    name: str
    config: Any
    placement: Placement
    state: Any  # shapes and shardings of the state
    make_state: Callable[[], Any]
    train_step: Callable  # (state, batch) -> (state, metrics), compiled
    eval_step: Callable  # (state, batch) -> {name: Mean}, compiled
    metrics: tuple[str, ...]  # numbers that eval_step gives
    validate: Callable[[dict], dict]  # outputs of eval_step -> the host's metrics
    batches: Callable[[str], Iterator]  # split -> this process's numpy batches
    put: Callable[[str, Any], Any]  # (split, batch) -> the global batch on the devices
    lower: Callable[[], jax.stages.Lowered]  # the train step, to count its FLOPs


def train(
    trainer: Trainer,
    folder: Path,
    stop: StopRequest,
    profile: int | None = None,
    track: str = "",
) -> bool:
    """Trains until `config.loop.steps`, from the newest checkpoint in `folder` if there
    is one. Returns False if `stop` was requested before the end.

    profile: the step after which a few are traced, into folder/profile.
    track: as of `Logbook`.
    """
    checkpoints = Checkpoints(folder, trainer.config.loop)
    try:
        finished = _train(trainer, folder, stop, checkpoints, profile, track)
        checkpoints.close()
    except Diverged as error:
        checkpoints.wait()
        error.checkpoint = checkpoints.latest
        raise
    except Exception as error:  # a full disk, for one
        if jax.process_count() == 1:
            with contextlib.suppress(Exception):  # the first error says why
                checkpoints.wait()
        error.add_note(f"last good checkpoint: {checkpoints.latest or 'none'}")
        raise
    return finished


def _train(
    trainer: Trainer,
    folder: Path,
    stop: StopRequest,
    checkpoints: Checkpoints,
    profile: int | None,
    track: str,
) -> bool:
    data = trainer.batches("train")  # first: what it refuses is said in a line
    state, meta = checkpoints.restore(trainer.state) or _begin(trainer)
    check_best(trainer, state)
    resumed = "data" in meta
    if resumed:
        data.set_state(meta["data"])
    step = start = meta["step"]
    began = time.monotonic() - meta["seconds"]

    def clock() -> float:
        """Seconds of training so far, those before a resume included."""
        return time.monotonic() - began

    loop: Loop = trainer.config.loop
    rhythm = Rhythm(loop, start, resumed=resumed)
    with (
        _logbook(trainer, folder, start, track) as logbook,
        _profile(folder, start, profile, logbook) as profiler,
    ):
        if best := loop.best_is():
            logbook.say(f"{trainer.name}  best checkpoint: {best} on valid")
        window = Window.restore(meta["window"])
        pending = Pending(logbook, loop.log_every, window, clock)
        while True:
            due = rhythm.due(step, stop.requested)
            # Do not change the order: evaluate, save, next batch. A killed run goes on
            # behind its last save: an evaluation that should follow the save would
            # never come, and a batch that was read before it would be left out.
            means = None
            if due.evaluation:
                pending.drain()
                means = evaluate(trainer, state)
                logbook.valid(step, clock(), means)
            if due.checkpoint:
                pending.drain()
                logbook.sync()
                meta = _meta(trainer, step, data, window, clock())
                checkpoints.save(step, state, meta, means)
                rhythm.saved()
            if due.finished or due.stopping:
                return due.finished
            profiler.before_step(step, state)
            with jax.profiler.StepTraceAnnotation("train", step_num=step):
                batch = trainer.put("train", next(data))
                # An implicit transfer would make every step wait for the host.
                with jax.transfer_guard("disallow"):
                    state, metrics = trainer.train_step(state, batch)
                    step += 1
                    pending.add(step, metrics)
            logbook.advance(step)


def _begin(trainer: Trainer) -> tuple[Any, dict]:
    return trainer.make_state(), {"step": 0, "window": {}, "seconds": 0.0}


def _meta(
    trainer: Trainer, step: int, data: Iterator, window: Window, seconds: float
) -> dict[str, Any]:
    """What a checkpoint holds besides the state."""
    return {
        "step": step,
        "data": data.get_state(),
        "window": window.state(),
        "seconds": seconds,
        "config": dataclasses.asdict(trainer.config),
    }


def _logbook(trainer: Trainer, folder: Path, start: int, track: str) -> Logbook:
    config = trainer.config
    devices = trainer.placement.mesh.devices.flat
    return Logbook(
        folder,
        name=trainer.name,
        steps=config.loop.steps,
        start=start,
        unit=config.unit,
        items_per_step=config.items_per_step,
        seconds_at_peak=seconds_at_peak(devices, trainer.lower),
        quiet=not is_first(),
        config=config,
        track=track,
    )


def _profile(folder: Path, start: int, first: int | None, logbook: Logbook) -> Profile:
    own = first if is_first() else None
    return Profile(folder / "profile", own, start=start, say=logbook.say)


def evaluate(trainer: Trainer, state: Any) -> dict[str, float]:
    """The metrics of `eval_step` over the validation split, and the host's own."""
    return _measured(trainer, state, trainer.batches("valid"))


def _measured(trainer: Trainer, state: Any, batches: Iterator) -> dict[str, float]:
    def step(batch):
        return trainer.eval_step(state, trainer.put("valid", batch))

    outputs = over(step, batches)
    numbers = {name: x for name, x in outputs.items() if isinstance(x, float)}
    return {**numbers, **trainer.validate(outputs)}


def check_best(trainer: Trainer, state: Any) -> None:
    """UserError if no metric has the name that `loop.best` says. The host's metrics are
    known from one batch, before any training is spent."""
    best = trainer.config.loop.best.lstrip("+")
    if best and best not in trainer.metrics:
        one_batch = itertools.islice(trainer.batches("valid"), 1)
        names = _measured(trainer, state, one_batch)
        refuse_unknown("metric for config.loop.best", best, names)
