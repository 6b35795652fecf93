"""Vocabularies. A failure means that units get other ids, which released weights would
not fit, or that a text does not survive encoding and decoding."""

import numpy as np
import pytest

from common.contract import UserError
from common.text.build import build, load
from common.text.symbols import ByteVocab, CharVocab
from common.text.words import WordVocab

NOTE = "naïve café\n日本 🙂\n"


def test_bytes_are_their_own_ids():
    vocab = ByteVocab()
    ids = vocab.encode(NOTE.encode())
    assert (vocab.size, vocab.eos, ids.dtype) == (256, 10, np.int32)
    assert ids.tolist() == list(NOTE.encode())
    assert vocab.decode(ids) == NOTE
    assert vocab.decode([0xFF]) == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("newlines", "symbols", "eos", "decoded"),
    [
        ("keep", "b\na", 1, "abab\nb\n"),
        ("drop", "ba", None, "ababb"),
        ("eos", "\nba", 0, "abab\nb\n"),
    ],
)
@pytest.mark.parametrize(
    ("unit", "options"), [("byte", {"only_seen": True}), ("char", {})]
)
def test_newlines_are_kept_dropped_or_made_eos(
    unit, options, newlines, symbols, eos, decoded
):
    text = b"abab\nb\n"
    vocab = build(unit, text, newlines=newlines, **options)
    assert (vocab.symbols, vocab.eos, vocab.size) == (symbols, eos, len(symbols))
    assert vocab.decode(vocab.encode(text)) == decoded


def test_dropping_newlines_leaves_byte_ids_alone():
    vocab = ByteVocab.of(b"", newlines="drop")
    assert vocab.encode(b"a\nb\n").tolist() == [97, 98]
    assert (vocab.size, vocab.eos) == (256, None)


def test_characters_are_ranked_by_frequency_then_code_point():
    vocab = CharVocab.of("ééé zz bb a".encode())
    assert vocab.symbols == " ébza"
    assert vocab.encode("bé".encode()).tolist() == [2, 1]


def test_characters_outside_ascii_round_trip():
    vocab = CharVocab.of(NOTE.encode())
    assert vocab.size == len(set(NOTE))
    assert vocab.decode(vocab.encode(NOTE.encode())) == NOTE


def test_an_unknown_character_is_an_error_unless_asked_for():
    with pytest.raises(UserError, match="char 'x' is not in the vocabulary"):
        CharVocab.of(b"abc").encode(b"axc")
    vocab = CharVocab.of(b"abc", newlines="eos", unk=True)
    assert (vocab.eos, vocab.unk) == (0, 1)
    assert vocab.decode(vocab.encode(b"axc\n")) == "a\N{REPLACEMENT CHARACTER}c\n"


def test_words_are_ranked_by_frequency_then_first_appearance():
    vocab = WordVocab.of(b" b a\n\nc  a b\nd\n")
    assert vocab.words == ("<eos>", "<unk>", "b", "a", "c", "d")
    ids = vocab.encode(b"a b\n\nnew d")  # a line without its end ends all the same
    assert ids.dtype == np.int32
    assert ids.tolist() == [3, 2, 0, 0, 1, 5, 0]
    assert vocab.decode(ids) == "a b\n\n<unk> d\n"


def test_unk_of_the_text_keeps_its_rank():
    vocab = WordVocab.of(b"a a <unk> a <unk> b\n")
    assert vocab.words == ("<eos>", "a", "<unk>", "b")
    assert vocab.unk == 2


def test_word_vocabularies_are_cut_by_count_and_by_size():
    text = b"a a a b b c\n"
    assert WordVocab.of(text, min_count=2).words == ("<eos>", "<unk>", "a", "b")
    assert WordVocab.of(text, max_size=3).words == ("<eos>", "<unk>", "a")
    assert WordVocab.of(text + b"<unk>", max_size=3).words == ("<eos>", "<unk>", "a")
    plain = WordVocab.of(text, eos=False)
    assert plain.words == ("<unk>", "a", "b", "c")
    assert plain.eos is None
    assert plain.encode(b"a\nb\n").tolist() == [1, 2]


@pytest.mark.parametrize("unit", ["byte", "char", "word"])
def test_text_comes_out_piecewise_as_it_does_at_once(unit):
    text = NOTE + "one more line"
    vocab = build(unit, text.encode())
    ids = vocab.encode(text.encode())
    decode = vocab.decoder()
    pieces = [decode([i]) for i in ids] + [decode([], final=True)]
    assert "".join(pieces).strip() == text
    assert "\N{REPLACEMENT CHARACTER}" not in "".join(pieces)


@pytest.mark.parametrize("unit", ["byte", "char", "word"])
def test_a_str_counts_as_its_utf8(unit):
    vocab = build(unit, NOTE.encode())
    assert vocab.encode(NOTE).tolist() == vocab.encode(NOTE.encode()).tolist()
    assert vocab.end_of_text is None


@pytest.mark.parametrize("unit", ["byte", "char", "word"])
def test_an_id_outside_the_vocabulary_is_a_user_error(unit):
    vocab = build(unit, NOTE.encode())
    for wrong in (-1, vocab.size):
        with pytest.raises(UserError, match=f"id {wrong} is none of the vocabulary's"):
            vocab.decode([0, wrong])


def test_a_character_cut_short_shows_at_the_end_only():
    decode = ByteVocab().decoder()
    assert decode([0xC3]) == ""
    assert decode([], final=True) == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "vocab",
    [
        ByteVocab(),
        ByteVocab.of(b"\x00\xff\n\r\x85\x85", only_seen=True, newlines="drop"),
        CharVocab.of((NOTE + "\u2028\r").encode(), unk=True),
        WordVocab.of(NOTE.encode(), eos=False),
    ],
)
def test_a_saved_vocabulary_is_the_same_one(vocab, tmp_path):
    vocab.save(tmp_path / "vocab.json")
    assert load(tmp_path / "vocab.json") == vocab


def test_wrong_choices_are_user_errors(tmp_path):
    with pytest.raises(UserError, match="unknown unit 'wrd'; choose one of byte"):
        build("wrd", b"a")
    with pytest.raises(UserError, match="unknown newlines 'kept'; choose one of keep"):
        build("char", b"a", newlines="kept")
    with pytest.raises(UserError, match="holds no vocabulary"):
        load(tmp_path / "missing.json")
