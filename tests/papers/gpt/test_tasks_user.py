"""A user's own tables: any names of columns, any labels, any number of answers."""

import json

import pytest

from common.contract import UserError
from papers.gpt import tasks
from papers.gpt.tasks import Columns


def write(folder, name, rows, header=("Review", "Stars")):
    """Rows as a table of the kind that the name says."""
    folder.mkdir(exist_ok=True)
    rows = [[*map(str, row)] for row in rows]
    if ".jsonl" in name:
        lines = [json.dumps(dict(zip(header, row, strict=True))) for row in rows]
    elif ".csv" in name:
        quoted = [
            ['"' + field.replace('"', '""') + '"' for field in row] for row in rows
        ]
        lines = [",".join(row) for row in [header, *quoted]]
    else:
        lines = ["\t".join(row) for row in [header, *rows]]
    (folder / name).write_text("\n".join(lines) + "\n", "utf-8")
    return str(folder)


ROWS = [(f'a "good, {i}" film', ("10", "9", "bad")[i % 3]) for i in range(30)]
STARS = Columns(texts="review", label="stars", metrics="accuracy,f1")


@pytest.mark.parametrize("ending", ["tsv", "csv", "jsonl"])
def test_a_table_of_any_kind_is_a_task(tmp_path, ending):
    for part in ("train", "Dev", "test"):
        root = write(tmp_path, f"films_{part}.{ending}", ROWS)
    task = tasks.load("table", root, STARS)
    assert task.classes == ("9", "10", "bad")  # numbers in their order, then words
    assert task.metrics == ("accuracy", "f1")
    for split in ("train", "valid", "test"):
        assert [e.texts for e in task.of(split)] == [(text,) for text, _ in ROWS]
        assert [e.label for e in task.of(split)] == [1, 0, 2] * 10
    assert task.notes == ()


def test_one_file_is_cut_into_splits(tmp_path):
    root = write(tmp_path, "all.csv", ROWS) + "/all.csv"
    task = tasks.load("table", root, STARS)
    assert [len(task.of(s)) for s in ("train", "valid", "test")] == [25, 2, 3]
    assert sorted(e.texts[0] for e in task.examples) == sorted(t for t, _ in ROWS)
    assert len(task.notes) == 2


def test_a_test_file_without_labels_is_not_used(tmp_path):
    write(tmp_path, "train.tsv", ROWS)
    write(tmp_path, "dev.tsv", ROWS[:3])
    root = write(tmp_path, "test.tsv", [("a film",)], ("Review",))
    task = tasks.load("table", root, STARS)
    assert len(task.of("test")) == 3
    assert task.notes[0] == "test.tsv has no column stars and is not used"


def test_a_class_that_training_had_not_is_one_clear_line(tmp_path):
    write(tmp_path, "train.tsv", ROWS)
    root = write(tmp_path, "test.tsv", [("a film", "10"), ("a film", "8")])
    words = (
        r"line 3, has the label '8', which no training example has; those have 9, 10"
    )
    with pytest.raises(UserError, match=words):
        tasks.load("table", root, STARS)


CHOICE = Columns("choice", "Story,End1,End2,End3", "Right")
HEADER = ("Story", "End1", "End2", "End3", "Right")


@pytest.mark.parametrize(
    "labels", [("a", "B", "C"), ("0", "1", "2"), ("1", "2", "3"), ("x0", "y0", "z0")]
)
def test_the_right_answer_is_a_letter_a_number_or_its_text(tmp_path, labels):
    rows = [("so", "x0", "y0", "z0", labels[i % 3]) for i in range(12)]
    root = write(tmp_path, "train.tsv", rows, HEADER)
    write(tmp_path, "test.tsv", rows[1:3], HEADER)
    task = tasks.load("table", root, CHOICE)
    assert [e.label for e in task.of("test")] == [1, 2]
    assert task.of("test")[0].texts == ("so", "x0", "y0", "z0")
    assert task.n_inputs == 3


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("1", "2"), "all labels are 1 or 2, which may count answers from 0 or from 1"),
        (
            ("1", "4"),
            "line 2, has the label '1'; it is the text of none of its answers",
        ),
        (
            ("a", "E"),
            "line 2, has the label 'a'; it is the text of none of its answers",
        ),
    ],
)
def test_answers_that_cannot_be_told_are_refused(tmp_path, labels, words):
    rows = [("so", "x", "y", "z", labels[i % 2]) for i in range(12)]
    root = write(tmp_path, "train.tsv", rows, HEADER)
    with pytest.raises(UserError, match=words):
        tasks.load("table", root, CHOICE)


def test_scores_are_asked_for_by_their_metrics(tmp_path):
    rows = [("one", "two", i % 11 / 2) for i in range(30)]
    root = write(tmp_path, "train.csv", rows, ("a", "b", "score"))
    columns = Columns("similarity", "a, b", "score", "pearson,spearman")
    task = tasks.load("table", root, columns)
    assert {e.label for e in task.of("train")} <= {i / 2 for i in range(11)}
    assert (task.scored, task.n_outputs, task.n_inputs) == (True, 6, 2)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            Columns(texts="text"),
            "has no column 'text'; its first line has review, stars",
        ),
        (Columns("entailment", "a"), "entailment needs 2 text columns"),
        (Columns("choice", "a,b"), "a choice needs a context and two or more answers"),
        (Columns("regression", "a"), "no form of a task 'regression'"),
        (Columns(metrics="bleu"), "no metric 'bleu'"),
        (Columns(metrics=""), "give the metrics of the table"),
        (Columns(metrics="accuracy,pearson"), "cannot have accuracy and pearson"),
        (Columns("choice", "a,b,c", metrics="f1"), "choices are measured by accuracy"),
    ],
)
def test_columns_that_do_not_fit_are_one_clear_line(tmp_path, columns, words):
    root = write(tmp_path, "train.tsv", ROWS)
    with pytest.raises(UserError, match=words):
        tasks.load("table", root, columns)


def test_files_that_do_not_fit_are_one_clear_line(tmp_path):
    with pytest.raises(UserError, match=r"table needs a root: train, valid and test"):
        tasks.load("table", "", STARS)
    with pytest.raises(UserError, match=r"has no train.tsv, .csv or .jsonl"):
        tasks.load("table", str(tmp_path), STARS)
    root = write(tmp_path, "train.tsv", ROWS)
    write(tmp_path, "films-train.csv", ROWS)
    with pytest.raises(UserError, match=r"films-train.csv and train.tsv: keep one"):
        tasks.load("table", root, STARS)
    (tmp_path / "notes.doc").write_text("x")
    with pytest.raises(UserError, match=r"notes.doc' is none of .tsv, .csv, .jsonl"):
        tasks.load("table", str(tmp_path / "notes.doc"), STARS)
    root = write(tmp_path / "one", "train.tsv", [(t, "good") for t, _ in ROWS])
    with pytest.raises(
        UserError, match="all training examples are 'good'; two classes"
    ):
        tasks.load("table", root, STARS)


def test_broken_json_lines_are_named(tmp_path):
    root = write(tmp_path, "train.jsonl", ROWS)
    good = (tmp_path / "train.jsonl").read_text()
    bad = '{"Review": "x"\n[1]\n{"Review": "x", "Stars": null}\n'
    (tmp_path / "train.jsonl").write_text(bad + good)
    task = tasks.load("table", root, STARS)
    words = (
        "3 of 33 rows cannot be read: line 1 (no JSON), 2 (no JSON object), 3 (stars"
    )
    assert words in task.notes[0]
