"""The four input transformations as arrays.

What would fail if Extract were read from padding, a special token were cut, the loss of
the language model counted padding, or a similarity depended on the order of its texts.
"""

import numpy as np
import pytest

from common.contract import UserError
from common.data.pipeline import pipeline
from papers.gpt import tasks
from papers.gpt.tasks import Example, Inputs, Task

VOCAB = 100
S, D, E = VOCAB, VOCAB + 1, VOCAB + 2
CLASSES = ("no", "yes")


def encode(text):
    """A token for each number in the text."""
    return [int(word) for word in text.split()]


def text_of(*ids):
    return " ".join(map(str, ids))


def task_of(form, *examples, classes=CLASSES, **fields):
    made = [Example(*fields, split="test") if isinstance(fields, tuple) else fields
            for fields in examples]  # fmt: skip
    return Task("toy", form, classes, ("accuracy",), tuple(made), **fields)


def item_of(form, texts, n_ctx=12, label=1, **fields):
    example = Example(texts, label, "test", **fields)
    return Inputs(task_of(form, example), "test", encode, VOCAB, n_ctx)[0]


def rows_of(item):
    """The tokens of each input up to Extract."""
    rows = zip(item["tokens"], item["extract"], strict=True)
    return [row[: end + 1].tolist() for row, end in rows]


FORMS = {
    "classification": (("1 2 3",), [[S, 1, 2, 3, E]]),
    "entailment": (("1 2", "3"), [[S, 1, 2, D, 3, E]]),
    "similarity": (("1 2", "3"), [[S, 1, 2, D, 3, E], [S, 3, D, 1, 2, E]]),
    "choice": (("1", "2", "3 4"), [[S, 1, D, 2, E], [S, 1, D, 3, 4, E]]),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_as_in_figure_1(form):
    texts, expected = FORMS[form]
    item = item_of(form, texts)
    assert rows_of(item) == expected
    assert item["label"] == 1


@pytest.mark.parametrize("form", FORMS)
def test_extract_is_the_last_token_and_the_mask_ends_there(form):
    item = item_of(form, FORMS[form][0])
    rows = np.arange(len(item["tokens"]))
    assert (item["tokens"][rows, item["extract"]] == E).all()
    assert ((item["tokens"] == E).argmax(-1) == item["extract"]).all()
    assert (item["mask"].sum(-1) == item["extract"] + 1).all()
    assert (item["tokens"][item["mask"] == 0] == 0).all()
    assert (np.diff(item["mask"]) <= 0).all()


def test_token_0_of_a_text_is_no_padding():
    item = item_of("classification", ("0 5 0",))
    assert rows_of(item) == [[S, 0, 5, 0, E]]
    assert item["mask"].sum() == 5


def test_both_orders_of_a_similarity_are_those_of_its_swapped_texts():
    a = text_of(*range(1, 9))
    one, other = (item_of("similarity", texts) for texts in ((a, "9"), ("9", a)))
    for name in ("tokens", "mask", "extract"):
        np.testing.assert_array_equal(one[name], other[name][::-1])


def test_the_question_follows_the_context_and_is_not_cut():
    context = text_of(*range(10, 30))
    item = item_of("choice", (context, "1", "2 3"), question="7 8 9")
    expected = [
        [S, 10, 11, 12, 13, 14, 7, 8, 9, D, 1, E],
        [S, 10, 11, 12, 13, 7, 8, 9, D, 2, 3, E],
    ]
    assert rows_of(item) == expected


@pytest.mark.parametrize("n_ctx", [6, 7, 12, 13, 64])
@pytest.mark.parametrize("form", FORMS)
def test_no_special_token_is_ever_cut(form, n_ctx):
    rng = np.random.default_rng(0)
    for _ in range(50):
        sizes = rng.integers(1, 80, len(FORMS[form][0]))
        texts = tuple(text_of(*rng.integers(0, VOCAB, size)) for size in sizes)
        item = item_of(form, texts, n_ctx)
        for row in rows_of(item):
            assert len(row) <= n_ctx
            assert (row[0], row[-1]) == (S, E)
            assert row.count(D) == (form != "classification")
            # Room is left only by texts of half the context each.
            whole = sizes[0] + 2 if form == "classification" else 0
            assert len(row) >= min(n_ctx - 2, whole)


def test_two_long_texts_have_half_the_context_each():
    long = text_of(*range(40))
    (row,) = rows_of(item_of("entailment", (long, long), n_ctx=32))
    half = [*range(32 // 2 - 2)]
    assert row == [S, *half, D, *half, E]


def test_a_long_text_has_the_room_that_a_short_one_leaves():
    long = text_of(*range(40))
    (row,) = rows_of(item_of("entailment", (long, "1"), n_ctx=32))
    assert row == [S, *range(28), D, 1, E]
    (row,) = rows_of(item_of("entailment", ("1", long), n_ctx=32))
    assert row == [S, 1, D, *range(28), E]


def test_cut_examples_are_counted_and_the_longest_is_known():
    texts = [(text_of(*range(size)), "1") for size in (3, 9, 5, 20)]
    task = task_of("entailment", *((t, 0) for t in texts))
    inputs = Inputs(task, "test", encode, VOCAB, 12)
    assert (inputs.cut, inputs.longest) == (2, 24)
    assert inputs.note() == (
        "toy, test: 2 of 4 examples are cut to 12 tokens; the longest has 24"
    )
    shrunk = Inputs(task, "test", encode, VOCAB, inputs.longest)
    assert (shrunk.cut, shrunk.note()) == (0, "")
    assert len(rows_of(shrunk[3])[0]) == 24


def test_a_batch_is_as_its_spec_and_padded_rows_are_masked():
    scores = [0.0, 2.25, 5.0]
    task = task_of(
        "similarity",
        *((("1 2", "3"), score) for score in scores),
        classes=tuple("012345"),
        scored=True,
    )
    inputs = Inputs(task, "test", encode, VOCAB, 12)
    (batch,) = pipeline(inputs, batch_size=4, repeat=False)
    spec = tasks.batch_spec(task, 4, 12)
    assert {k: (v.shape, v.dtype) for k, v in batch.items()} == {
        name: (array.shape, array.dtype) for name, array in spec.items()
    }
    assert batch["example_mask"].tolist() == [1, 1, 1, 0]
    assert (batch["mask"].sum((1, 2)) > 0).tolist() == [True] * 3 + [False]
    np.testing.assert_allclose(tasks.expected(batch["soft"][:3]), scores)
    assert batch["label"].tolist() == [0, 2, 5, 0]


def test_the_mask_of_the_language_model_is_shifted_by_one():
    """The released loss predicts token t + 1 at t, and counts it if t + 1 is there."""
    item = item_of("entailment", ("1 2", "3"))
    inputs, targets, weights = tasks.lm_targets(item["tokens"], item["mask"])
    assert inputs.shape == targets.shape == weights.shape == (1, 11)
    assert targets[weights > 0].tolist() == [1, 2, D, 3, E]
    assert inputs[weights > 0].tolist() == [S, 1, 2, D, 3]
    assert weights.sum() == item["mask"].sum() - 1


def test_an_example_without_a_label_has_none():
    assert item_of("classification", ("1",), label=None)["label"] == -1
    task = task_of("similarity", (("1", "2"), None), classes=(), scored=True)
    item = Inputs(task, "test", encode, VOCAB, 12)[0]
    assert (item["label"], item["soft"].sum()) == (-1, 0)


def test_a_tokeniser_of_another_vocabulary_is_refused():
    with pytest.raises(UserError, match="gives the id 100, and the vocabulary has 100"):
        item_of("classification", ("3 100",))
    with pytest.raises(UserError, match="a context of 5 is too short; 6 is the least"):
        item_of("classification", ("3",), n_ctx=5)


def test_the_special_tokens_follow_the_vocabulary():
    assert tasks.Specials.after(40478) == (40478, 40479, 40480)
