"""Files that differ from what a layout says: other marks and line ends, broken lines,
missing columns and files. What would fail if one were read wrongly without a word."""

import gzip

import pytest

from common.contract import UserError
from papers.gpt import tasks

FILES = ("train.tsv", "dev.tsv")
RTE_LINES = [
    "index\tsentence1\tsentence2\tlabel",
    *(f"{i}\tlong {i}\tshort {i}\t{'not_' * (i % 2)}entailment" for i in range(20)),
]


def write(folder, files):
    folder.mkdir(exist_ok=True)
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n", "utf-8")
    return str(folder)


def test_marks_and_line_ends_of_other_systems_change_nothing(tmp_path):
    lines = RTE_LINES
    plain = tasks.load("rte", write(tmp_path / "a", dict.fromkeys(FILES, lines)))
    other = tmp_path / "b"
    other.mkdir()
    (other / "TRAIN.tsv").write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    (other / "dev.tsv.gz").write_bytes(gzip.compress("\r".join(lines).encode()))
    (other / "._train.tsv").write_bytes(b"\0\5\26\7")
    assert tasks.load("rte", str(other)).examples == plain.examples


def test_only_line_ends_end_lines(tmp_path):
    """str.splitlines would cut at these signs too."""
    odd = "one\u2028two\x85three\x0bfour\x1cfive"
    lines = [*RTE_LINES, f"20\t{odd}\tshort\tentailment"]
    task = tasks.load("rte", write(tmp_path, dict.fromkeys(FILES, lines)))
    assert task.of("test")[-1].texts == (odd, "short")


def test_the_validation_split_has_the_shares_of_the_classes(tmp_path):
    rows = [f"a film {i}\t{int(i % 10 == 0)}" for i in range(200)]
    lines = ["sentence\tlabel", *rows]
    task = tasks.load("sst2", write(tmp_path, dict.fromkeys(FILES, lines)))
    assert [e.label for e in task.of("valid")].count(1) == 2
    assert len(task.of("valid")) == 20


def test_lines_that_cannot_be_read_are_counted_and_named(tmp_path):
    header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"
    rows = [f"{i}\t{i}1\t{i}2\twhat {i}?\twhy {i}?\t{i % 2}" for i in range(20)]
    lines = [header, *rows]
    lines[3] = "3\t31\t32\tcut in two"
    lines[7] = "7\t71\t72\t\twhy 7?\t0"
    root = write(tmp_path, {"train.tsv": lines, "dev.tsv": lines[:3]})
    task = tasks.load("qqp", root)
    assert len(task.of("train")) + len(task.of("valid")) == 18
    (note,) = (n for n in task.notes if "cannot" in n)
    assert "2 of 20 rows" in note
    assert "line 4 (4 fields, not 6), 8 (question1 is empty)" in note


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "has no train.tsv; it has nothing"),
        ({"train.tsv": RTE_LINES}, "has no dev.tsv beside its other files"),
        ({"train.tsv": [""], "dev.tsv": RTE_LINES}, "train.tsv' is empty"),
        ({"train.tsv": RTE_LINES[:1], "dev.tsv": RTE_LINES}, "has no rows"),
        (
            {"train.tsv": [*RTE_LINES, "9\ta\tb\tmaybe"], "dev.tsv": RTE_LINES},
            "line 22, has the label 'maybe'; the labels are entailment, not_entailment",
        ),
        (
            {"train.tsv": RTE_LINES[1:], "dev.tsv": RTE_LINES},
            "has no column 'sentence1'; its first line has 0, long 0, short 0",
        ),
        (
            {"train.tsv": [RTE_LINES[0], *RTE_LINES[1::2]], "dev.tsv": RTE_LINES},
            "test split has the label 'not_entailment', which no training example has",
        ),
        (
            {"train.tsv": [RTE_LINES[0], "1\t2", *RTE_LINES[1:2]], "dev.tsv": []},
            "dev.tsv' is empty",
        ),
        (
            {"train.tsv": [RTE_LINES[0], "1\t2", "3", RTE_LINES[1]], "dev.tsv": []},
            "2 of 3 rows cannot be read: line 2 (2 fields, not 4), 3 (1 fields",
        ),
    ],
)
def test_files_that_do_not_fit_are_one_clear_line(tmp_path, files, words):
    root = write(tmp_path, files)
    with pytest.raises(UserError) as error:
        tasks.load("rte", root)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_root_that_is_no_folder_is_one_clear_line(tmp_path):
    (tmp_path / "CoLA.zip").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"is a file: give the \(unpacked\) folder"):
        tasks.load("cola", str(tmp_path / "CoLA.zip"))
    with pytest.raises(UserError, match="does not exist; give one with train"):
        tasks.load("cola", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="cola needs a root folder"):
        tasks.load("cola")
    with pytest.raises(UserError, match="no task 'colaa': did you mean cola"):
        tasks.load("colaa")


@pytest.mark.parametrize("score", ["5.1", "-1", "nan", "high"])
def test_a_score_is_from_0_to_5(tmp_path, score):
    lines = ["sentence1\tsentence2\tscore", "one\ttwo\t1.0", f"one\ttwo\t{score}"]
    with pytest.raises(UserError, match=f"line 3, has the score '{score}'"):
        tasks.load("stsb", write(tmp_path, {"train.tsv": lines, "dev.tsv": lines}))
