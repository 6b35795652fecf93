"""Items of any text. A failure means that an item has no right answer, more than one,
or another on the next run."""

import collections
import random

import numpy as np
import pytest

from common.contract import UserError
from papers.gpt2.zero_shot import embedded
from papers.gpt2.zero_shot.next_word import STOP_WORDS
from tests.papers.gpt2.table_model import TableModel

NOUNS = (
    "river stone garden window letter bottle mountain winter candle forest harbour "
    "ladder mirror needle orange pocket saddle temple violin walnut"
)
VERBS = "holds follows paints remembers carries forgets"


def document(seed):
    rng = random.Random(seed)
    noun, verb = NOUNS.split(), VERBS.split()

    def sentence():
        return f"The {rng.choice(noun)} {rng.choice(verb)} the {rng.choice(noun)}."

    body = "\n".join(sentence() + " " + sentence() for _ in range(20))
    return f"{sentence()}\n\n{body}"


DOCUMENTS = [document(seed) for seed in range(12)]
MADE = {
    "last words": lambda docs, **more: embedded.last_words(docs, 40, **more),
    "clozes": lambda docs, **more: embedded.clozes(docs, 40, **more),
    "articles": lambda docs, **more: embedded.articles(docs, 10, **more),
}


@pytest.mark.parametrize("name", MADE)
def test_items_are_the_same_on_each_run_and_others_by_the_seed(name):
    first, again = (MADE[name](DOCUMENTS, seed=0) for _ in range(2))
    assert first == again
    assert len(first) == (10 if name == "articles" else 40)
    assert len({*first}) == len(first)
    assert MADE[name](DOCUMENTS, seed=1) != first
    with pytest.raises(UserError, match="no item can be made"):
        MADE[name](["x = 1"])


def test_a_last_word_is_in_its_passage_and_ends_a_sentence_of_the_text():
    items = embedded.last_words(DOCUMENTS, 40)
    for item in items:
        assert item.word in item.context.split()[:-1] or item.word in item.context
        assert item.word not in STOP_WORDS
        whole = f"{item.context} {item.word}."
        assert any(whole in text for text in DOCUMENTS)
        assert 100 <= len(item.context) <= 600


def test_the_documents_share_the_items():
    items = embedded.last_words(DOCUMENTS, 24)
    owners = collections.Counter(
        next(i for i, text in enumerate(DOCUMENTS) if item.context in text)
        for item in items
    )
    assert {*owners.values()} == {2}


def test_a_cloze_has_ten_candidates_of_its_passage_and_one_is_the_text_s():
    items = embedded.clozes(DOCUMENTS, 40)
    flat = [" ".join(text.split()) for text in DOCUMENTS]
    for item in items:
        assert len({*item.candidates}) == 10
        assert all(word in item.context for word in item.candidates)
        right = item.candidates[item.label]
        whole = " ".join(f"{item.context} {right}{item.after}".split())
        assert sum(whole in text for text in flat) == 1
    labels = collections.Counter(item.label for item in items)
    assert len(labels) > 5


def test_an_article_is_its_document_without_the_first_sentence():
    for item in embedded.articles(DOCUMENTS, 10):
        assert f"{item.highlights}\n\n{item.article}" in DOCUMENTS


def test_one_ending_is_the_text_s_and_the_other_another_document_s():
    documents = [np.full(100, i, np.int32) + 1000 * np.arange(100) for i in range(5)]
    items = embedded.endings(documents, lambda ids: ids, 8)
    assert [item.label for item in items] == [0, 1] * 4
    for item in items:
        own, other = item.endings[item.label], item.endings[1 - item.label]
        assert (len(item.context), len(own), len(other)) == (28, 14, 14)
        whole = np.concatenate([item.context, own])
        assert {*np.diff(whole)} == {1000}
        assert own[0] % 1000 != other[0] % 1000
    with pytest.raises(UserError, match="fewer than two documents have 42 tokens"):
        embedded.endings(documents[:1], lambda ids: ids)


def test_the_likelier_ending_is_chosen():
    fake = TableModel((), {"a": {"a": 0.9}, "b": {"b": 0.9}})
    documents = ["a" * 42, "b" * 42]
    items = embedded.endings(documents, fake.encode)
    assert embedded.score_endings(fake.model(), items) == {
        "accuracy": 1,
        "chance": 0.5,
        "items": 2,
    }
