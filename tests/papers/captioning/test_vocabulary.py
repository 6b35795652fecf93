"""Words and their numbers."""

import pytest

from common.contract import UserError
from papers.captioning.vocabulary import (
    END,
    UNK,
    Vocabulary,
    refuse_other_vocabulary,
    words_of,
)

TEXTS = ["a dog runs", "A dog sleeps.", "the cat, a cat!"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A Dog's t-shirt, (red).", ["a", "dogs", "tshirt", "red"]),
        ("  two\tcats\u00a0and\n a dog ", ["two", "cats", "and", "a", "dog"]),
        ("Ein Bär—groß; café", ["ein", "bär", "groß", "café"]),
        ("cafe\u0301", ["café"]),
        ("\ufeffred \u200bcar\x00", ["red", "car"]),
        ("?!", []),
        ("", []),
    ],
)
def test_words_are_in_lower_case_and_without_punctuation(text, words):
    assert words_of(text) == words


def test_words_are_numbered_by_frequency_from_1_and_unk_stands_for_rare_ones():
    everything = Vocabulary.of(TEXTS)
    assert everything.words == ("a", "dog", "cat", "runs", "sleeps", "the")
    assert everything.unk is None
    often = Vocabulary.of(TEXTS, min_count=2)
    assert often.words == ("a", "dog", "cat", UNK)
    assert often.numbers(["a", "dog", "barks"]) == [1, 2, often.unk]


def test_a_word_called_unk_is_not_the_sign_for_unknown_ones():
    vocabulary = Vocabulary.of(["unk unk dog"], min_count=2)
    assert vocabulary.words == ("unk", UNK)
    assert vocabulary.numbers(["unk", "dog"]) == [1, 2]


def test_without_unk_unknown_words_are_left_out():
    assert Vocabulary.of(TEXTS).numbers(["a", "green", "dog"]) == [1, 2]


def test_a_caption_is_cut_padded_and_read_back():
    vocabulary = Vocabulary.of(TEXTS)
    assert vocabulary.encode("a dog", 4).tolist() == [1, 2, END, END]
    assert vocabulary.encode("a dog " * 100, 4).tolist() == [1, 2, 1, 2]
    assert vocabulary.decode([1, 2, END, 5]) == "a dog"
    assert vocabulary.decode([]) == ""
    with pytest.raises(UserError):
        vocabulary.decode([7])


@pytest.mark.parametrize("texts", [[], ["", "..."]])
def test_no_word_at_all_is_one_line(texts):
    with pytest.raises(UserError, match="no words"):
        Vocabulary.of(texts)


def test_a_threshold_that_leaves_nothing_says_so():
    with pytest.raises(UserError, match=r"'a', 3: lower --config\.data\.min_count"):
        Vocabulary.of(TEXTS, min_count=4)


def test_it_is_saved_and_loaded(tmp_path):
    vocabulary = Vocabulary.of(["Ein Bär bär 🐻"])
    vocabulary.save(tmp_path / "words.json")
    loaded = Vocabulary.load(tmp_path / "words.json")
    assert loaded == vocabulary
    assert loaded.mark == vocabulary.mark != Vocabulary.of(["ein bär"]).mark


@pytest.mark.parametrize(
    "text", ["", "[1", "{}", '{"words": "abc"}', '{"words": ["a", "a"]}', "[]"]
)
def test_a_file_that_is_no_vocabulary_is_one_line(tmp_path, text):
    (tmp_path / "words.json").write_text(text)
    with pytest.raises(UserError, match=r"vocabulary|is empty|is not JSON") as error:
        Vocabulary.load(tmp_path / "words.json")
    assert "\n" not in str(error.value)
    with pytest.raises(UserError):
        Vocabulary.load(tmp_path / "missing.json")


def test_another_vocabulary_than_that_of_training_is_refused():
    vocabulary = Vocabulary.of(TEXTS)
    refuse_other_vocabulary(vocabulary, 6, int(vocabulary.mark))
    refuse_other_vocabulary(vocabulary, 6, 0)
    other = Vocabulary.of(TEXTS[:1])
    for size, mark in ((6, other.mark), (3, 0)):
        with pytest.raises(UserError, match="another vocabulary"):
            refuse_other_vocabulary(vocabulary, size, int(mark))
