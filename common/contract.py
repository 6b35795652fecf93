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
