"""The one training loop.

Order: evaluate -> checkpoint -> next batch. A checkpoint at step s therefore holds the
state after s steps, the data position after s batches, and a metrics file complete up
to s: a run that is killed and started again ends where the unbroken run ends.
"""

import collections
import dataclasses
import itertools
import math
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common.config import nearest
from common.metrics import over
from common.sections import Loop
from launch.checkpoints import Checkpoints
from launch.distributed import Agreement, is_first
from launch.logbook import Logbook
from launch.placement import Placement
from launch.window import Window

SAME_NOTICE_SECONDS = 5.0
LAG = 2  # steps that metrics stay on the device before the host reads them


class Diverged(Exception):
    """A metric is no longer a finite number."""


class StopRequest:
    """Set by SIGTERM (a TPU VM's preemption notice) or SIGINT; the loop then finishes
    its step and saves. A second signal ends the process at once, unless it follows so
    soon that it is the same notice: a host that shuts down tells parent and child."""

    def __init__(self) -> None:
        self.requested = False
        self._since = 0.0

    def __enter__(self) -> "StopRequest":
        self._old = {
            s: signal.signal(s, self._set) for s in (signal.SIGTERM, signal.SIGINT)
        }
        return self

    def __exit__(self, *exception: object) -> None:
        for signum, handler in self._old.items():
            signal.signal(signum, handler)

    def _set(self, signum: int, frame: Any) -> None:
        now = time.monotonic()
        if not self.requested:
            self.requested, self._since = True, now
        elif signum == signal.SIGINT or now - self._since > SAME_NOTICE_SECONDS:
            raise KeyboardInterrupt

    def at_once(self) -> None:
        """From here on there is nothing to save: the first signal ends the process."""
        self.requested = True


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


def train(trainer: Trainer, folder: Path, stop: StopRequest) -> bool:
    """Trains until `config.loop.steps`, from the newest checkpoint in `folder` if there
    is one. Returns False if `stop` was requested before the end."""
    loop: Loop = trainer.config.loop
    checkpoints = Checkpoints(folder, loop)
    data = trainer.batches("train")  # first: what it refuses is said in a line
    state, meta = restore(trainer, checkpoints) or _begin(trainer)
    check_best(trainer, state)
    step = start = meta["step"]
    fresh = meta["data"] is None  # nothing was trained; with loop.steps=0, nothing will
    if meta["data"] is not None:
        data.set_state(meta["data"])
    began = time.monotonic() - meta["seconds"]

    def clock() -> float:
        """Seconds of training so far, those before a resume included."""
        return time.monotonic() - began

    saved_at = time.monotonic()
    agreement = Agreement()
    with Logbook(
        folder,
        name=trainer.name,
        steps=loop.steps,
        start=start,
        unit=trainer.config.unit,
        items_per_step=trainer.config.items_per_step,
        quiet=not is_first(),
    ) as logbook:
        pending = Pending(
            logbook, loop.log_every, Window.restore(meta["window"]), clock
        )
        while True:
            late = time.monotonic() - saved_at > 60 * loop.save_minutes
            stopped, late = agreement.ask(stop.requested, late)
            last = step >= loop.steps or stopped
            metrics = None
            new = step > start or (fresh and step >= loop.steps)
            if new and (step >= loop.steps or _every(loop.eval_every, step)):
                pending.drain(checkpoints)
                metrics = evaluate(trainer, state)
                logbook.valid(step, clock(), metrics)
            if new and (last or late or _every(loop.save_every, step)):
                pending.drain(checkpoints)
                logbook.sync()
                meta = {
                    "step": step,
                    "data": data.get_state(),
                    "window": pending.window.state(),
                    "seconds": clock(),
                    "config": dataclasses.asdict(trainer.config),
                }
                checkpoints.save(step, state, meta, metrics)
                saved_at = time.monotonic()
            if last:
                break
            batch = trainer.put("train", next(data))
            state, metrics = trainer.train_step(state, batch)
            step += 1
            pending.add(step, metrics, checkpoints)
            logbook.advance(step)
    checkpoints.close()
    return step >= loop.steps


def restore(trainer: Trainer, checkpoints: Checkpoints) -> tuple[Any, dict] | None:
    """(state, meta) of the newest whole checkpoint, placed on the devices."""
    return checkpoints.restore(trainer.state)


def _begin(trainer: Trainer) -> tuple[Any, dict]:
    return trainer.make_state(), {"step": 0, "data": None, "window": {}, "seconds": 0.0}


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
        nearest("metric for config.loop.best", best, names)


class Pending:
    """Metrics on their way to the host: read LAG steps late, so that the device never
    waits for us, and all of them before anything is evaluated or saved."""

    def __init__(self, logbook: Logbook, every: int, window: Window, clock: Callable):
        self.window = window
        self._logbook, self._every, self._clock = logbook, every, clock
        self._queue = collections.deque()

    def add(self, step: int, metrics: dict, checkpoints: Checkpoints) -> None:
        for value in metrics.values():
            value.copy_to_host_async()
        self._queue.append((step, metrics))
        self.drain(checkpoints, LAG)

    def drain(self, checkpoints: Checkpoints, leave: int = 0) -> None:
        """Reads all but the newest `leave`. Diverged: one was not finite."""
        while len(self._queue) > leave:
            step, metrics = self._queue.popleft()
            metrics = {name: float(value) for name, value in metrics.items()}
            for name, value in metrics.items():
                if not math.isfinite(value):
                    checkpoints.wait()
                    good = checkpoints.latest or "none was saved yet"
                    raise Diverged(
                        f"{name} is {value} at step {step}; "
                        f"last good checkpoint: {good}"
                    )
            self.window.add(metrics)
            if step % self._every == 0:
                self._logbook.train(step, self._clock(), self.window.mean())


def _every(n: int, step: int) -> bool:
    return n > 0 and step % n == 0
