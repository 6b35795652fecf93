"""Byte-pair encoding. A failure means that a model reads other tokens than it was
trained on, or that text does not come back from them."""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common.contract import UserError
from common.data import text
from common.text import cleaning, english, merges, parts
from common.text.build import build, load
from common.text.byte_bpe import END_OF_TEXT, LETTERS, ByteBPE
from common.text.word_bpe import WordBPE
from tests.common.text import slow_bpe

FIXTURES = Path(__file__).with_name("fixtures")
GPT2 = json.loads((FIXTURES / "gpt2_tokens.json").read_text("utf-8"))
WORDS = json.loads((FIXTURES / "gpt_words.json").read_text("utf-8"))
TRAIN = b"the cat sat on the mat, and the rat's hat; it isn't flat.\n" * 4
SCRAPS = [
    *"abcxyzEÉ019²٣!?.,-_<|>'\"\\",
    "'s", "'S", "'ll", "'LL", "'re", "n't", "IT'S", "don't", " the", "The", "import",
    " ", "  ", "      ", "\n", "\n\n\n\n", "\r\n", "\t", " \n ", "\u00a0", "\u3000",
    "\u2028", "\x85", "é", "e\u0301", "ß", "İ", "ǅ", "日本語", "北", "नमस्ते", "אב", "🙂",
    "👩‍👩‍👧", "🇫🇷", "\u200d", "\ufeff", "\ufffd", "\x00", "\x1b", "\x7f", "\x1f",
    "\ud800", "\udc80", "\udfff", "...", "--", "1234567", "<|endoftext|>", "</w>",
]  # fmt: skip


def strings(seed, n=1000):
    rng = random.Random(seed)
    for _ in range(n):
        yield "".join(rng.choices(SCRAPS, k=rng.randrange(30)))


@pytest.fixture(scope="module")
def english_bytes():
    return ByteBPE.of(text.embedded()["valid"], vocab_size=900)


@pytest.fixture(scope="module")
def english_words():
    ascii_letters = " ".join(map(chr, range(33, 127))).encode()
    return WordBPE.of([text.embedded()["valid"], ascii_letters], vocab_size=900)


def spelt(vocab, ids):
    return [vocab.tokens[i] for i in ids]


def test_byte_level_tokens_are_those_of_the_published_algorithm(english_bytes):
    vocab = english_bytes
    for line in strings(0):
        ids = vocab.encode(line)
        assert spelt(vocab, ids) == slow_bpe.byte_level(line, vocab.merges), line
        assert vocab.decode_bytes(ids) == line.encode("utf-8", "surrogatepass")
        assert vocab.end_of_text not in ids


def test_released_gpt2_tokens_are_those_of_openai():
    pairs = tuple(tuple(line.split(" ")) for line in GPT2["merges"])
    tokens = (*sorted(LETTERS), *map("".join, pairs), END_OF_TEXT)
    vocab = ByteBPE(tokens, pairs)
    for line, expected in GPT2["lines"]:
        ids = vocab.encode(line)
        assert spelt(vocab, ids) == [token for _, token in expected], line
        # The 256 bytes have the same ids in every GPT-2 vocabulary.
        small = [(i, theirs) for i, (theirs, _) in zip(ids, expected, strict=True)]
        assert all(i == theirs for i, theirs in small if theirs < 256)


def test_invalid_utf8_survives_byte_by_byte(english_bytes):
    rng = random.Random(1)
    for _ in range(200):
        data = rng.randbytes(rng.randrange(40)) + b" the \xff\xc3"
        assert english_bytes.decode_bytes(english_bytes.encode(data)) == data
    assert english_bytes.decode(english_bytes.encode(b"a\xffb")) == "a\ufffdb"


def test_decoding_never_raises_for_ids_of_the_vocabulary(english_bytes, english_words):
    rng = np.random.default_rng(0)
    for vocab in (english_bytes, english_words):
        assert isinstance(vocab.decode(rng.integers(0, vocab.size, 3000)), str)
        for wrong in (-1, vocab.size):
            with pytest.raises(UserError, match=f"id {wrong} is none of the vocabu"):
                vocab.decode([0, wrong])


def test_end_of_text_comes_from_text_only_when_asked_for(english_bytes):
    vocab = english_bytes
    line = f"one{END_OF_TEXT}two{END_OF_TEXT}"
    assert vocab.end_of_text == vocab.size - 1
    assert vocab.end_of_text not in vocab.encode(line)
    ids = vocab.encode(line, allow_end=True).tolist()
    one, two, end = (vocab.encode(part).tolist() for part in ("one", "two", ""))
    assert ids == [*one, vocab.end_of_text, *two, vocab.end_of_text, *end]
    assert vocab.decode(ids) == line


def test_documents_are_set_apart_by_the_end_of_text(english_bytes):
    vocab = english_bytes
    ids = vocab.encode_documents([b"one", b"", b"two"])
    apart = vocab.encode(f"one{END_OF_TEXT}{END_OF_TEXT}two{END_OF_TEXT}", True)
    assert ids.dtype == np.int32
    assert ids.tolist() == apart.tolist()
    assert vocab.encode_documents([]).shape == (0,)
    assert build("byte", b"").encode_documents([b"ab", b"c"]).tolist() == [97, 98, 99]


def test_long_text_has_the_tokens_of_its_parts_taken_together(monkeypatch):
    data = text.embedded()["valid"][:20_000] + "  naïve \n\n 北京 \r\n".encode() * 50
    for kind in (ByteBPE, WordBPE):
        vocab = kind.of(data, vocab_size=400)
        whole = vocab.encode(data)
        monkeypatch.setattr(parts, "PART", 50)
        assert len([*parts.parts(data)]) > 300
        assert b"".join(parts.parts(data)) == data
        assert vocab.encode(data).tolist() == whole.tolist()
        assert kind.of(data, vocab_size=400) == vocab
        monkeypatch.undo()


def test_vocabularies_have_the_papers_layout(english_bytes, english_words):
    assert english_bytes.size == 900
    assert english_bytes.tokens[:256] == tuple(sorted(LETTERS))
    assert english_bytes.tokens[256:-1] == tuple(map("".join, english_bytes.merges))
    words = english_words
    bare = [token for token in words.tokens if len(token) == 1]
    final = ["\n</w>", *(letter + "</w>" for letter in bare)]
    letters = ["<unk>", *bare, *final]
    assert words.tokens[: len(letters)] == tuple(letters)
    assert words.size == 900
    assert (words.unk, words.tokens[words.eos]) == (0, "\n</w>")
    assert words.end_of_text is None


def test_merges_are_learnt_most_frequent_first():
    vocab = ByteBPE.of(b"ab ab ab cd cd", vocab_size=261)
    assert vocab.merges == (("a", "b"), ("c", "d"), ("Ġ", "ab"), ("Ġ", "cd"))
    assert vocab.size == 261
    vocab = WordBPE.of(b"low low lower lower lower", vocab_size=20)
    assert vocab.merges[:2] == (("l", "o"), ("e", "r</w>"))
    assert spelt(vocab, vocab.encode(b"Lower")) == ["lower</w>"]


def test_learnt_merges_are_those_of_the_published_algorithm():
    line = text.generated()["valid"].decode()
    letters = slow_bpe.byte_letters()
    pieces = slow_bpe.regex.findall(slow_bpe.PIECES, line)
    words = [[letters[byte] for byte in piece.encode()] for piece in pieces]
    slow = slow_bpe.learn(words, letters.values(), 150)
    fast = ByteBPE.of(line.encode(), vocab_size=257 + 150).merges
    assert len(fast) >= 100
    assert fast == tuple(slow[: len(fast)])


def test_a_text_with_few_pairs_has_few_merges():
    assert ByteBPE.of(b"a b c", vocab_size=5000).size == 257
    assert ByteBPE.of([], vocab_size=257).size == 257
    with pytest.raises(UserError, match="vocab_size=256 must be 257 or more"):
        ByteBPE.of(b"", vocab_size=256)
    with pytest.raises(UserError, match=r"vocab_size=7 must be 8 or more: .* 3 differ"):
        WordBPE.of(b"a b c", vocab_size=7)


def test_training_and_fingerprint_are_the_same_in_every_process():
    program = (
        "from common.text.build import build\n"
        f"train = {TRAIN!r}\n"
        "for unit in ('byte_bpe', 'word_bpe'):\n"
        "    print(build(unit, [train, train], vocab_size=300).fingerprint)\n"
    )
    root = Path(__file__).parents[3]
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    here = [build(u, [TRAIN] * 2, vocab_size=300) for u in ("byte_bpe", "word_bpe")]
    assert printed == {"".join(f"{vocab.fingerprint}\n" for vocab in here)}


def test_other_vocabularies_have_other_fingerprints(english_bytes):
    vocab = english_bytes
    marked = ByteBPE((*vocab.tokens[:-1], "<end>"), vocab.merges, "<end>")
    endless = ByteBPE(vocab.tokens, vocab.merges, None)
    shorter = ByteBPE(vocab.tokens, vocab.merges[:-1])
    others = [marked, endless, shorter, build("byte", b""), build("char", b"a")]
    assert len({vocab.fingerprint, *(other.fingerprint for other in others)}) == 6


def test_words_are_cut_as_spacy_and_ftfy_cut_them():
    for line, expected in WORDS:
        cleaned = cleaning.standardise(cleaning.fix(line)).strip()
        words = [word.lower() for word in english.words(cleaned)]
        # spaCy keeps the space after a line end; the released code takes it off.
        assert words == [word.strip(" ") for word in expected], line


def test_word_final_tokens_are_those_of_the_published_algorithm(english_words):
    vocab = english_words
    known = {*vocab.tokens}
    for line in [*strings(2), *(line for line, _ in WORDS)]:
        data = line.encode("utf-8", "surrogatepass")
        cleaned = cleaning.standardise(cleaning.fix(data.decode("utf-8", "replace")))
        words = [word.lower() for word in english.words(cleaned.strip())]
        slow = slow_bpe.word_final(words, vocab.merges)
        expected = [token if token in known else "<unk>" for token in slow]
        assert spelt(vocab, vocab.encode(line)) == expected, line


def test_lower_case_ascii_comes_back_up_to_white_space(english_words):
    rng = random.Random(3)
    letters = [*map(chr, range(32, 65)), *map(chr, range(91, 127)), "\n", " "]
    for _ in range(500):
        line = "".join(rng.choices(letters, k=rng.randrange(60)))
        decoded = english_words.decode(english_words.encode(line))
        assert "".join(decoded.split()) == "".join(line.split())
        lines = [*filter(str.strip, line.split("\n"))]
        assert len(decoded.split("\n")) == max(len(lines), 1)


def test_gpt_writes_signs_apart_and_line_ends_as_they_are(english_words):
    decoded = english_words.decode(english_words.encode('He said:\n\n "DON\'T go!"'))
    assert decoded == 'he said :\n" don\'t go ! "'
    assert english_words.decode(english_words.encode("Isn't it")) == "is n't it"
    assert spelt(english_words, english_words.encode("é")) == ["<unk>"]


@pytest.mark.parametrize("kind", [ByteBPE, WordBPE])
def test_tokens_come_out_piecewise_as_they_do_at_once(kind):
    line = "naïve café\n日本 🙂\none more line"
    vocab = kind.of((line + " 日本 🙂").encode(), vocab_size=300)
    ids = vocab.encode(line)
    decode = vocab.decoder()
    pieces = [decode([i]) for i in ids] + [decode([], final=True)]
    assert "".join(pieces) == vocab.decode(ids) == line
    assert not any("\ufffd" in piece for piece in pieces)


@pytest.mark.parametrize("kind", [ByteBPE, WordBPE])
def test_a_saved_bpe_is_the_same_one(kind, tmp_path):
    vocab = kind.of(TRAIN, vocab_size=300)
    vocab.save(tmp_path / "vocabulary.json")
    again = load(tmp_path / "vocabulary.json")
    assert again == vocab
    assert (again.fingerprint, hash(again)) == (vocab.fingerprint, hash(vocab))


def test_words_cut_by_other_rules_are_refused(tmp_path):
    vocab = WordBPE.of(TRAIN, vocab_size=300)
    vocab.save(tmp_path / "a.json")
    fields = json.loads((tmp_path / "a.json").read_text("utf-8"))
    fields["splitter"] = "english-0"
    (tmp_path / "a.json").write_text(json.dumps(fields), "utf-8")
    with pytest.raises(UserError, match="cuts words by the rules 'english-0'"):
        load(tmp_path / "a.json")


def test_a_merge_that_makes_the_end_of_text_is_refused():
    pairs = (("<", "|"),)
    with pytest.raises(UserError, match=r"'<\|' must be a token that no merge makes"):
        ByteBPE((*LETTERS, "<|"), pairs, "<|")
    with pytest.raises(UserError, match=r"no token for byte 0x00"):
        ByteBPE((*LETTERS[1:], END_OF_TEXT), ())
    with pytest.raises(UserError, match="the vocabulary is empty"):
        merges.check((), ())
