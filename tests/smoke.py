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
    """The fields that a step is traced by, and their values: of a float, only whether
    it is below, at or above 0 and 1."""
    return tuple((name, _shown(value)) for name, value in _traced(config))


def branches(config, batch) -> tuple:
    """What chooses the way that a step is traced: its program's fields without sizes,
    of which 0, 1 and others differ; and of a batch, in place of its data's fields,
    which arrays it has."""
    kinds = [
        (name, _kind(value))
        for name, value in _traced(config)
        if not name.startswith("config.data.")
    ]
    arrays = jax.tree.map(lambda leaf: (len(leaf.shape), str(leaf.dtype)), batch)
    return tuple(kinds), str(arrays)


def _traced(config):
    ignored = configs.unused(config)
    return [
        (name, value)
        for name, _, value in configs.fields(config)
        if not name.startswith(NUMBERS) and name not in ignored
    ]


def _shown(value):
    match value:
        case tuple():
            return tuple(map(_shown, value))
        case float():
            return value >= 0, value > 0, value >= 1, value > 1
        case _:
            return value


def _kind(value):
    match value:
        case tuple():
            return len(value) > 1, frozenset(map(_kind, value))
        case int():
            return min(value, 2)
        case _:
            return _shown(value)


CASES = [(paper, run) for paper in PAPERS for run in runs(paper)]
FIRST = {*dict(reversed(CASES)).items()}
FIRSTS = [pytest.param(case, id="-".join(case)) for case in CASES if case in FIRST]
ALL = [pytest.param(case, id="-".join(case)) for case in CASES]
OWNERS = [paper for paper in PAPERS if paper in dict(CASES)]
# Each paper's first run in the quick suite, the rest in the slow one.
QUICK = [
    pytest.param(
        case, id="-".join(case), marks=() if case in FIRST else pytest.mark.slow
    )
    for case in CASES
]
