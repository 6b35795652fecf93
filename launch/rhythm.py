"""What is due before a step of a run: its end, an evaluation, a checkpoint."""

import time
from typing import NamedTuple

from common.sections import Loop
from launch.distributed import Agreement


class Due(NamedTuple):
    """stopping: the run is asked to end before it is finished."""

    finished: bool
    stopping: bool
    evaluation: bool
    checkpoint: bool


class Rhythm:
    """Says what is due, the same to all processes at the same step.

    start: the step at which this process takes the run up.
    resumed: from a checkpoint.
    """

    def __init__(self, loop: Loop, start: int, *, resumed: bool) -> None:
        self._loop = loop
        self._start = start
        self._resumed = resumed
        self._saved_at = time.monotonic()
        self._agreement = Agreement()

    def due(self, step: int, stop: bool) -> Due:
        """After `step` steps. stop: whether this process is asked to."""
        loop = self._loop
        finished = step >= loop.steps
        overdue = time.monotonic() - self._saved_at > 60 * loop.save_minutes
        stopping, overdue = self._agreement.ask(stop, overdue)
        # A state that was just restored was evaluated and saved before. One that was
        # just made is evaluated and saved only where the run has no steps.
        trained = step > self._start or (finished and not self._resumed)
        evaluation = finished or _every(loop.eval_every, step)
        checkpoint = finished or stopping or overdue or _every(loop.save_every, step)
        return Due(finished, stopping, trained and evaluation, trained and checkpoint)

    def saved(self) -> None:
        """A checkpoint was saved now."""
        self._saved_at = time.monotonic()


def _every(n: int, step: int) -> bool:
    return n > 0 and step % n == 0
