"""The pages of lectures. A failure means that a page names a function, a result or a
command that is not there, or leaves an item without anything to show."""

import pytest

from common import formulas
from launch.lectures.sources import find, source
from tests import smoke

PAPERS = [paper for paper in smoke.PAPERS if smoke.load(paper).LECTURE]


@pytest.mark.parametrize("paper", PAPERS)
def test_every_name_of_a_lecture_is_code_with_a_first_line(paper):
    module = smoke.load(paper)
    for item in module.LECTURE:
        for name in (*item.code, *filter(None, [item.drawn])):
            found = source(name, module.__name__)
            assert found.text, (item.name, name)
            assert found.doc or not callable(find(name, module.__name__)), name


@pytest.mark.parametrize("paper", PAPERS)
def test_items_have_names_of_their_own_and_a_variant_of_the_paper(paper):
    module = smoke.load(paper)
    names = [item.name for item in module.LECTURE]
    assert len({*names}) == len(names)
    assert {item.config for item in module.LECTURE} <= {*module.VARIANTS}


@pytest.mark.parametrize("paper", PAPERS)
def test_every_formula_can_be_set(paper):
    for item in smoke.load(paper).LECTURE:
        if item.formula:
            assert "<path" in formulas.svg(item.formula), item.name
