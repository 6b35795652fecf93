"""README blocks, rewritten from results.json. A failure means that a README shows other
numbers than its run, or that other text is touched."""

import numpy as np
import pytest

from common.contract import Table
from launch.readme import main
from launch.reports.report import Report

TEXT = """# A paper

Before.

<!-- results: Bits per character -->
old numbers
<!-- end -->

Between.

<!-- results: Best -->
<!-- end -->

After.
"""


@pytest.fixture
def workdir(tmp_path):
    facts = {"command": "python launch/main.py --paper=x", "devices": "2 cpu"}
    report = Report(tmp_path / "work" / "report", title="T", facts=facts)
    report.add("Bits per character", Table(["model", "bits"], [["xl", 1.06]], "Note."))
    report.add("Bits per word", 8.25)
    report.add("Best", 0.5)
    report.add("Sample", "some text")
    report.add("Picture", np.zeros((2, 2), np.uint8))
    report.write()
    return tmp_path / "work"


def written(tmp_path, text, name="README.md"):
    path = tmp_path / name
    path.write_text(text)
    return path


def run(workdir, *arguments):
    return main([*map(str, arguments), f"--workdir={workdir}"])


def test_blocks_are_replaced_and_the_rest_stays(tmp_path, workdir):
    path = written(tmp_path, TEXT)
    assert run(workdir, path) == 0
    source = "<sub>`python launch/main.py --paper=x` · devices 2 cpu</sub>"
    assert (
        path.read_text()
        == f"""# A paper

Before.

<!-- results: Bits per character -->

| model |  bits |
| ----- | ----: |
| xl    | 1.060 |

Note.

{source}

<!-- end -->

Between.

<!-- results: Best -->

0.5000

{source}

<!-- end -->

After.
"""
    )


def test_check_tells_old_from_new_and_writes_nothing(tmp_path, workdir, capsys):
    path = written(tmp_path, TEXT)
    assert run(workdir, path, "--check") == 1
    assert path.read_text() == TEXT
    assert capsys.readouterr().out == f"{path}: out of date\n"
    run(workdir, path)
    assert run(workdir, path, "--check") == 0
    again = path.read_text()
    run(workdir, path)
    assert path.read_text() == again


def test_text_is_fenced(tmp_path, workdir):
    path = written(tmp_path, "<!-- results: Sample -->\n<!-- end -->\n")
    assert run(workdir, path) == 0
    assert "```text\nsome text\n```" in path.read_text()


def test_unknown_name_lists_the_nearest_and_touches_no_file(tmp_path, workdir, capsys):
    good = written(tmp_path, TEXT, "good.md")
    bad = TEXT.replace("results: Best", "results: Bits per wrd")
    bad_path = written(tmp_path, bad, "bad.md")
    assert run(workdir, good, bad_path) == 2
    assert (good.read_text(), bad_path.read_text()) == (TEXT, bad)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "'Bits per wrd'" in error
    assert "nearest: 'Bits per word', 'Bits per character'" in error


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT.replace("old numbers\n<!-- end -->", ""), "between 'Bits per character'"),
        ("<!-- results: Best -->\n0.5\n", "no <!-- end --> after 'Best'"),
        ("<!-- results: Picture -->\n<!-- end -->\n", "'Picture' is a figure"),
    ],
)
def test_mistakes_are_one_line(tmp_path, workdir, capsys, text, words):
    path = written(tmp_path, text)
    assert run(workdir, path) == 2
    assert path.read_text() == text
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_missing_files_are_one_line(tmp_path, workdir, capsys):
    path = written(tmp_path, TEXT)
    assert run(tmp_path / "nowhere", path) == 2
    assert "results.json is missing" in capsys.readouterr().err
    assert run(workdir, tmp_path / "nowhere.md") == 2
    assert "nowhere.md: No such file" in capsys.readouterr().err


def test_tables_of_several_reports_are_joined(tmp_path, workdir):
    other = Report(tmp_path / "b" / "report", title="B", facts={"command": "b"})
    other.add("Bits per character", Table(["model", "bits"], [["gpt", 0.97]]))
    other.add("Best", 0.1)
    other.write()
    path = written(tmp_path, "<!-- results: Bits per character -->\n<!-- end -->\n")
    assert run(workdir, path, f"--workdir={tmp_path / 'b'}") == 0
    text = path.read_text()
    assert text.index("| gpt") < text.index("| xl") < text.index("Note.")
    assert "`python launch/main.py --paper=x`" in text
    assert "\n- `b`\n" in text
    assert text.count("<details>") == 1


def test_numbers_of_several_reports_are_not_joined(tmp_path, workdir, capsys):
    other = Report(tmp_path / "b" / "report", title="B", facts={})
    other.add("Best", 0.1)
    other.write()
    path = written(tmp_path, "<!-- results: Best -->\n<!-- end -->\n")
    assert run(workdir, path, f"--workdir={tmp_path / 'b'}") == 2
    assert "several reports" in capsys.readouterr().err


def test_a_result_that_looks_like_our_marks_is_written_once(tmp_path):
    report = Report(tmp_path / "work" / "report", title="T", facts={"devices": "a|b"})
    text = "one\n<!-- end -->\n<!-- results: Best -->\ntwo"
    report.add("Sample", text)
    report.write()
    path = written(tmp_path, "<!-- results: Sample -->\n<!-- end -->\nAfter.\n")
    assert run(tmp_path / "work", path) == 0
    once = path.read_text()
    assert once.count("two") == once.count("After.") == 1
    assert run(tmp_path / "work", path) == 0
    assert path.read_text() == once
    assert "devices a\\|b" in once


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("main.py --input='a `b` c'", "`` main.py --input='a `b` c' ``"),
        ("main.py --input='a\n\n<!-- end -->'", "`main.py --input='a <!-- end -->'`"),
        ("main.py --workdir=/home/me/d --mode=eval", "`main.py --mode=eval`"),
    ],
)
def test_a_command_is_code_whatever_it_holds(tmp_path, command, shown):
    report = Report(tmp_path / "work" / "report", title="T", facts={"command": command})
    report.add("Best", 0.5)
    report.write()
    path = written(tmp_path, "<!-- results: Best -->\n<!-- end -->\n")
    assert run(tmp_path / "work", path) == 0
    assert f"<sub>{shown}</sub>" in path.read_text()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b'{"facts": {}, "results": [{}]}']
)
def test_a_damaged_report_is_one_line(tmp_path, workdir, capsys, content):
    (workdir / "report" / "results.json").write_bytes(content)
    assert run(workdir, written(tmp_path, TEXT)) == 2
    error = capsys.readouterr().err
    assert "results.json cannot be read" in error
    assert error.count("\n") == 1
