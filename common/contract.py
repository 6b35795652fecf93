"""The types that cross between a paper and whoever runs it.

WORKSPACE.md lists the functions that every paper hands on; these are their words.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any


class UserError(ValueError):
    """What the user gave cannot work. The message is one line: what is wrong, and
    what would be right. `launch` prints it and exits with 2; a notebook sees it raised.
    """


@dataclasses.dataclass
class Loop:
    """`config.loop` of every paper: how long to train, and how often to look."""

    steps: int = 1000
    log_every: int = 20  # steps a line of metrics.jsonl averages over
    eval_every: int = 200  # steps; 0 evaluates at the end only
    save_every: int = 200  # steps between checkpoints; 0 leaves it to the clock
    save_minutes: float = 10.0  # and at least this often
    keep: int = 2  # newest checkpoints kept, besides the best
    best: str = ""  # eval metric whose best checkpoint is kept: "loss", or "+accuracy"


@dataclasses.dataclass(frozen=True)
class Run:
    """One row of a paper's table: a model to train, and the runs it builds on.

    `init` receives `{name: (config, state)}` of the runs named in `after`.
    """

    config: Any
    after: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Table:
    """What `evaluate` yields for a table: numbers stay numbers, None is a gap."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float | None]]
    note: str = ""  # printed below: what to look for, and what was measured how
