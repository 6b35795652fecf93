"""The papers on disk and the smallest one, their variants and smoke runs: parameters of
tests. A paper that cannot be imported, half-written, fails in the tests of its own."""

import jax
import pytest

from common import config as configs
from common.contract import Paper, complete
from launch import catalogue
from tests import smallest_paper

SMALLEST = "smallest_paper"
PAPERS = [*catalogue.names(), SMALLEST]
UNREADABLE = "unreadable"  # stands for what a half-written paper does not tell


def load(paper: str) -> Paper:
    return complete(smallest_paper) if paper == SMALLEST else catalogue.load(paper)


def variants(paper: str) -> list[str]:
    try:
        return [*load(paper).VARIANTS]
    except Exception:
        return [UNREADABLE]


def runs(paper: str) -> list[str]:
    """Those of the paper itself: a run of another paper is tested as that paper's."""
    try:
        module = load(paper)
        found = module.runs(module.get_config("smoke"))
        return [name for name, run in found.items() if not run.paper]
    except Exception:
        return [UNREADABLE]


# Steps are compiled for numbers of these, whatever they are.
NUMBERS = (
    "config.seed", "config.runs", "config.loop.", "config.eval.", "config.predict.",
)  # fmt: skip


def program(config) -> tuple:
    """The fields that a step is traced by, with their values."""
    return tuple(
        (name, value)
        for name, _, value in configs.fields(config)
        if not name.startswith(NUMBERS)
    )


def branches(config, batch) -> tuple:
    """What chooses the way that a step is traced: the fields' values but for sizes, of
    which 0, 1 and others differ; and of a batch, in place of its data's fields, which
    arrays it has."""
    ignored = configs.unused(config)
    kinds = [
        (name, _kind(value))
        for name, value in program(config)
        if name not in ignored and not name.startswith("config.data.")
    ]
    arrays = jax.tree.map(lambda leaf: (len(leaf.shape), str(leaf.dtype)), batch)
    return tuple(kinds), str(arrays)


def _kind(value):
    match value:
        case bool() | str():
            return value
        case tuple():
            return len(value) > 1, frozenset(map(_kind, value))
        case int():
            return min(value, 2)
        case _:
            return value != 0


CASES = [(paper, run) for paper in PAPERS for run in runs(paper)]
FIRST = {*dict(reversed(CASES)).items()}
FIRSTS = [pytest.param(case, id="-".join(case)) for case in CASES if case in FIRST]
ALL = [pytest.param(case, id="-".join(case)) for case in CASES]
# Each paper's first run in the quick suite, the rest in the slow one.
QUICK = [
    pytest.param(
        case, id="-".join(case), marks=() if case in FIRST else pytest.mark.slow
    )
    for case in CASES
]
