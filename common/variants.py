"""A paper's named configs, `VARIANTS`, and the runs that one of them stands for.

VARIANTS = {"default": variant(_config, "minutes, real data"), ...}
get_config = functools.partial(get, VARIANTS)
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from common.config import changed, check
from common.contract import Run, UserError
from common.nearest import refuse_unknown

C = TypeVar("C")  # a paper's Config


def variant(make: Callable, doc: str, *arguments: Any) -> Callable[[], Any]:
    """`make(*arguments)` as an entry of VARIANTS; `doc` is its --help line."""
    entry = functools.partial(make, *arguments)
    entry.__doc__ = doc
    return entry


def get(variants: Mapping[str, Callable[[], Any]], variant: str = "default") -> Any:
    """A new config, which the caller may change. UserError: no such variant."""
    return pick("variant", variant, variants)()


def pick(kind: str, name: str, table: Mapping[str, Any]) -> Any:
    """The entry `name` of a table. UserError: there is none."""
    refuse_unknown(kind, name, table)
    return table[name]


def runs_of(
    config: C,
    changes: Callable[[str], Mapping[str, Any]],
    check_more: Callable[[C], None] = lambda config: None,
) -> dict[str, Run]:
    """{name: Run} for the names in `config.runs`: each is the config with the changes
    that `changes(name)` gives.

    check_more: raises UserError for values that are wrong only in combination.
    """
    check(config)
    if not config.runs:
        raise UserError("config.runs: name one run at least")
    runs = {}
    for name in config.runs:
        own = changed(config, changes(name))
        check(own)
        check_more(own)
        runs[name] = Run(own)
    return runs
