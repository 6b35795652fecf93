"""The items of a lecture on a paper: its equations, tables and figures, and which of
our functions computes, prints or draws each.

A paper lists them as `LECTURE`, in its lecture.py. Names stand in for functions, so
that the list costs nothing to import; tests resolve every one of them.
"""

import dataclasses
from functools import partial
from typing import Any

KINDS = ("equation", "algorithm", "figure", "table", "claim")


@dataclasses.dataclass(frozen=True)
class Item:
    """One thing that a lecture on a paper shows. It has a source: `code`, `drawn`,
    `results` or `command`, one at least.

    kind: one of KINDS.
    name: as the paper calls it: "eq. 3", "figure 2", or by its section. No other item
        of the paper has it.
    what: one line for somebody who knows the field.
    formula: in the part of LaTeX that matplotlib sets, a line a row; "": none.
    code: dotted names of what computes it, in the paper's package or from `common.`.
    drawn: the dotted name of a function without arguments that returns a figure, uint8
        pixels or a Table at once, without a trained run; "": none.
    results: titles in the report of a run, in which * stands for any letters.
    config: the variant whose report has the results.
    command: flags behind `--paper=NAME` that make it where no report has it.
    note: a deviation or a limit that a lecturer should know.
    """

    kind: str
    name: str
    what: str
    formula: str = ""
    code: tuple[str, ...] = ()
    drawn: str = ""
    results: tuple[str, ...] = ()
    config: str = "default"
    command: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: {self.kind!r} is none of {KINDS}")
        if not (self.code or self.drawn or self.results or self.command):
            raise ValueError(f"{self.name}: {self.what!r} has no source")


def item(kind: str, name: str, what: str, *code: str, **fields: Any) -> Item:
    """An `Item` whose `code` is written as arguments."""
    return Item(kind, name, what, code=code, **fields)


equation = partial(item, "equation")
algorithm = partial(item, "algorithm")
figure = partial(item, "figure")
table = partial(item, "table")
claim = partial(item, "claim")
