"""Items with choices. A failure means that the wrong sentence is scored, or that an
item of a file gets another answer."""

import json
import math

import pytest

from common.contract import UserError
from papers.gpt2.zero_shot import cloze, winograd
from papers.gpt2.zero_shot.cloze import Cloze
from papers.gpt2.zero_shot.winograd import Schema
from tests.papers.gpt2.table_model import TableModel

CONTEXT = "".join(f"{n} The dog did n't bark .\n" for n in range(1, 21))
QUERY = "21 `` XXXXX , '' said the -LRB- old -RRB- cat .\tdog\t\tcat|dog|house|\n"


def test_a_cloze_is_read_as_plain_text(tmp_path):
    broken = [
        QUERY.replace("\tdog\t", "\tcow\t"),
        QUERY.replace("XXXXX", "YYYYY"),
        QUERY.replace("|dog|house|", "").replace("\tdog", "\tcat"),
        "The dog without a number\n" + QUERY,
    ]
    items = [QUERY, *broken, QUERY]
    text = "\n".join(CONTEXT + item for item in items) + "\n21 no query\n"
    (tmp_path / "cbtest_CN_test_2500ex.txt").write_text(text)
    found = cloze.read(tmp_path)
    assert len(found.items) == 2
    first = found.items[0]
    assert first.context == "The dog didn't bark. " * 20 + '"'
    assert first.after == '," said the (old) cat.'
    assert first.candidates == ("cat", "dog", "house")
    assert (first.label, first.spaced) == (1, False)
    assert [line.split(": ", 1)[1] for line in found.skipped] == [
        "the answer 'cow' is not a candidate",
        "not one XXXXX in the query",
        "a single candidate",
        "no number before 'The dog without a number'",
        "no query with its answer and candidates",
    ]
    assert found.skipped[0].startswith("cbtest_CN_test_2500ex.txt, line 43: ")


def test_unusable_clozes_are_one_line(tmp_path):
    with pytest.raises(UserError, match="no kind of cloze 'X'; there are: CN"):
        cloze.read(tmp_path, "X")
    (tmp_path / "cbtest_NE_test_2500ex.txt").write_text(CONTEXT + "21 text\n")
    with pytest.raises(UserError, match="no CBT CN"):
        cloze.read(tmp_path)
    with pytest.raises(UserError, match=r"line 21: no query .* its form is 20"):
        cloze.read(tmp_path, "NE")


def test_the_rest_of_the_sentence_decides_a_cloze():
    """cat is more probable than dog, but not before "s"."""
    table = {
        "a": {" cat": 0.6, " dog": 0.3},
        " cat": {"s": 0.1},
        " dog": {"s": 0.9},
    }
    model = TableModel((" cat", " dog"), table).model()
    with_rest = Cloze("a", "s", ("cat", "dog"), 1)
    without = Cloze("a", "", ("cat", "dog"), 1)
    assert cloze.score(model, [with_rest])["accuracy"] == 1
    assert cloze.score(model, [without])["accuracy"] == 0
    both = cloze.score(model, [with_rest, without])
    assert both == {"accuracy": 0.5, "chance": 0.5, "cropped": 0, "items": 2}


XML = """<?xml version="1.0" encoding="UTF-8"?>
<collection>
<schema><text><txt1>The men refused
because</txt1><pron>they</pron><txt2>feared it .</txt2></text>
<quote><quote1/><pron>they</pron><quote2>feared it</quote2></quote>
<answers><answer>The men</answer><answer> The women </answer></answers>
<correctAnswer> B. </correctAnswer></schema>
<schema><text><txt1>Bob saw</txt1><pron>his</pron><txt2>dog.</txt2></text>
<answers><answer>Bob</answer><answer>A man</answer></answers>
<correctAnswer>A</correctAnswer></schema>
<schema><text><txt1>Bob</txt1><pron>he</pron><txt2>ran.</txt2></text>
<answers><answer>Bob</answer><answer>A man</answer></answers>
<correctAnswer>C</correctAnswer></schema>
<schema/>
</collection>"""


def test_three_layouts_of_winograd_schemas(tmp_path):
    (tmp_path / "WSCollection.xml").write_text(XML)
    found = winograd.read(tmp_path)
    before = "The men refused because"
    first = Schema(before, ("the men", "the women"), "feared it .", 1)
    second = Schema("Bob saw", ("Bob's", "a man's"), "dog.", 0)
    assert found.items == (first, second)
    assert found.skipped == (
        "WSCollection.xml, item 3: the correct answer 'C' is none of 2",
        "WSCollection.xml, item 4: no text/txt1, pron or txt2",
    )

    placed = {
        "text": f"{before} they feared it .",
        "pronoun": "they",
        "pronoun_loc": len(before) + 1,
        "options": ["The men", "The women"],
        "label": 1,
    }
    shifted = placed | {"pronoun_loc": 3}
    path = tmp_path / "wsc273.jsonl"
    path.write_text(f"{json.dumps(placed)}\n{json.dumps(shifted)}\n")
    found = winograd.read(path)
    assert found.items == (first,)
    assert found.skipped == (
        "wsc273.jsonl, line 2: no pronoun 'they' at 3 of the text",
    )

    def sentence(question, text, right):
        return {"question_id": question, "substitution": text, "correctness": right}

    sentences = [
        sentence(0, f"{before} the men feared it .", False),
        sentence(0, f"{before} the women feared it .", True),
        sentence(1, "I saw the man run .", True),
        sentence(1, "I saw the old man run .", False),
        sentence(2, "alone", True),
    ]
    path = tmp_path / "wsc273.json"
    path.write_text(json.dumps(sentences))
    found = winograd.read(path)
    assert found.items == (
        Schema(f"{before} the", ("men", "women"), "feared it .", 1),
        Schema("I saw", ("the", "the old"), "man run .", 0),
    )
    assert found.skipped == ("wsc273.json, item 3: 1 sentences, 1 correct",)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("wsc273.json", "{}", "no JSON list"),
        ("wsc273.json", "[1]", "no JSON object"),
        ("wsc273.json", "[", "is not JSON: line 1"),
        ("wsc273.json", "[]", "no items"),
        ("WSCollection.xml", "<collection>", "no XML"),
        ("WSCollection.xml", "<collection/>", "no items"),
    ],
)
def test_unusable_schemas_are_one_line(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=says) as error:
        winograd.read(tmp_path)
    assert "\n" not in str(error.value)


def test_full_and_partial_scores_differ_by_the_probability_of_the_option():
    """x is improbable itself, and makes the rest probable."""
    table = {"b": {" x": 0.01, " y": 0.9}, " x": {" r": 0.5}, " y": {" r": 0.2}}
    model = TableModel((" x", " y", " r"), table).model()
    item = Schema("b", ("x", "y"), "r", 0)
    found = winograd.score(model, [item])
    assert (found["partial"], found["full"]) == (1, 0)
    assert math.isclose(found["chance"], 0.5)
