"""Reports. A failure means that a result is lost or changed on its page, that the page
needs another file, or that it obeys what it shows."""

import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from common import figures
from common.cells import format_cell
from common.contract import BeforeAfter, Table
from launch.reports.report import Report, read_results
from launch.reports.results import markdown_table
from launch.reports.training import Curves, training_section

FACTS = {"command": "python launch/main.py --paper=unit", "jax": "0.10.2"}
TABLE = Table(
    ("model", "bits | char", "memory"),
    [["xl", 1.0567, 512], ["<b>vanilla</b>", np.float32(1.25), np.int64(0)]],
    "Lower is better & measured on <test>.",
)


@pytest.fixture
def report(tmp_path):
    report = Report(tmp_path / "report", title="Results of <unit>", facts=FACTS)
    report.add("Bits per character", TABLE)
    report.add("Best", np.float32(0.5))
    report.add("Samples", "<script>alert(1)</script> & ```more```")
    report.add("Curve", figures.curves({"a": ([0, 1], [0, 1])}, "x", "y"))
    report.add("Picture", np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    report.write()
    return tmp_path / "report"


class Page(HTMLParser):
    """Collects a page's tags, and its text outside of the style sheet."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.text = ""
        self._open = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("img", "meta"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "style" not in self._open and "script" not in self._open:
            self.text += data


def page(folder):
    return Page((folder / "index.html").read_text(encoding="utf-8"))


def test_results_round_trip(report):
    facts, results = read_results(report)
    assert facts == FACTS
    kinds = [(result.name, result.kind) for result in results.values()]
    assert kinds == [
        ("Bits per character", "table"),
        ("Best", "number"),
        ("Samples", "text"),
        ("Curve", "figure"),
        ("Picture", "figure"),
    ]
    rows = [["xl", 1.0567, 512], ["<b>vanilla</b>", 1.25, 0]]
    assert results["Bits per character"].value == Table(
        list(TABLE.columns), rows, TABLE.note
    )
    assert results["Best"].value == 0.5
    assert results["Samples"].value == "<script>alert(1)</script> & ```more```"


def test_results_schema(report):
    content = json.loads((report / "results.json").read_text())
    assert content["title"] == "Results of <unit>"
    by_name = {entry["name"]: entry for entry in content["results"]}
    assert set(by_name["Bits per character"]["value"]) == {"columns", "rows", "note"}
    assert by_name["Curve"] == {"name": "Curve", "kind": "figure", "file": "curve.png"}


def test_page_stands_alone(report):
    for tag, attributes in page(report).tags:
        assert tag not in ("link", "iframe")
        assert attributes.get("src", "data:").startswith("data:")
        target = attributes.get("href", "#")
        assert target.startswith(("#", "data:")) or (report / target).exists()
    text = (report / "index.html").read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"url\((?!#)|@import|https?://\w|fetch\(|import ", text)


def test_page_embeds_the_pictures(report):
    sources = [
        attributes["src"] for tag, attributes in page(report).tags if tag == "img"
    ]
    assert len(sources) == 2
    for source, file in zip(sources, ("curve.png", "picture.png"), strict=True):
        data = base64.b64decode(source.removeprefix("data:image/png;base64,"))
        assert data == (report / file).read_bytes()
        Image.open(io.BytesIO(data)).verify()
    pixels = np.asarray(Image.open(report / "picture.png"))
    np.testing.assert_array_equal(pixels, np.arange(12).reshape(2, 2, 3))


def test_page_shows_all_text_and_obeys_none(report):
    shown = page(report)
    assert "b" not in [tag for tag, _ in shown.tags]
    for text in ("<b>vanilla</b>", "<script>alert(1)</script>", TABLE.note, "<unit>"):
        assert text in shown.text
    for fact in FACTS.values():
        assert fact in shown.text


def test_contents_come_with_the_sixth_result(report, tmp_path):
    assert "nav" not in [tag for tag, _ in page(report).tags]
    long = Report(tmp_path / "long", title="Long", facts={})
    for number in range(6):
        long.add(f"Entry {number}", number)
    long.write()
    tags = page(tmp_path / "long").tags
    links = [attributes["href"] for tag, attributes in tags if tag == "a"]
    links = [link for link in links if link.startswith("#")]
    anchors = ["#" + attributes["id"] for _, attributes in tags if "id" in attributes]
    assert links == anchors
    assert len(links) == 6


def test_markdown_report_links_pictures_and_fences_text(report):
    text = (report / "report.md").read_text()
    assert "![Curve](curve.png)" in text
    # Three backticks inside, so four outside.
    assert "````text\n<script>alert(1)</script> & ```more```\n````" in text
    assert "| \\<b>vanilla\\</b> |" in text
    assert "- jax: 0.10.2" in text


def test_add_prints_at_once(tmp_path, capsys):
    report = Report(tmp_path, title="T", facts={})
    report.add("Best", 12345)
    assert capsys.readouterr().out == "Best: 12,345\n"
    report.add("Tiny", np.zeros((2, 2), np.uint8))
    assert capsys.readouterr().out == f"Tiny: {tmp_path / 'tiny.png'}\n"
    assert (tmp_path / "tiny.png").exists()
    report.add("Table", TABLE)
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 4
    assert len({len(row) for row in rows}) == 1  # aligned


def test_add_draws_a_table_on_a_terminal(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    Report(tmp_path, title="T", facts={}).add("Table", Table(["a"], [["[bold]x"]]))
    assert "[bold]x" in capsys.readouterr().out  # not taken for markup


def test_names_that_make_one_file_name_make_two(tmp_path):
    report = Report(tmp_path, title="T", facts={})
    for i, name in enumerate(("IMG_1.png", "IMG 1.png", "img-1.png")):
        report.add(name, np.full((2, 2), i, np.uint8))
    names = {path.name for path in tmp_path.glob("*.png")}
    assert names == {"img-1-png.png", "img-1-png-2.png", "img-1-png-3.png"}


def test_add_refuses_what_it_cannot_show(tmp_path):
    report = Report(tmp_path, title="T", facts={})
    report.add("a b", 1)
    with pytest.raises(ValueError, match="two results"):
        report.add("a b", 2)
    with pytest.raises(ValueError, match="1 cells in a row of 2 columns"):
        report.add("ragged", Table(["a", "b"], [[1, 2], [3]]))
    with pytest.raises(TypeError, match="'floats', a ndarray"):
        report.add("floats", np.zeros((2, 2)))


def test_a_pair_is_of_two_pictures_of_one_size(tmp_path):
    report = Report(tmp_path, title="T", facts={})
    dark, light = np.zeros((2, 3), np.uint8), np.full((2, 3), 255, np.uint8)
    report.add("Photo", BeforeAfter(dark, light, ("blurred", "sharp")))
    report.write()
    value = read_results(tmp_path)[1]["Photo"].value
    assert value == {"blurred": "photo.before.png", "sharp": "photo.after.png"}
    pixels = [np.asarray(Image.open(tmp_path / file)) for file in value.values()]
    np.testing.assert_array_equal(pixels, [dark, light])
    shown = page(tmp_path)
    assert "blurred" in shown.text
    assert [tag for tag, _ in shown.tags].count("img") == 2
    with pytest.raises(ValueError, match="need one size"):
        report.add("other", BeforeAfter(dark, light[:1]))


def test_curves_of_a_long_run_are_thinned_and_end_at_its_last_point(report, tmp_path):
    records = [
        {"step": i, "split": "train", "seconds": 1.0, "loss": 1 / i}
        for i in range(1, 2502)
    ]
    ((panel),) = Curves.of({"xl": {"metrics": records}}).content()
    (line,) = panel["lines"]
    assert line["x"] == [*range(1, 2501, 3), 2501]
    assert line["y"] == [float(f"{1 / x:.6g}") for x in line["x"]]


def test_numbers_of_curves_cannot_end_their_script(tmp_path):
    records = [{"step": 1, "split": "train", "seconds": 1.0, "</script><b>": 1.0}]
    report = Report(tmp_path, title="T", facts={})
    report.add("Curves", Curves.of({"</script><b>": {"metrics": records}}))
    report.write()
    assert "b" not in [tag for tag, _ in page(tmp_path).tags]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\N{EN DASH}"),
        ("as is", "as is"),
        (1234567, "1,234,567"),
        (np.int64(-1234), "-1,234"),
        (0.0, "0"),
        (0.5, "0.5000"),
        (-1.23456, "-1.235"),
        (9.99996, "10.00"),
        (999.96, "1,000"),
        (12345.678, "12,346"),
        (999999.4, "999,999"),
        (1234567.0, "1.235e+06"),
        (0.0001, "0.0001000"),
        (0.00012345678, "0.0001235"),
        (0.000012, "1.2e-05"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_format_cell(value, text):
    assert format_cell(value) == text


def test_markdown_table():
    table = Table(["model", "a|b"], [["x\ny", 1.5], ["z", None]], "*Mind* the gap.")
    assert markdown_table(table).splitlines() == [
        "| model |  a\\|b |",
        "| ----- | ----: |",
        "| x y   | 1.500 |",
        "| z     |     \N{EN DASH} |",
        "",
        "*Mind* the gap.",
    ]


def test_markdown_table_without_rows():
    assert markdown_table(Table(["a", "b"], [])) == "| a   | b   |\n| --- | --- |"


def run(unit="tokens", losses=(3.0, 2.0), valid=2.5):
    metrics = [
        {"step": 10 * i, "split": "train", "seconds": 1.0 * i, "loss": loss}
        for i, loss in enumerate(losses, 1)
    ]
    metrics.append({"step": 20, "split": "valid", "seconds": 2.0, "accuracy": 0.5})
    if valid is not None:
        metrics[-1]["loss"] = valid
    numbers = {"parameters": 41_000_000, "steps": 20, "seconds": 120.0, "items": 6000}
    return {**numbers, "unit": unit, "metrics": metrics}


def test_training_section():
    (_, table), (_, curves) = training_section(
        {"xl": run(), "plain": run(valid=None)}, "the newest one"
    )
    assert list(table.columns[3:6]) == ["tokens seen", "minutes", "tokens/s"]
    assert table.rows[0] == ["xl", 41_000_000, 20, 6000, 2.0, 50.0, 2.0, 2.5]
    assert table.rows[1][-1] is None
    loss = curves_of(curves.figure().axes[0])
    assert list(loss) == ["xl", "xl, validation", "plain"]
    assert loss["xl"].get_xydata().tolist() == [[10, 3.0], [20, 2.0]]
    assert loss["xl, validation"].get_linestyle() == "--"


def curves_of(axes):
    """The lines that have points, by name."""
    lines = {line.get_label(): line for line in axes.lines}
    return {name: line for name, line in lines.items() if len(line.get_xdata())}


def test_training_curves_are_of_whatever_was_logged_the_loss_first():
    wrong = run()
    wrong["metrics"] = [{"tokens": 0.1, **record} for record in wrong["metrics"]]
    _, (title, curves) = training_section({"xl": wrong, "plain": run()}, "")
    assert title == "Training curves"
    drawn = curves.figure().axes
    panels = {axes.get_title(loc="left"): curves_of(axes) for axes in drawn}
    assert list(panels) == ["loss", "tokens", "accuracy", ""]
    assert list(panels["tokens"]) == ["xl", "xl, validation"]
    assert [len(x.get_xdata()) for x in panels["tokens"].values()] == [2, 1]
    colours = {name: line.get_color() for name, line in panels["loss"].items()}
    assert colours["xl"] == colours["xl, validation"] != colours["plain"]
    assert panels["accuracy"]["plain, validation"].get_color() == colours["plain"]


def test_training_section_of_mixed_units_and_no_losses():
    silent = run(unit="images", losses=(), valid=None)
    (_, table), *_ = training_section({"a": silent, "b": run("words", (), None)}, "")
    assert table.columns[3] == "items seen"
    assert table.rows[0][-2:] == [None, None]
    silent["metrics"] = []
    assert len([*training_section({"a": silent}, "")]) == 1
