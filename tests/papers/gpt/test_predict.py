"""What a user gets for a text, and what is refused in one line."""

import re

import numpy as np
import pytest

from common.contract import UserError
from papers import gpt

SHOWN = re.compile(r"(?:^|, )(\S.*?) (\d\.\d{3})")


def labelled(trained, name, inputs):
    """The lines; the last is no text, but the records of the same."""
    config, state = trained(name)
    *lines, records = gpt.predict(config, state, inputs)
    said = sum("are cut to" not in line for line in lines)
    assert len(records.rows) == said
    return lines


def test_a_text_gets_every_class_with_its_probability(trained):
    (line,) = labelled(trained, "toy-kind", "the cat sees the moon.")
    found = SHOWN.findall(line)
    assert {name for name, _ in found} == {"living", "thing"}
    first, second = (float(p) for _, p in found)
    assert first >= second
    assert first + second == pytest.approx(1, abs=2e-3)
    (named,) = gpt.classify(*trained("toy-kind"), ["the cat sees the moon."])
    shown = [(each["name"], f"{each['probability']:.3f}") for each in named]
    assert shown == found
    with pytest.raises(
        UserError, match="this run is for classification: give 'a text'"
    ):
        gpt.classify(*trained("toy-kind"), [("a", "b")])


def test_a_tab_is_white_space_in_a_single_text(trained):
    tab = labelled(trained, "toy-kind", "the cat\tsees the moon.")
    space = labelled(trained, "toy-kind", "the cat sees the moon.")
    assert SHOWN.findall(tab[0])[0][1] == SHOWN.findall(space[0])[0][1]


@pytest.mark.parametrize("separator", ["|||", "\t"])
def test_a_pair_is_separated_by_bars_or_a_tab(trained, separator):
    inputs = f"the cat sees the moon.{separator} a cat sees."
    (line,) = labelled(trained, "toy-entailment", inputs)
    assert "follows" in line
    (score,) = labelled(trained, "toy-similarity", inputs)
    assert 0 <= float(score.split()[0]) <= 5


def test_more_answers_than_in_training_may_be_given(trained):
    inputs = "the cat sees the moon. ||| that cat. ||| that king. ||| that stone."
    (line,) = labelled(trained, "toy-choice", inputs)
    assert sum(float(p) for p in re.findall(r"\d\.\d{3}", line)) == pytest.approx(
        1, abs=3e-3
    )
    assert all(f"that {x}." in line for x in ("cat", "king", "stone"))


def test_lines_of_a_file_are_examples_whatever_their_number(trained, tmp_path):
    path = tmp_path / "lines.txt"
    texts = [f"the {x} sees the moon." for x in ("cat", "river", "king")] * 4
    path.write_text("\n\n".join(texts))
    lines = labelled(trained, "toy-kind", f"LINES:{path}")
    alone = [labelled(trained, "toy-kind", text)[0] for text in texts[:3]]
    assert len(lines) == 12
    for line, expected in zip(lines, alone, strict=False):
        found = [[float(p) for _, p in SHOWN.findall(x)] for x in (line, expected)]
        np.testing.assert_allclose(*found, atol=2e-3)


def test_a_text_that_is_cut_is_said_to_be(trained):
    first, *_ = labelled(trained, "toy-kind", "the cat sees the moon. " * 20)
    assert "are cut to 32 tokens" in first


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("toy-kind", ""),
        ("toy-kind", "one ||| two"),
        ("toy-entailment", "one text"),
        ("toy-entailment", "one ||| "),
        ("toy-similarity", "a ||| b ||| c"),
        ("toy-choice", "context ||| answer"),
    ],
)
def test_texts_that_do_not_fit_the_task_are_one_line(trained, name, inputs):
    with pytest.raises(UserError, match="this run is for") as error:
        labelled(trained, name, inputs)
    assert "\n" not in str(error.value)


def test_an_empty_file_is_one_line(trained, tmp_path):
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(UserError, match="has no example"):
        labelled(trained, "toy-kind", f"LINES:{tmp_path / 'empty.txt'}")


def test_a_pre_trained_run_continues_a_prompt(trained):
    text = "".join(gpt.predict(*trained("pretrain"), "the old"))
    assert text.startswith("the old")
    assert len(text) > 20
    assert text == gpt.continue_text(*trained("pretrain"), "the old")
    with pytest.raises(UserError, match="a fine-tuned run continues no text"):
        gpt.continue_text(*trained("toy-kind"), "the old")


def test_the_lstm_continues_nothing(trained):
    with pytest.raises(UserError, match="--run=pretrain"):
        labelled(trained, "pretrain_lstm", "the old")


def test_another_vocabulary_is_refused(trained):
    config, state = trained("toy-kind")
    other = state.replace(tokenizer=state.tokenizer + 1)
    with pytest.raises(UserError, match="another vocabulary"):
        next(gpt.predict(config, other, "the cat"))
