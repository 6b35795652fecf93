"""The smoke runs of all papers, as parameters of tests."""

import pytest

from launch import catalogue

ALL = [
    (paper, run)
    for paper in catalogue.names()
    for module in [catalogue.load(paper)]
    for run in module.runs(module.get_config("smoke"))
]
FIRST = [next(case for case in ALL if case[0] == paper) for paper in catalogue.names()]
QUICK = [
    case if case in FIRST else pytest.param(*case, marks=pytest.mark.slow)
    for case in ALL
]  # each paper's first run in the quick suite, the rest in the slow one
