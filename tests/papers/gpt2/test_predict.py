"""--input of a language model, and what comes of it."""

import jax
import pytest

from common.config import changed
from common.contract import Records, UserError
from papers import gpt2

SMOKE = changed(gpt2.get_config("smoke"), {"predict.length": 9})


@pytest.fixture(scope="module")
def state():
    return gpt2.init(SMOKE, jax.random.key(0))


def texts(config, state, inputs) -> dict[str, str]:
    found = gpt2.predict(config, state, inputs)
    return dict(pair for pair in found if isinstance(pair, tuple))


def test_one_prompt_is_continued_piece_by_piece(state):
    pieces = [*gpt2.predict(SMOKE, state, "the old ")]
    assert pieces[0] == "the old "
    assert "".join(pieces[1:])
    assert gpt2.continue_text(SMOKE, state, "the old ") == "".join(pieces)
    for wrong in ("", b"the old ", ["the old "]):
        with pytest.raises(UserError, match="is no prompt: give a text"):
            gpt2.continue_text(SMOKE, state, wrong)


def test_prompts_of_a_file_get_what_each_gets_alone(state, tmp_path):
    path = tmp_path / "prompts.txt"
    lines = ["the old ", "a", "every green bird sees no moon.", "one", "x" * 200]
    path.write_text("\n\n".join(lines))
    found = texts(SMOKE, state, f"LINES:{path}")
    assert len(found) == 5
    for line, text in zip(lines, found.values(), strict=True):
        assert text == "".join(gpt2.predict(SMOKE, state, line))


def test_a_file_may_be_one_prompt(state, tmp_path):
    path = tmp_path / "prompt.txt"
    path.write_text("two\nlines")
    assert next(gpt2.predict(SMOKE, state, f"FILE:{path}")) == "two\nlines"


def test_samples_differ_and_the_first_is_the_only_one(state):
    config = changed(SMOKE, {"predict.n_samples": 5})
    found = [*texts(config, state, "the ").values()]
    assert len({*found}) == 5
    assert found[0] == "".join(gpt2.predict(SMOKE, state, "the "))


def test_programs_are_told_which_prompt_and_sample_a_text_is_of(state, tmp_path):
    (tmp_path / "prompts.txt").write_text("the \na ")
    config = changed(SMOKE, {"predict.n_samples": 2, "predict.length": 3})
    found = [*gpt2.predict(config, state, f"LINES:{tmp_path / 'prompts.txt'}")]
    rows = [row for x in found if isinstance(x, Records) for row in x.rows]
    assert [(row["input"], row["prompt"], row["sample"]) for row in rows] == [
        ("the ", 1, 1), ("the ", 1, 2), ("a ", 2, 1), ("a ", 2, 2),
    ]  # fmt: skip
    assert [row["text"] for row in rows] == [text for _, text in found[::2]]


def test_the_end_of_text_begins_a_new_one(state):
    pieces = [*gpt2.predict(SMOKE, state, "<|endoftext|>")]
    assert pieces[0] == ""


def test_another_seed_gives_another_text(state):
    other = changed(SMOKE, {"predict.seed": 1})
    assert [*gpt2.predict(SMOKE, state, "the ")] != [
        *gpt2.predict(other, state, "the ")
    ]


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_no_prompt_is_one_clear_line(state, tmp_path, content):
    path = tmp_path / "empty.txt"
    path.write_text(content)
    with pytest.raises(UserError, match=r"is an empty prompt; <.endoftext.> begins"):
        texts(SMOKE, state, f"LINES:{path}")


def test_an_empty_input_is_one_clear_line(state):
    with pytest.raises(UserError, match="--input='' is an empty prompt"):
        [*gpt2.predict(SMOKE, state, "")]
