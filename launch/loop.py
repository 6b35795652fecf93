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
from launch.chips import peak_flops
from launch.distributed import Agreement, is_first
from launch.logbook import Logbook
from launch.pending import Diverged, Pending
from launch.placement import Placement
from launch.profile import Profile
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
    loop: Loop = trainer.config.loop
    data = trainer.batches("train")  # first: what it refuses is said in a line
    state, meta = checkpoints.restore(trainer.state) or _begin(trainer)
    check_best(trainer, state)
    resumed = "data" in meta
    if resumed:
        data.set_state(meta["data"])
    step = start = meta["step"]
    began = time.monotonic() - meta["seconds"]
    saved_at = time.monotonic()

    def clock() -> float:
        """Seconds of training so far, those before a resume included."""
        return time.monotonic() - began

    agreement = Agreement()
    with (
        Logbook(
            folder,
            name=trainer.name,
            steps=loop.steps,
            start=start,
            unit=trainer.config.unit,
            items_per_step=trainer.config.items_per_step,
            seconds_at_peak=_seconds_at_peak(trainer),
            quiet=not is_first(),
            config=trainer.config,
            track=track,
        ) as logbook,
        Profile(
            folder / "profile",
            profile if is_first() else None,
            start=start,
            say=logbook.say,
        ) as profiler,
    ):
        window = Window.restore(meta["window"])
        pending = Pending(logbook, loop.log_every, window, clock)
        while True:
            finished = step >= loop.steps
            overdue = time.monotonic() - saved_at > 60 * loop.save_minutes
            stopping, overdue = agreement.ask(stop.requested, overdue)
            # A state just restored was evaluated and saved before. One just made is
            # left alone too, unless there are no steps to train it for.
            trained = step > start or (finished and not resumed)
            eval_due = trained and (finished or _every(loop.eval_every, step))
            save_due = trained and (
                finished or stopping or overdue or _every(loop.save_every, step)
            )
            # Do not change the order: evaluate, save, next batch. A killed run goes on
            # behind its last save: an evaluation that should follow the save would
            # never come, and a batch that was read before it would be left out.
            means = None
            if eval_due:
                pending.drain()
                means = evaluate(trainer, state)
                logbook.valid(step, clock(), means)
            if save_due:
                pending.drain()
                logbook.sync()
                meta = {
                    "step": step,
                    "data": data.get_state(),
                    "window": window.state(),
                    "seconds": clock(),
                    "config": dataclasses.asdict(trainer.config),
                }
                checkpoints.save(step, state, meta, means)
                saved_at = time.monotonic()
            if finished or stopping:
                return finished
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


def _every(n: int, step: int) -> bool:
    return n > 0 and step % n == 0


def _seconds_at_peak(trainer: Trainer) -> float:
    """What a step would take at its chips' published peaks; 0 if it is not known. XLA
    counts the body of a loop once, and so a step with a loop is not known."""
    peak = peak_flops(trainer.placement.mesh.devices.flat)
    if not peak:
        return 0.0
    lowered = trainer.lower()  # seconds, for a large network
    looped = "stablehlo.while" in lowered.as_text()
    return 0.0 if looped else lowered.cost_analysis()["flops"] / peak


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
