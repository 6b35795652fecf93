"""Where a report comes from. A failure means that a link leads nowhere, or to another
commit than the one that measured."""

import ast
import re
import subprocess

import pytest

from launch.reports import origin
from launch.reports.again import main as again
from launch.reports.report import Report, read_report


@pytest.fixture
def remote(monkeypatch):
    """Sets what git says of the remote's address."""
    said = {"rev-parse": "0123abc"}
    monkeypatch.setattr(origin, "_git", lambda *words: said.get(words[0], ""))
    return lambda url: said.update(config=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/them/papers.git",
        "https://github.com/them/papers/",
        "git@github.com:them/papers.git",
    ],
)
def test_code_on_a_forge_is_linked_at_its_commit(remote, url):
    remote(url)
    facts = origin.facts("python x", "cpu")
    line = origin.address("papers/unit/evaluate.py:31", facts)
    there = "https://github.com/them/papers/blob/0123abc/papers/unit/evaluate.py#L31"
    assert line == there


@pytest.mark.parametrize("url", ["", "/srv/git/papers", "ssh://git@intern/papers"])
def test_other_code_is_linked_where_it_lies(remote, url):
    remote(url)
    line = origin.address("launch/main.py:1", origin.facts("python x", "cpu"))
    assert line == f"{origin.ROOT.as_uri()}/launch/main.py#L1"


def test_facts_have_the_commit_and_the_versions():
    facts = origin.facts("python x", "")
    assert {"command", "date", "python", "jax", "flax", "optax"} <= facts.keys()
    assert "devices" not in facts  # what is not known is not said
    if (origin.ROOT / ".git").exists():
        command = ["git", "-C", origin.ROOT, "rev-parse", "--short=7", "HEAD"]
        commit = subprocess.check_output(command, text=True).strip()
        assert commit in facts["commit"]


def test_each_paper_says_its_title_and_an_address_that_is_whole():
    for path in (origin.ROOT / "papers").glob("*/__init__.py"):
        said = origin.about_paper(ast.get_docstring(ast.parse(path.read_text())))
        assert len(said) > 40
        assert "arXiv:" not in said
        for address in re.findall(r"https?://\S+", said):
            assert re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{4,5}\)?,?", address)


def test_a_result_is_traced_through_generators_to_the_line_that_yields_it():
    def inner():
        yield "a", 1

    def outer():
        yield from inner()
        yield "b", 2

    first, second = origin.with_sources(outer())
    start = inner.__code__.co_firstlineno
    here = "tests/launch/reports/test_origin.py"
    assert first == ("a", 1, f"{here}:{start + 1}")
    assert second == ("b", 2, f"{here}:{start + 5}")
    assert [*origin.with_sources(iter([("c", 3)]))] == [("c", 3, "")]


def test_a_page_links_to_the_files_beside_it(tmp_path):
    (tmp_path / "xl").mkdir()
    (tmp_path / "xl" / "metrics.jsonl").write_text("")
    report = Report(tmp_path / "report", title="T", facts={"paper": "<P> https://x.y."})
    report.add("Best", 0.5, "papers/unit/evaluate.py:31")
    report.write(code="https://github.com/a/b/blob/c")
    page = (tmp_path / "report" / "index.html").read_text()
    links = re.findall(r'href="([^"]+)"', page)
    assert "../xl/metrics.jsonl" in links
    assert "results.json" in links
    assert "https://x.y" in links  # without the full stop behind it
    assert "https://github.com/a/b/blob/c/papers/unit/evaluate.py#L31" in links
    assert "&lt;P&gt;" in page


def test_a_page_is_written_again_as_it_was(tmp_path, capsys):
    report = Report(tmp_path / "report", title="T", facts={"command": "x"})
    for name in ("A b", "A_b"):
        report.add(name, "text")
    report.write()
    page = tmp_path / "report" / "index.html"
    before = page.read_text()
    page.unlink()
    assert again([str(tmp_path)]) == 0
    assert page.read_text() == before
    assert read_report(tmp_path / "report")[0] == "T"
    assert again([str(tmp_path / "nowhere")]) == 2
    assert "evaluate first" in capsys.readouterr().err
