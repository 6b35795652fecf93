"""What a page shows of an item."""

import dataclasses
from collections.abc import Sequence

from common.lecture import Item
from launch.lectures.sources import Source
from launch.reports.results import Result


@dataclasses.dataclass(frozen=True)
class Value:
    """A picture, table, text or number.

    command, variant: of the run that it is from; "": drawn without one.
    """

    result: Result
    command: str = ""
    variant: str = ""


@dataclasses.dataclass(frozen=True)
class Shown:
    """An item with its sources, and what was drawn or found in a report.

    command: what makes it; "": it needs no run.
    """

    item: Item
    sources: Sequence[Source]
    values: Sequence[Value]
    command: str

    @property
    def missing(self) -> bool:
        """Whether no value is of the run that the item names: its report is not there,
        and what is shown is of another one at best."""
        made = any(value.variant == self.item.config for value in self.values)
        return bool(self.command) and not made
