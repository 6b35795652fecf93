"""Over a window of training: the means since the last log line, and the pace."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Self

POINT_SECONDS = 0.5  # between two points of the pace
PACE_POINTS = 60  # at least 30 s of training


class Window:
    """Means of training metrics since the last log line.

    Its sums go into the checkpoint, so that a resumed run writes the very line that
    an unbroken run would have written. JSON keeps every bit of a Python float.
    """

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}  # name -> total, count

    def add(self, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + float(value), count + 1

    def mean(self) -> dict[str, float]:
        """The mean of each name over the steps that reported it; starts afresh."""
        sums = self._sums
        self._sums = {}
        return {name: total / count for name, (total, count) in sums.items()}

    def state(self) -> dict[str, list]:
        """`{name: [total, count]}`, ready for JSON."""
        return {name: list(sums) for name, sums in self._sums.items()}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        window = cls()
        window._sums = {name: (total, count) for name, (total, count) in state.items()}
        return window


class Pace:
    """Steps a second over the last half minute or so of training.

    An interval counts only if it trained and did nothing else: the first one, which
    compiles, and those that evaluated or saved are left out.
    """

    def __init__(self) -> None:
        self._interrupted = True
        self._step = 0  # at the last tick
        self._now = 0.0
        self._steps = 0  # counted so far
        self._seconds = 0.0
        self._points = deque([(0, 0.0)], maxlen=PACE_POINTS)

    def tick(self, step: int, now: float) -> None:
        """`step` was reached at `now`, seconds of any steady clock."""
        if not self._interrupted:
            self._steps += step - self._step
            self._seconds += now - self._now
            if self._seconds - self._points[-1][1] >= POINT_SECONDS:
                self._points.append((self._steps, self._seconds))
        self._interrupted = False
        self._step = step
        self._now = now

    def interrupt(self) -> None:
        """Something other than training happened since the last tick."""
        self._interrupted = True

    @property
    def steps_per_second(self) -> float:
        """0 until it is known."""
        steps, seconds = self._points[0]
        elapsed = self._seconds - seconds
        return (self._steps - steps) / elapsed if elapsed > 0 else 0.0


def duration(seconds: float) -> str:
    """`42s`, `2m10s`, `3h05m`, `2d04h`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02d}h"
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{seconds:02d}s" if minutes else f"{seconds}s"
