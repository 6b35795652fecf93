"""The page of --mode=predict. A failure means that an output stands beside another
input, or that what a paper made is missing on it."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from common.contract import Records, Table
from launch.predict import PAGE, predict
from launch.reports.beside import by_input, named_in
from launch.reports.given import given
from launch.reports.images import LARGE, users
from launch.reports.predicted import MOST
from launch.reports.results import Result


def page(outputs, inputs, folder, **options) -> str:
    """The page of what a paper yields."""
    session = SimpleNamespace(workdir=folder, predict=lambda run, inputs: outputs)
    predict(session, "", str(inputs), **options)
    return (folder / "predict" / PAGE).read_text(encoding="utf-8")


def picture(path, height=4, width=6):
    Image.fromarray(np.full((height, width), 9, np.uint8)).save(path)
    return path


def section(html, name):
    """The part of the page under a heading."""
    return html.partition(f"<h2>{name}</h2>")[2].partition("</section>")[0]


def test_a_result_is_of_the_longest_name_among_its_words():
    names = {"a.png", "my a.png", "b/a.png"}
    assert named_in("a.png x3", names) == "a.png"
    assert named_in("my a.png after 5 steps", names) == "my a.png"
    assert named_in("Guidance, b/a.png", names) == "b/a.png"
    assert named_in("aa.png x3", names) == ""


def test_rows_of_a_table_go_to_their_inputs():
    rows = [["a", 1], ["b", 2], ["a", 3], ["c", 4]]
    table = Result("T", "table", Table(("input", "n"), rows, "seconds"))
    found, others = by_input(["a", "b"], [table])
    assert found["a"][0].value == Table(("n",), [[1], [3]])
    assert found["b"][0].value == Table(("n",), [[2]])
    (rest,) = others
    assert rest.value == Table(("input", "n"), [["c", 4]], "seconds")


def test_pictures_stand_with_what_was_made_of_them(tmp_path):
    """One of the input's own shape is laid over it, another one stands beside it."""
    inputs = tmp_path / "in"
    inputs.mkdir()
    picture(inputs / "a.png")
    picture(inputs / "b.png")
    (inputs / "broken.png").write_bytes(b"no picture")
    rows = [["a.png", "cat", 0.75], ["b.png", "dog", 1.0], ["broken.png", "no", None]]
    outputs = [
        ("a.png x2", np.zeros((8, 12, 3), np.uint8)),
        ("b.png said", np.zeros((9, 12), np.uint8)),
        ("Classes", Table(("input", "class", "probability"), rows, "as told")),
    ]
    html = page(outputs, inputs, tmp_path)
    first, second = section(html, "a.png"), section(html, "b.png")
    assert 'class="pair"' in first
    assert "input, 6 x 4" in first
    assert "output, 12 x 8" in first
    assert "cat" in first
    assert "--share: 75.0%" in first
    assert 'class="pair"' not in second
    assert second.count("<img") == 2
    assert "dog" in second
    assert "cat" not in second
    assert "not a readable picture" in section(html, "broken.png")
    assert "Classes: as told" in html


def test_of_many_inputs_the_page_has_the_first(tmp_path):
    inputs = tmp_path / "in"
    inputs.mkdir()
    names = [f"{i:03}.png" for i in range(MOST + 2)]
    for name in names:
        picture(inputs / name)
    rows = [[name, 1] for name in names]
    html = page([("T", Table(("input", "n"), rows))], inputs, tmp_path)
    assert html.count("<h2>") == MOST
    assert f"the first {MOST} of {MOST + 2} inputs" in html
    links = re.findall(r'<a href="#([^"]+)">', html)
    assert len(links) == MOST
    assert all(f'id="{link}"' in html for link in links)


def test_of_a_text_that_goes_on_the_input_is_marked(tmp_path):
    html = page(["a <b", "> goes on"], "a <b", tmp_path)
    assert '<pre><span class="input">a &lt;b</span>&gt; goes on</pre>' in html
    path = tmp_path / "prompts.txt"
    path.write_text("one\ntwo\n")
    outputs = [("prompt 1", "one and more"), ("prompt 2", "two and more")]
    html = page(outputs, f"LINES:{path}", tmp_path)
    for word in ("one", "two"):
        assert f'<span class="input">{word}</span> and more' in html
    html = page(["prompts.txt is a name"], "prompts.txt", tmp_path)
    assert '<span class="input">prompts.txt</span> is a name' in html


def test_a_prompt_that_is_also_a_files_name_stays_a_prompt(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "novel").write_text("not this")
    html = page(["novel ideas"], "novel", tmp_path)
    assert '<span class="input">novel</span> ideas' in html
    assert "not this" not in html


def test_a_text_stands_beside_its_tables_and_classes(tmp_path):
    record = {"input": ["x", "y"], "classes": [{"name": "good", "probability": 0.5}]}
    outputs = [("Found", Table(("word",), [["Bach"]])), Records([record])]
    html = page(outputs, "Bach wrote it", tmp_path)
    assert '<pre class="input">Bach wrote it</pre>' in html
    assert "<h3>Found</h3>" in html
    assert "<h3>x ||| y</h3>" in html
    assert "--share: 50.0%" in html


def test_a_large_picture_is_smaller_on_the_page(tmp_path):
    path = picture(tmp_path / "a.png", 10, 3 * LARGE)
    shown = users(path)
    assert shown.size == (3 * LARGE, 10)
    assert shown.width == LARGE
    assert shown.kind == "jpeg"


def test_the_page_lies_where_the_files_are(tmp_path, capsys):
    """Beside them, with links that lead to them."""
    source = picture(tmp_path / "a.png")
    out = tmp_path / "out"
    out.mkdir()
    made = picture(out / "a.png")
    session = SimpleNamespace(
        workdir=tmp_path, predict=lambda run, inputs: [("a.png x1", made)]
    )
    predict(session, "", str(source), out=str(out))
    html = (out / PAGE).read_text()
    assert '<a href="a.png">file</a>' in html
    predict(session, "", str(source), out=str(made))
    assert (out / "a.predicted.html").exists()
    said = capsys.readouterr().out
    assert f"a.png x1: {made}" in said
    assert said.endswith(f"page: {out / 'a.predicted.html'}\n")


def test_what_came_before_an_error_is_on_the_page(tmp_path):
    def outputs():
        yield "half a "
        yield "sentence"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        page(outputs(), "half", tmp_path)
    assert "a sentence" in (tmp_path / "predict" / PAGE).read_text()


def test_an_input_that_cannot_be_shown_does_no_harm(tmp_path):
    (tmp_path / "boxes.npz").write_bytes(b"\x00\xff\x00")
    assert given(str(tmp_path / "boxes.npz")).text == ""
    assert given(f"FILE:{tmp_path / 'none'}").text == ""
    assert given(str(tmp_path)).pictures == {}
    assert given("").text == ""
    latin = tmp_path / "latin.txt"
    latin.write_bytes("Größe".encode("latin-1"))
    assert given(str(latin)).text == ""
