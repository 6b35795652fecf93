"""Files of tokenisers. A failure means that a model meets other ids than those it was
trained on, or that a damaged file is taken for a tokeniser."""

import json
import random

import pytest
from tokenizers import Tokenizer

from common.contract import UserError
from common.text import tokenizer_files
from common.text.build import build
from common.text.byte_bpe import END_OF_TEXT, ByteBPE
from common.text.word_bpe import WordBPE

TRAIN = b"the cat sat on the mat, and the rat's hat; it isn't flat.\n" * 4
LINE = "The rat isn't\n\n  flat, it's the HAT! 北京 🙂"
PAIRS = [
    ("vocab.json", "merges.txt"),
    ("encoder.json", "vocab.bpe"),
    ("encoder_bpe_40000.json", "vocab_40000.bpe"),
]


@pytest.fixture(scope="module", params=[ByteBPE, WordBPE])
def vocab(request):
    return request.param.of(TRAIN, vocab_size=300)


def ids_of(vocab):
    return {token: i for i, token in enumerate(vocab.tokens)}


def write(folder, ids, merges, names=PAIRS[0], header="#version: 0.2\n", end="\n"):
    folder.mkdir(exist_ok=True)
    (folder / names[0]).write_text(json.dumps(ids), "utf-8")
    lines = "".join(f"{left} {right}{end}" for left, right in merges)
    (folder / names[1]).write_bytes((header + lines).encode())
    return folder


def test_a_written_tokeniser_is_the_same_one(vocab, tmp_path):
    tokenizer_files.write(vocab, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"vocab.json", "merges.txt", "tokenizer.json"}
    for path in (tmp_path, *tmp_path.iterdir()):
        again = tokenizer_files.read(path)
        assert again == vocab
        assert again.fingerprint == vocab.fingerprint
        assert again.encode(LINE).tolist() == vocab.encode(LINE).tolist()


def test_the_library_reads_our_file_and_finds_the_same_tokens(tmp_path):
    vocab = ByteBPE.of(TRAIN, vocab_size=300)
    tokenizer_files.write(vocab, tmp_path)
    library = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert library.encode(LINE).ids == vocab.encode(LINE).tolist()
    assert library.decode(library.encode(LINE).ids) == LINE
    marked = f"one{END_OF_TEXT}two"
    assert library.encode(marked).ids == vocab.encode(marked, allow_end=True).tolist()
    words = WordBPE.of(TRAIN, vocab_size=300)
    tokenizer_files.write(words, tmp_path)
    library = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert library.encode("the flat hat").ids == words.encode("the flat hat").tolist()


@pytest.mark.parametrize("names", PAIRS)
@pytest.mark.parametrize("header", ["#version: 0.2\n", "#version: 0.2\r\n", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_layout_is_read(vocab, tmp_path, names, header, end):
    folder = write(tmp_path, ids_of(vocab), vocab.merges, names, header, end)
    assert tokenizer_files.read(folder) == vocab
    for name in names:
        assert tokenizer_files.read(str(folder / name)) == vocab


def test_a_mark_and_a_missing_last_line_end_change_nothing(vocab, tmp_path):
    folder = write(tmp_path, ids_of(vocab), vocab.merges)
    for name in PAIRS[0]:
        data = (folder / name).read_bytes().rstrip(b"\n")
        (folder / name).write_bytes(b"\xef\xbb\xbf" + data)
    assert tokenizer_files.read(folder) == vocab


def test_marks_beside_the_merges_are_tokens_that_no_text_has(tmp_path):
    vocab = ByteBPE.of(TRAIN, vocab_size=300)
    ids = ids_of(vocab) | {"<pad>": vocab.size}
    folder = write(tmp_path, ids, vocab.merges)
    (folder / "added_tokens.json").write_text(json.dumps({"user:": vocab.size + 1}))
    longer = tokenizer_files.read(folder)
    assert longer.tokens == (*vocab.tokens, "<pad>", "user:")
    assert longer.encode("user: <pad>").tolist() == vocab.encode("user: <pad>").tolist()
    assert longer.decode([vocab.size, vocab.size + 1]) == "<pad>user:"
    tokenizer_files.write(longer, tmp_path / "again")
    assert tokenizer_files.read(tmp_path / "again") == longer


def test_a_vocabulary_without_end_of_text_has_none(tmp_path):
    vocab = ByteBPE.of(TRAIN, vocab_size=300)
    endless = ByteBPE(vocab.tokens[:-1], vocab.merges, None)
    folder = write(tmp_path, ids_of(endless), vocab.merges)
    again = tokenizer_files.read(folder)
    assert again == endless
    assert again.end_of_text is None
    assert (
        again.encode(END_OF_TEXT, allow_end=True).tolist()
        == vocab.encode(END_OF_TEXT).tolist()
    )


@pytest.mark.parametrize("unit", ["byte", "char", "word", "byte_bpe", "word_bpe"])
def test_our_own_file_holds_any_unit(unit, tmp_path):
    options = {"vocab_size": 300} if unit.endswith("bpe") else {}
    vocab = build(unit, TRAIN, **options)
    vocab.save(tmp_path / "vocabulary.json")
    assert tokenizer_files.read(tmp_path) == vocab
    vocab.save(tmp_path / "vocab.json")
    assert tokenizer_files.read(tmp_path / "vocab.json") == vocab


def test_two_tokenisers_in_a_folder_must_be_equal(vocab, tmp_path):
    write(tmp_path, ids_of(vocab), vocab.merges)
    write(tmp_path, ids_of(vocab), vocab.merges, PAIRS[1])
    assert tokenizer_files.read(tmp_path) == vocab
    other = type(vocab).of(TRAIN + b"a new hat", vocab_size=290)
    write(tmp_path, ids_of(other), other.merges, PAIRS[1])
    with pytest.raises(UserError, match=r"two tokenisers, vocab\.json with merges\.t"):
        tokenizer_files.read(tmp_path)
    assert tokenizer_files.read(tmp_path / "encoder.json") == other


def test_merges_of_another_tokeniser_are_refused(vocab, tmp_path):
    other = type(vocab).of(b"some quite different, unlike text " * 3, vocab_size=300)
    folder = write(tmp_path, ids_of(vocab), other.merges)
    with pytest.raises(UserError, match=r"vocab\.json': merge \d+, .* needs .*not in"):
        tokenizer_files.read(folder)
    cut = vocab.merges[: len(vocab.merges) // 2]
    folder = write(tmp_path, ids_of(vocab), cut)
    with pytest.raises(UserError, match=r"tokens such as .* made by no merge: the mer"):
        tokenizer_files.read(folder)


def test_damaged_merges_are_refused(vocab, tmp_path):
    first, second, *_ = vocab.merges
    for merges, message in [
        ([first, second, first], "merge 3, '.*', is merge 1 again"),
        ([(*first, "x")], r"line 2: '.*' is not two tokens with a space"),
    ]:
        text = "#version: 0.2\n" + "".join(" ".join(pair) + "\n" for pair in merges)
        write(tmp_path, ids_of(vocab), [])
        (tmp_path / "merges.txt").write_text(text, "utf-8")
        with pytest.raises(UserError, match=message):
            tokenizer_files.read(tmp_path)
    (tmp_path / "merges.txt").write_bytes(b"a b\n\xff c\n")
    with pytest.raises(UserError, match=r"merges\.txt' is not UTF-8: byte 0xff"):
        tokenizer_files.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("[1, 2]", "must be a JSON object"),
        ('{"a": 0', "is not JSON"),
        ("{}", "the vocabulary is empty"),
        ('{"a": "0"}', "the id of 'a' is '0', no integer"),
        ('{"a": 0, "b": 2}', "must have the ids 0 to 1; none has 1"),
        ('{"a": 0, "b": 0}', "must have the ids 0 to 1; none has 1"),
        ('{"a": 0, "b": 1}', "no token for byte 0x00"),
        ('{"a</w>": 0, "b": 1}', "no <unk> in the vocabulary"),
        ('{"\\ud83d": 0}', "is no Unicode text"),
    ],
)
def test_damaged_vocabularies_are_refused(tmp_path, content, message):
    (tmp_path / "vocab.json").write_text(content)
    (tmp_path / "merges.txt").write_text("")
    with pytest.raises(UserError, match=message) as refused:
        tokenizer_files.read(tmp_path)
    assert "vocab.json" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_words_with_capitals_are_refused(tmp_path):
    words = WordBPE.of(TRAIN, vocab_size=300)
    ids = ids_of(words) | {"T": words.size, "T</w>": words.size + 1}
    with pytest.raises(UserError, match="'T' has a capital; GPT's words are in lower"):
        tokenizer_files.read(write(tmp_path, ids, words.merges))


def test_vocabularies_of_clips_kind_are_refused(tmp_path):
    vocab = ByteBPE.of(b"", vocab_size=257)
    ids = ids_of(vocab) | {"a</w>": 257}
    with pytest.raises(UserError, match="bytes with </w>, as CLIP has them"):
        tokenizer_files.read(write(tmp_path, ids, []))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"type": "Unigram", "vocab": [["a", 0.0]]}}, "only BPE is read"),
        ({"model": None}, r"it is no tokenizer\.json"),
        ({"normalizer": {"type": "NFC"}}, "changes text by NFC"),
        ({"pre_tokenizer": None}, "other rules than GPT-2's pattern"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "other rules than GPT-2's"),
        (
            {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}},
            "puts a space before each text",
        ),
        (
            {"pre_tokenizer": {"type": "ByteLevel", "use_regex": False}},
            "other rules than GPT-2's",
        ),
        ({"added_tokens": [{"id": 0, "content": "!!"}]}, "must have the ids"),
    ],
)
def test_a_tokenizer_json_of_other_rules_is_refused(tmp_path, change, message):
    tokenizer_files.write(ByteBPE.of(TRAIN, vocab_size=300), tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(UserError, match=message) as refused:
        tokenizer_files.read(path)
    assert "tokenizer.json" in str(refused.value)


def test_merges_may_be_strings_as_the_library_wrote_them_once(vocab, tmp_path):
    tokenizer_files.write(vocab, tmp_path)
    path = tmp_path / "tokenizer.json"
    fields = json.loads(path.read_text("utf-8"))
    fields["model"]["merges"] = [" ".join(pair) for pair in vocab.merges]
    path.write_text(json.dumps(fields), "utf-8")
    assert tokenizer_files.read(path) == vocab


def test_a_spoilt_file_is_a_user_error_or_a_whole_tokeniser(vocab, tmp_path):
    rng = random.Random(0)
    tokenizer_files.write(vocab, tmp_path)
    names = ("vocab.json", "merges.txt", "tokenizer.json")
    whole = {name: (tmp_path / name).read_bytes() for name in names}
    refusals = []
    for _ in range(150):
        name = rng.choice(names)
        data = bytearray(whole[name])
        at = rng.randrange(len(data))
        data[at : at + rng.randrange(4)] = rng.randbytes(rng.randrange(3))
        (tmp_path / name).write_bytes(data[: at if rng.random() < 0.2 else None])
        try:
            spoilt = tokenizer_files.read(tmp_path / name)
            assert spoilt.decode(spoilt.encode("the cat"))
        except UserError as error:
            refusals.append(str(error))
        (tmp_path / name).write_bytes(whole[name])
    assert len(refusals) > 75
    assert not any("\n" in line for line in refusals)


def test_missing_files_are_named(vocab, tmp_path):
    with pytest.raises(UserError, match=r"no tokeniser given; accepted: vocab\.json"):
        tokenizer_files.read("")
    with pytest.raises(UserError, match="does not exist; accepted"):
        tokenizer_files.read(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"no tokeniser in .*; accepted"):
        tokenizer_files.read(tmp_path)
    write(tmp_path, ids_of(vocab), vocab.merges)
    (tmp_path / "merges.txt").unlink()
    with pytest.raises(UserError, match=r"it lacks merges\.txt; accepted"):
        tokenizer_files.read(tmp_path)
    with pytest.raises(UserError, match=r"vocab\.json' needs merges\.txt beside it"):
        tokenizer_files.read(tmp_path / "vocab.json")
    (tmp_path / ".vocab.json").write_text("{}")
    (tmp_path / "other.json").write_text('{"a": 1}')
    with pytest.raises(UserError, match=r"other\.json': it is no tokenizer\.json"):
        tokenizer_files.read(tmp_path / "other.json")
