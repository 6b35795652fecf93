"""The papers on disk and the smallest one, their variants and smoke runs: parameters of
tests. A paper that cannot be imported, half-written, fails in the tests of its own."""

import pytest

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
    try:
        module = load(paper)
        return [*module.runs(module.get_config("smoke"))]
    except Exception:
        return [UNREADABLE]


CASES = [(paper, run) for paper in PAPERS for run in runs(paper)]
FIRST = {next(case for case in CASES if case[0] == paper) for paper in PAPERS}
ALL = [pytest.param(case, id="-".join(case)) for case in CASES]
# Each paper's first run in the quick suite, the rest in the slow one.
QUICK = [
    pytest.param(
        case, id="-".join(case), marks=() if case in FIRST else pytest.mark.slow
    )
    for case in CASES
]
