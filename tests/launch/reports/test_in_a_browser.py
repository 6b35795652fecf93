"""Pages as a browser shows them, in a window and on a phone. A failure means that cells
are glued together, that a page is wider than its window, or that a control is dead."""

import os
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from common import figures
from common.contract import BeforeAfter, Claim, Table, summary
from launch.predict import PAGE, predict
from launch.reports.report import Report
from launch.reports.training import Curves
from tests.browser import MISSING, Browser, found

WIDTHS = 1200, 390
GAP = 8  # pixels at least between the texts of two cells in a row
# Folders of reports to measure besides, separated by colons.
REPORTS = [Path(x) for x in os.environ.get("PAPERS_REPORTS", "").split(":") if x]

TOUCHING = """(() => {
  const place = (cell) => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    return range.getBoundingClientRect();
  };
  const found = [];
  for (const table of document.querySelectorAll("table")) {
    const cells = [...table.querySelectorAll("td, th")]
      .map((cell) => [cell.textContent, place(cell)])
      .filter(([, box]) => box.width);
    for (const [a, one] of cells)
      for (const [b, other] of cells) {
        const beside = one.top < other.bottom && other.top < one.bottom;
        const close = one.left <= other.left && other.left < one.right + GAP;
        if (one !== other && beside && close) found.push([a, b]);
      }
  }
  return found;
})()""".replace("GAP", str(GAP))
WIDER = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not (command := found()):
        pytest.skip(MISSING)
    with Browser(command, tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """All kinds of results, the tables and texts as awkward as they come."""
    folder = tmp_path_factory.mktemp("work") / "report"
    report = Report(folder, title="a_paper_with_a_very_long_name · default", facts={})
    claim = "a claim of some length, which a table on a phone must break into lines"
    there = "12.3 against 45.6 on the data of the paper"
    report.add("Summary", summary("[P](x)", [Claim(claim, there, there, None)] * 2))
    log = [
        {"step": 10 * i, "split": split, "seconds": float(i), "loss": 9.0 / i}
        for i in range(1, 40)
        for split in ("train", "valid")
    ]
    report.add("Curves", Curves.of({"xl": {"metrics": log}, "b": {"metrics": log}}))
    columns = ["run", "seeds", "by seed", "L", "one: AP", "one: AP50", "rule", "x" * 30]
    row = ["a_run_of_a_long_name", 3, "20.3 ± 0.8", None, 1e-5, 12345678, "hard", "."]
    report.add("Mixed", Table(columns, [row, row], "A note. " * 30))
    report.add("Wide", Table(["run", *"abcdefghijklmnopqrst"], [["x", *[0.123] * 20]]))
    report.add("Sample", "word" * 200)
    report.add("Figure", figures.curves({"a": ([0, 1], [0, 1])}, "x", "y"))
    dark, light = np.zeros((64, 96), np.uint8), np.full((64, 96), 255, np.uint8)
    report.add("Photo", BeforeAfter(dark, light, ("noisy", "restored")))
    report.write(command="python launch/main.py " + "--config.a=b" * 30)
    return folder


@pytest.fixture(scope="module")
def predicted(tmp_path_factory):
    """Pages of what is predicted from pictures and from a text."""
    folder = tmp_path_factory.mktemp("predicted")
    inputs = folder / "in"
    inputs.mkdir()
    names = ["a.png", "a name that is long, with words and_without_any_spaces.png"]
    for name in names:
        Image.fromarray(np.zeros((20, 30), np.uint8)).save(inputs / name)
    said = "a caption of some length, which a narrow column must break into lines"
    outputs = [(f"{name} x3", np.full((60, 90, 3), 255, np.uint8)) for name in names]
    outputs.append((f"{names[1]} wide", np.zeros((20, 2000, 3), np.uint8)))
    rows = [[name, 1, said, said, 0.25] for name in names]
    columns = ("input", "rank", "class", "said", "probability")
    outputs.append(("Classes", Table(columns, rows, said)))
    return [
        page_of(outputs, str(inputs), folder / "pictures"),
        page_of(["x" * 300, ("T", Table(("a", "b"), [[said, 1]]))], said, folder / "t"),
        page_of([f"{said} goes on"], said, folder / "text"),
    ]


def page_of(outputs, inputs, folder):
    session = SimpleNamespace(workdir=folder, predict=lambda run, inputs: outputs)
    folder.mkdir()
    predict(session, "", inputs)
    return folder / "predict" / PAGE


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_no_two_cells_touch_and_no_page_is_wider_than_its_window(
    browser, report, predicted, width, script
):
    pages = [folder / "index.html" for folder in [report, *REPORTS]]
    for page in [*pages, *predicted]:
        browser.open(page, width, script=script)
        assert browser.value(TOUCHING) == [], page
        assert browser.value(WIDER) <= 0, page


def test_the_measure_of_touching_cells_notices_them(browser, tmp_path):
    page = tmp_path / "page.html"
    cells = "<td style='padding:{0}'>20.3</td><td style='padding:{0}'>hard</td>"
    page.write_text(f"<table><tr>{cells.format(0)}</tr></table>")
    browser.open(page, WIDTHS[0])
    assert browser.value(TOUCHING) == [["20.3", "hard"]]
    page.write_text(f"<table><tr>{cells.format('4px')}</tr></table>")
    browser.open(page, WIDTHS[0])
    assert browser.value(TOUCHING) == []


def test_a_picture_opens_large_and_closes(browser, report):
    browser.open(report / "index.html", WIDTHS[0])
    browser.value("document.querySelector('#figure figure > a').click()")
    wide = "document.querySelector('dialog[open] img').width"
    small = browser.value("document.querySelector('#figure img').width")
    assert browser.value(wide) > small
    browser.value("document.querySelector('dialog').click()")
    assert browser.value("document.querySelector('dialog').open") is False
    assert browser.value("location.href").endswith("index.html")


def test_the_slider_uncovers_the_picture_below(browser, report):
    browser.open(report / "index.html", WIDTHS[0])
    browser.value("document.querySelector('.pair').scrollIntoView()")
    box = browser.value(
        "(({x, y, width, height}) => [x, y, width, height])"
        "(document.querySelector('.pair img').getBoundingClientRect())"
    )
    x, y, width, height = box
    cut = "getComputedStyle(document.querySelectorAll('.pair img')[1]).clipPath"
    assert browser.value(cut) == "inset(0px 0px 0px 50%)"
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        browser.move(x + 0.25 * width, y + 0.5 * height, kind)
    share = float(browser.value(cut).split()[-1].rstrip("%)"))
    assert share == pytest.approx(25, abs=5)


def test_an_output_is_laid_over_its_input_in_the_same_size(browser, predicted):
    browser.open(predicted[0], WIDTHS[0])
    boxes = browser.value(
        "[...document.querySelectorAll('#input-1 .slides img')].map((x) => {"
        "const {x: left, y, width, height} = x.getBoundingClientRect();"
        "return [left, y, width, height]; })"
    )
    assert len(boxes) == 2
    assert boxes[0] == boxes[1]


def test_curves_answer_to_the_mouse_and_runs_can_be_hidden(browser, report):
    browser.open(report / "index.html", WIDTHS[0])
    x, y, width = browser.value(
        "(({x, y, width}) => [x, y, width])"
        "(document.querySelector('.panel svg').getBoundingClientRect())"
    )
    browser.move(x + width / 2, y + 100)
    values = "document.querySelector('.values').innerText"
    step, value = re.search(
        r"^xl at (\d+): (.+)$", browser.value(values), re.M
    ).groups()
    assert 100 < int(step) < 300
    assert float(value) == pytest.approx(90 / int(step), rel=1e-3)
    paths = "document.querySelectorAll('.panel path').length"
    assert browser.value(paths) == 4  # two runs, each with its validation
    browser.value("document.querySelector('.legend button').click()")
    assert browser.value(paths) == 2
    labels = "[...document.querySelectorAll('.panel text')].map(x => x.textContent)"
    before = browser.value(labels)
    browser.value("document.querySelector('.controls input').click()")
    assert browser.value(labels) != before  # a log scale has other ticks


def test_without_javascript_the_drawn_curves_stand_there(browser, report):
    browser.open(report / "index.html", WIDTHS[0], script=False)
    assert browser.value("document.querySelector('#curves img').width") > 300
    browser.open(report / "index.html", WIDTHS[0])
    assert browser.value("document.querySelector('#curves img')") is None
