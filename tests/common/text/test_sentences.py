"""If these fail, brat files and tables name words at the wrong places of a text."""

from common.text import sentences


def texts(text: str) -> list[str]:
    return [" ".join(w.text for w in words) for words in sentences.split(text)]


def test_words_stand_at_their_places_in_code_points():
    text = '"Zoë 𝄞 isn\'t here," he said.\n\n  (See the U.S. map.)  He left…'
    for words in sentences.split(text):
        for word in words:
            assert text[word.start : word.end] == word.text
    found = [c for words in sentences.split(text) for word in words for c in word.text]
    assert "".join(found) == "".join(text.split())


def test_abbreviations_and_numbers_do_not_end_a_sentence():
    assert texts("Mr. J. Smith paid $3.50 in the U.S. on Jan. 5. He left.") == [
        "Mr. J. Smith paid $ 3.50 in the U.S. on Jan. 5 .",
        "He left .",
    ]


def test_quotation_marks_close_with_their_sentence():
    assert texts('"Stop!" he said. "Why?" She ran.') == [
        '" Stop ! " he said .',
        '" Why ? "',
        "She ran .",
    ]


def test_an_empty_line_ends_a_sentence_and_a_line_break_does_not():
    assert texts("A title\n\nOne line\nand another") == [
        "A title",
        "One line and another",
    ]


def test_a_text_without_words_has_no_sentences():
    assert sentences.split(" \n\n \t") == []


def test_dashes_cut_words():
    assert texts("pain—albeit brief--ends.") == ["pain — albeit brief -- ends ."]
