"""Ids in files. A failure means that a model trains on numbers that are not the ids of
its vocabulary."""

import json
import pickle

import numpy as np
import pytest

from common.contract import UserError
from common.data import token_files
from common.text.build import build
from common.text.byte_bpe import ByteBPE

TRAIN = b"the cat sat on the mat\n" * 20


def store(folder, dtype="<u2", **splits):
    for name, ids in splits.items():
        np.asarray(ids, dtype).tofile(folder / f"{name}.bin")
    return folder


def test_written_ids_and_their_vocabulary_come_back(tmp_path):
    vocab = ByteBPE.of(TRAIN, vocab_size=280)
    ids = vocab.encode_documents([TRAIN, b"a hat"])
    splits = {"train": ids, "valid": ids[:50], "test": ids[50:90]}
    token_files.write(tmp_path, splits, vocab)
    assert (tmp_path / "train.bin").stat().st_size == 2 * len(ids)
    assert token_files.vocabulary(tmp_path) == vocab
    again = token_files.read(tmp_path, vocab.size)
    for split, written in splits.items():
        assert again[split].dtype == np.uint16
        assert again[split].tolist() == written.tolist()
    with pytest.raises(UserError, match=f"id {vocab.size} is none of the voc"):
        token_files.write(tmp_path, {"train": np.array([vocab.size])}, vocab)


def test_nanogpts_two_files_are_three_splits(tmp_path):
    store(tmp_path, train=[1, 2, 3], val=[4, 50256])
    splits = token_files.read(str(tmp_path), 50257)
    assert [*splits] == ["train", "valid", "test"]
    assert splits["valid"].tolist() == splits["test"].tolist() == [4, 50256]


@pytest.mark.parametrize(("size", "bits"), [(2**16, 16), (2**16 + 1, 32)])
def test_a_large_vocabulary_has_32_bits(tmp_path, size, bits):
    store(tmp_path, f"<u{bits // 8}", train=[0, size - 1], val=[1])
    ids = token_files.read(tmp_path, size)["train"]
    assert ids.dtype.itemsize * 8 == bits
    assert ids.tolist() == [0, size - 1]


def test_ids_of_another_width_or_vocabulary_are_refused(tmp_path):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 256, 1000)
    store(tmp_path, "<u4", train=ids, val=ids)
    with pytest.raises(UserError, match=r"has ids of 32 bits; .* of 256 has 16"):
        token_files.read(tmp_path, 256)
    store(tmp_path, "<u4", train=ids * 400, val=ids)
    with pytest.raises(UserError, match=r"has ids of 32 bits; .* of 65,536 has 16"):
        token_files.read(tmp_path, 65_536)
    store(tmp_path, "<u2", train=ids, val=ids)
    with pytest.raises(UserError, match=r"has the id [\d,]+, the vocabulary 70,000"):
        token_files.read(tmp_path, 70_000)
    with pytest.raises(UserError, match=r"has the id 255, the vocabulary 255 ids of 1"):
        token_files.read(tmp_path, 255)
    assert len(token_files.read(tmp_path, 256)["train"]) == 1000


def test_an_id_beyond_the_vocabulary_is_found_wherever_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(token_files, "_PART", 10)
    store(tmp_path, train=[1] * 95 + [7], val=[1])
    with pytest.raises(UserError, match="has the id 7, the vocabulary 7 ids"):
        token_files.read(tmp_path, 7)


def test_damaged_or_missing_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"is no folder; give train\.bin and val\.bin"):
        token_files.read(tmp_path / "nowhere", 256)
    store(tmp_path, train=[1, 2])
    with pytest.raises(UserError, match="no ids of the split valid"):
        token_files.read(tmp_path, 256)
    store(tmp_path, val=[])
    with pytest.raises(UserError, match=r"val\.bin' is empty"):
        token_files.read(tmp_path, 256)
    (tmp_path / "val.bin").write_bytes(b"abc")
    with pytest.raises(UserError, match="has 3 bytes, not ids of 16 bits"):
        token_files.read(tmp_path, 256)


def test_a_pickle_is_never_opened(tmp_path):
    store(tmp_path, train=[1], val=[0])
    fields = {"itos": {0: "a", 1: "b"}, "stoi": {"a": 0, "b": 1}, "vocab_size": 2}
    (tmp_path / "meta.pkl").write_bytes(pickle.dumps(fields))
    with pytest.raises(UserError, match=r"is a pickle.* into vocabulary\.json"):
        token_files.vocabulary(tmp_path)
    # What the line says to do works.
    given = {"unit": "char", "symbols": "ab", "drop_newlines": False}
    (tmp_path / "vocabulary.json").write_text(json.dumps(given))
    vocab = token_files.vocabulary(tmp_path)
    assert vocab == build("char", b"aab")
    assert vocab.decode(token_files.read(tmp_path, vocab.size)["train"]) == "b"


def test_ids_without_a_vocabulary_ask_for_one(tmp_path):
    store(tmp_path, train=[1], val=[0])
    with pytest.raises(UserError, match=r"no tokeniser in .*; accepted: vocab\.json"):
        token_files.vocabulary(tmp_path)
