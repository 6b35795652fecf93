"""The pages of lectures. A failure means that a page names a function, a result or a
command that is not there, or leaves an item without anything to show."""

import html
import inspect
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from common import formulas
from common.contract import Table, UserError
from common.figures import curves
from common.lecture import Item, algorithm, equation, figure
from launch import main
from launch.lectures import page
from launch.lectures.reports import evaluated, results_of
from launch.lectures.sources import find, source
from launch.lectures.write import draw
from launch.reports.report import Report
from launch.workdir import remember
from tests import smallest_paper, smoke

PAPERS = [paper for paper in smoke.PAPERS if paper != smoke.SMALLEST]
DRAWN_QUICKLY = ("gpt2", "espcn", "unit")


@pytest.mark.parametrize("paper", smoke.PAPERS)
def test_every_name_of_a_lecture_is_code_that_says_what_it_is(paper):
    module = smoke.load(paper)
    assert module.LECTURE
    for item in module.LECTURE:
        for name in (*item.code, *filter(None, [item.drawn])):
            found = source(name, module.__name__)
            assert found.text, (item.name, name)
            assert found.doc or not callable(find(name, module.__name__)), name


@pytest.mark.parametrize("paper", smoke.PAPERS)
def test_items_have_names_of_their_own_variants_and_formulas_that_can_be_set(paper):
    module = smoke.load(paper)
    names = [item.name for item in module.LECTURE]
    assert len({*names}) == len(names)
    assert {item.config for item in module.LECTURE} <= {*module.VARIANTS}
    for formula in filter(None, (item.formula for item in module.LECTURE)):
        assert "<path" in formulas.svg(formula)


@pytest.mark.parametrize("paper", PAPERS)
def test_titles_are_those_that_the_code_gives(paper):
    """Up to the first part that a run decides; tests of evaluation, which are slow,
    find the whole titles in reports."""
    module = smoke.load(paper)
    folder = Path(inspect.getsourcefile(sys.modules[module.__name__])).parent
    text = "".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    text += "Training curves"
    for item in module.LECTURE:
        for title in item.results:
            first, *_ = re.split(r"[*:,]|\d+", title)
            assert first.strip().lower() in text.lower(), title


@pytest.mark.parametrize(
    "paper",
    [
        p if p in DRAWN_QUICKLY else pytest.param(p, marks=pytest.mark.slow)
        for p in PAPERS
    ],
)
def test_what_needs_no_run_is_drawn_and_no_item_is_empty(paper, tmp_path):
    module = smoke.load(paper)
    shown = draw(module, paper, tmp_path, [])
    assert len(shown) == len(module.LECTURE)
    for one in shown:
        assert one.sources or one.values or one.command, one.item.name
        assert bool(one.values) == bool(one.item.drawn)
    text = (tmp_path / "index.html").read_text("utf-8")
    assert not re.search(r"<(td|p|h2|figure|pre)(\s[^>]*)?>\s*</", text)
    for image in re.findall(r'<img src="([^"]+)"', text):
        assert (tmp_path / html.unescape(image)).stat().st_size > 1000


def report(workdir, paper, variant, **values):
    """A workdir with a report of these values."""
    remember(workdir, paper, variant, smallest_paper.get_config())
    made = Report(workdir / "report", title="", facts={"command": f"run {variant}"})
    for name, value in values.items():
        made.add(name, value)
    made.write()


def test_results_come_from_the_variant_that_an_item_names(tmp_path):
    for variant, loss in (("default", 1.0), ("wide", 2.0)):
        report(tmp_path / "p" / variant, "p", variant, Loss=loss, Other=3.0)
    reports = evaluated(tmp_path, "p")
    wide = Item("table", "t", "", results=("Loss", "Nothing"), config="wide")
    one, results = results_of(wide, reports)
    assert (one.variant, [r.value for r in results]) == ("wide", [2.0])
    any_of = Item("table", "t", "", results=("*o*",), config="deep")
    one, results = results_of(any_of, reports)
    assert (one.variant, [r.name for r in results]) == ("default", ["Loss"])
    assert results_of(Item("table", "t", "", results=("No",)), reports) == (None, [])
    own = evaluated(tmp_path / "p" / "wide", "p")
    assert [one.variant for one in own] == ["wide"]
    with pytest.raises(UserError, match="is a workdir of p, not of q"):
        evaluated(tmp_path / "p" / "wide", "q")


LECTURE = (
    equation("eq. 1", "a line", "eval_step", formula=r"y = a x + b"),
    figure("figure 1", "drawn <at once>", drawn="plotted"),
    algorithm("table 1", "in a report", results=("Test", "Curve"), config="smoke"),
    algorithm("table 2", "elsewhere", results=("Elsewhere",), config="smoke"),
    algorithm("table 3", "of a larger run", results=("Test",)),
)


def plotted():
    """A curve."""
    return curves({"a": ([0, 1], [0, 1])}, "x", "y")


def test_a_page_shows_formulas_code_pictures_and_tables(tmp_path, monkeypatch):
    module = smoke.load(smoke.SMALLEST)
    module.LECTURE = LECTURE
    monkeypatch.setattr(smallest_paper, "plotted", plotted, raising=False)
    table = Table(("run", "loss"), [["line", 0.5]])
    figures = {"Test": table, "Curve": np.zeros((4, 4), np.uint8)}
    report(tmp_path / "small" / "smoke", "small", "smoke", **figures)
    out = tmp_path / "out"
    shown = draw(module, "small", out, evaluated(tmp_path, "small"))
    text = (out / "index.html").read_text("utf-8")
    assert "<svg" in text
    assert "def eval_step(" in text
    assert "Loss, and F1 of class 1" in text
    assert '<img src="figure-1.png"' in text
    assert '<img src="smoke-curve.png"' in text
    assert (out / "smoke-curve.png").exists()
    assert "0.5000" in text
    assert "drawn &lt;at once&gt;" in text
    assert text.count("To make it") == 2  # tables 2 and 3
    assert "<pre>python launch/main.py --paper=small</pre>" in text
    assert "--paper=small --config=smoke" in text
    assert [len(one.values) for one in shown] == [0, 1, 2, 0, 1]
    every = page.overview({"small": shown})
    assert not re.search(r"<td>\s*</td>", every)
    assert 'src="small/figure-1.png"' in every
    assert 'src="small/smoke-curve.png"' in every
    (tmp_path / "small/smoke/report/curve.png").unlink()
    with pytest.raises(UserError, match="evaluate again"):
        draw(module, "small", out, evaluated(tmp_path, "small"))


def run(*flags) -> int:
    return main.main(["launch/main.py", "--mode=figures", *flags])


def test_the_command_writes_the_page_and_refuses_what_it_cannot_use(tmp_path, capsys):
    flags = "--paper=gpt2", f"--workdir={tmp_path}"
    assert run(*flags) == 0
    assert (tmp_path / "figures/gpt2/index.html").exists()
    assert not (tmp_path / "figures/index.html").exists()
    assert run(*flags, "--config=smoke") == 2
    assert run(*flags, "--config.seed=1") == 2
    assert run("--paper=gtp2") == 2
    assert "gpt2" in capsys.readouterr().err


def test_an_item_needs_a_source_and_a_kind_that_is_known():
    with pytest.raises(ValueError, match="no source"):
        equation("eq. 1", "nothing")
    with pytest.raises(ValueError, match="none of"):
        Item("song", "1", "", code=("evaluate",))


def test_a_name_that_is_not_there_is_refused_in_a_line():
    with pytest.raises(UserError, match=r"model\.Blok.*no attribute"):
        find("model.Blok", "papers.resnet")
    with pytest.raises(UserError, match="no such module"):
        source("nowhere", "nobody.at_all")
