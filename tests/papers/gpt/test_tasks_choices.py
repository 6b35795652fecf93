"""RACE, Story Cloze and RTE's XML: the sets whose files are no plain tables."""

import csv
import json

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from common.contract import UserError
from papers.gpt import tasks


def write_article(path, number, answer="B", **other):
    path.parent.mkdir(parents=True, exist_ok=True)
    article = {
        "article": f"Article {number}. It is short.",
        "questions": [f"What is {number}?", f"It is _ {number}."],
        "options": [[f"{letter}{number}" for letter in "abcd"]] * 2,
        "answers": [answer, "D"],
        "id": path.name,
    }
    path.write_text(json.dumps(article | other), "utf-8")


def race(tmp_path):
    for split in ("train", "dev", "test"):
        for level in ("middle", "high"):
            for i in range(3):
                write_article(tmp_path / f"RACE/{split}/{level}/{i}.txt", f"{level}{i}")
    return tmp_path


def test_race_is_a_choice_of_four_with_a_question(tmp_path):
    task = tasks.load("race", str(race(tmp_path)))
    assert [len(task.of(split)) for split in ("train", "valid", "test")] == [12] * 3
    first, second, *_ = task.of("test")
    assert first.texts[0] == "Article middle0. It is short."
    assert first.texts[1:] == ("amiddle0", "bmiddle0", "cmiddle0", "dmiddle0")
    assert (first.question, first.label) == ("What is middle0?", 1)
    assert (second.question, second.label) == ("It is _ middle0.", 3)
    assert (task.form, task.n_inputs, task.n_outputs) == ("choice", 4, 1)


def test_race_of_one_level_has_its_articles_alone(tmp_path):
    task = tasks.load("race-high", str(race(tmp_path) / "RACE"))
    assert len(task.of("train")) == 6
    assert all("high" in e.question for e in task.examples)


def test_articles_that_cannot_be_read_are_named(tmp_path):
    folder = race(tmp_path) / "RACE/train/high"
    (folder / "0.txt").write_text("")  # the first of the folder
    write_article(folder / "1.txt", 1, answer="E")
    write_article(folder / "3.txt", 3, options=[["a", "b", "c", "d"]])
    (folder / ".DS_Store").write_bytes(b"\0")
    task = tasks.load("race-high", str(tmp_path))
    assert len(task.of("train")) == 2
    (note,) = task.notes
    assert "3 files are no articles and are left out: 0.txt, 1.txt, 3.txt" in note


def test_choices_of_different_lengths_are_refused(tmp_path):
    write_article(race(tmp_path) / "RACE/train/high/0.txt", 0, options=[["a", "b"]] * 2,
                  answers=["A", "B"])  # fmt: skip
    with pytest.raises(UserError, match="has 2 and 4 answers: give all"):
        tasks.load("race", str(tmp_path))


def test_race_without_a_split_is_refused(tmp_path):
    write_article(tmp_path / "train/middle/0.txt", 0)
    with pytest.raises(
        UserError, match="needs the folders train, dev and test; it has"
    ):
        tasks.load("race", str(tmp_path))


STORY = (
    "InputStoryid",
    *(f"InputSentence{i}" for i in range(1, 5)),
    "RandomFifthSentenceQuiz1",
    "RandomFifthSentenceQuiz2",
    "AnswerRightEnding",
)
VAL = "cloze_test_val__spring2016 - cloze_test_ALL_val.csv"
TEST = "cloze_test_test__spring2016 - cloze_test_ALL_test.csv"


def write_stories(path, count, columns=STORY):
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        rows = csv.writer(file)
        rows.writerow(columns)
        for i in range(count):
            story = [
                f"id{i}",
                f'He said, "I am {i}".',
                "b.",
                "c.",
                "d.",
                "end.",
                "fin.",
            ]
            rows.writerow([*story, 1 + i % 2][: len(columns)])


def test_story_cloze_trains_on_the_released_1497_stories(tmp_path):
    write_stories(tmp_path / VAL, 1871)
    write_stories(tmp_path / TEST, 10)
    task = tasks.load("rocstories", str(tmp_path))
    train, valid = train_test_split(
        np.arange(1871), test_size=374, random_state=3535999445
    )
    assert [len(task.of(s)) for s in ("train", "valid", "test")] == [1497, 374, 10]
    for split, numbers in (("train", train), ("valid", valid), ("test", range(10))):
        contexts = [f'He said, "I am {i}". b. c. d.' for i in numbers]
        assert [e.texts for e in task.of(split)] == [
            (c, "end.", "fin.") for c in contexts
        ]
        assert [e.label for e in task.of(split)] == [i % 2 for i in numbers]
    assert "374 of 1871 labelled stories validate" in task.notes


def test_story_cloze_without_test_labels_is_tested_on_held_out_stories(tmp_path):
    write_stories(tmp_path / VAL, 40)
    write_stories(tmp_path / TEST, 10, STORY[:-1])
    task = tasks.load("rocstories", str(tmp_path))
    assert len(task.of("test")) == 8
    assert any("_test.csv has no labels" in note for note in task.notes)
    assert not {e.texts for e in task.of("test")} & {e.texts for e in task.of("train")}


def test_story_cloze_of_two_years_or_none_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match="has no cloze_test_val"):
        tasks.load("rocstories", str(tmp_path))
    write_stories(tmp_path / VAL, 10)
    write_stories(tmp_path / VAL.replace("spring2016", "winter2018"), 10)
    with pytest.raises(UserError, match=r"2016.* and .*2018.*: keep one"):
        tasks.load("rocstories", str(tmp_path))


def test_a_csv_with_an_open_quote_is_one_clear_line(tmp_path):
    write_stories(tmp_path / VAL, 5)
    with (tmp_path / VAL).open("a") as file:
        file.write('id9,"open,b,c,d,e,f,1\n')
    with pytest.raises(UserError, match="is no csv: unexpected end of data"):
        tasks.load("rocstories", str(tmp_path))


PAIR = '<pair id="{}" {}="{}" task="IE"><t>Text\n  {} &amp; x.</t><h>{}</h></pair>'
RTE = (
    '<?xml version="1.0" encoding="{}"?>\n<!DOCTYPE e SYSTEM "rte.dtd">\n<e>\n{}\n</e>'
)


def write_pairs(path, pairs, encoding="UTF-8"):
    path.parent.mkdir(exist_ok=True)
    text = RTE.format(encoding, "\n".join(PAIR.format(*pair) for pair in pairs))
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))


def test_rte_in_xml_trains_on_dev_and_tests_on_test(tmp_path):
    pairs = [(i, "value", ("TRUE", "FALSE")[i % 2], i, f"café {i}") for i in range(20)]
    write_pairs(tmp_path / "rte/rte1_dev.xml", pairs, "ISO-8859-1")
    others = [(i, "entailment", ("YES", "NO")[i % 2], i, "" if i == 0 else "short")
              for i in range(4)]  # fmt: skip
    write_pairs(tmp_path / "rte/rte2_test.xml", others)
    task = tasks.load("rte", str(tmp_path))
    assert [len(task.of(s)) for s in ("train", "valid", "test")] == [18, 2, 3]
    assert [e.label for e in task.of("test")] == [1, 0, 1]
    assert task.of("test")[0].texts == ("Text 1 & x.", "short")
    assert {e.texts[1] for e in task.of("train")} <= {f"café {i}" for i in range(20)}
    assert task.notes[0].endswith("1 pairs without a text are left out (ids 0)")


def test_rte_in_broken_xml_is_one_clear_line(tmp_path):
    write_pairs(tmp_path / "rte1_dev.xml", [(1, "value", "PERHAPS", 1, "short")])
    with pytest.raises(UserError, match="pair 1 has entailment 'PERHAPS'; the labels"):
        tasks.load("rte", str(tmp_path))
    (tmp_path / "rte1_dev.xml").write_text("<e><pair")
    with pytest.raises(UserError, match=r"rte1_dev.xml' is no XML: unclosed token"):
        tasks.load("rte", str(tmp_path))
    (tmp_path / "rte1_dev.xml").write_text("<e></e>")
    with pytest.raises(UserError, match="has no <pair> with a <t> and an <h>"):
        tasks.load("rte", str(tmp_path))
