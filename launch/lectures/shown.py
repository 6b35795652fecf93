"""What a page shows of an item."""

import dataclasses
from collections.abc import Sequence

from common.lecture import Item
from launch.lectures.sources import Source
from launch.reports.results import Result


@dataclasses.dataclass(frozen=True)
class Value:
    """A picture, table, text or number.

    command: of the run that it is from; "": drawn without one.
    """

    result: Result
    command: str = ""


@dataclasses.dataclass(frozen=True)
class Shown:
    """An item with its sources, and what was drawn or found in a report.

    command: what makes it; "": it needs no run.
    """

    item: Item
    sources: Sequence[Source]
    values: Sequence[Value]
    command: str
