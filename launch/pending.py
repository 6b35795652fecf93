"""Metrics on their way from the device to the logbook."""

import collections
import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import jax

from launch.logbook import Logbook
from launch.window import Window

READ_LATE = 2  # steps that metrics stay on the device before the host reads them


@dataclasses.dataclass(eq=False)
class Diverged(Exception):
    """A metric is no longer a finite number."""

    step: int
    name: str
    value: float
    checkpoint: Path | None = None  # the last good one

    def __str__(self) -> str:
        good = self.checkpoint or "none was saved yet"
        return (
            f"{self.name} is {self.value} at step {self.step}; "
            f"last good checkpoint: {good}"
        )


class Pending:
    """Reads metrics READ_LATE steps late, so that the device never waits for the host,
    and all of them before anything is evaluated or saved.

    every: steps a line of the logbook; clock: seconds of training so far.
    """

    def __init__(
        self, logbook: Logbook, every: int, window: Window, clock: Callable[[], float]
    ) -> None:
        self._logbook = logbook
        self._every = every
        self._window = window
        self._clock = clock
        self._queue: collections.deque[tuple[int, dict]] = collections.deque()

    def add(self, step: int, metrics: dict[str, jax.Array]) -> None:
        for value in metrics.values():
            value.copy_to_host_async()
        self._queue.append((step, metrics))
        self.drain(READ_LATE)

    def drain(self, leave: int = 0) -> None:
        """Reads all but the newest `leave`. Diverged: one was not finite."""
        while len(self._queue) > leave:
            step, metrics = self._queue.popleft()
            values = {n: float(x) for n, x in jax.device_get(metrics).items()}
            for name, value in values.items():
                if not math.isfinite(value):
                    raise Diverged(step, name, value)
            self._window.add(values)
            if step % self._every == 0:
                self._logbook.train(step, self._clock(), self._window.mean())
