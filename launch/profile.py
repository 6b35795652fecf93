"""A profile of a few training steps, to be looked at in TensorBoard or Perfetto."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import jax

from common.contract import UserError
from common.files import storage

STEPS = 5
COMPILING = 2  # steps at the start of a run that are not worth a look


def check(first: int, mode: str, workdir: Path, steps: int) -> None:
    """UserError if --profile=`first` would trace nothing, or has nowhere to write.

    steps: at which the first run to end does.
    """
    if mode != "train":
        raise UserError("--profile is for --mode=train")
    if not storage.is_local(workdir):
        raise UserError(
            "--profile needs a --workdir on a disk: it cannot write to gs://"
        )
    if first >= steps:
        raise UserError(f"--profile={first}: training ends at step {steps}")


class Profile:
    """Traces STEPS steps of a run into `folder`. A context manager: at its end it ends
    the trace too.

    first: the step after which the trace begins; None: no trace at all.
    start: the step at which this process takes the run up. It compiles there, and so
        the trace begins COMPILING steps later at the earliest.
    say: prints a line.
    """

    def __init__(
        self, folder: Path, first: int | None, *, start: int, say: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._first = None if first is None else max(first, start + COMPILING)
        self._say = say
        self._tracing = False

    def before_step(self, step: int, state: Any) -> None:
        """Begins or ends the trace where it is time to. state: after `step` steps."""
        if step == self._first:
            jax.block_until_ready(state)  # the steps before are not in the trace
            jax.profiler.start_trace(self._folder)
            self._tracing = True
        elif self._tracing and step == self._first + STEPS:
            jax.block_until_ready(state)
            self._end()

    def _end(self) -> None:
        jax.profiler.stop_trace()
        self._tracing = False
        self._first = None
        self._say(f"profile: {self._folder}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._tracing:
            self._end()
        elif self._first is not None:
            self._say(f"no profile: the run ended before step {self._first}")
