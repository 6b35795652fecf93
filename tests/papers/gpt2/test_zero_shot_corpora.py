"""Perplexities and overlap. A failure means a number that is not of the file's units,
or a gram that is lost or found by chance more often than stated."""

import gzip
import math
from types import SimpleNamespace

import numpy as np
import pytest

from common.contract import UserError
from papers.gpt2.paper_sets import paper_sets
from papers.gpt2.zero_shot import corpora, overlap
from papers.gpt2.zero_shot.detokenise import PENN
from papers.gpt2.zero_shot.overlap import Bloom, grams_of, normalised
from tests.papers.gpt2.table_model import END, TableModel


@pytest.mark.parametrize("stride", [1, 3, 8])
def test_perplexity_is_a_word_of_the_file_whatever_the_tokens(stride):
    """Every token costs log(V): a file of 5 words and 2 line ends in 16 characters."""
    fake = TableModel(context_length=8)
    corpus = corpora.of_words(" it is n't mine \n no \n", PENN)
    assert corpus.text == "it isn't mine\nno\n"
    found = corpora.score(fake.model(), corpus, stride=stride)
    size = len(fake.pieces)
    assert (found["tokens"], found["units"]) == (17, 7)
    assert found["perplexity"] == pytest.approx(size ** (17 / 7))
    assert (found["stride"], found["lost_lines"]) == (stride, 0)


def test_the_first_token_follows_end_of_text():
    fake = TableModel((), {END: {"a": 0.5}, "a": {"b": 0.25}}, context_length=8)
    corpus = corpora.Corpus("ab", 2, "character")
    assert corpora.score(fake.model(), corpus, stride=4)["bits"] == pytest.approx(1.5)


def test_the_files_of_each_corpus(tmp_path):
    for folder, text in {
        "wikitext-2": " \n = A = \n \n a @-@ b . \n",
        "wikitext-103-raw": "c",
    }.items():
        (tmp_path / folder).mkdir()
        name = "wiki.test.raw" if "raw" in folder else "wiki.test.tokens"
        (tmp_path / folder / name).write_text(text)
    assert corpora.read(tmp_path, "wikitext103").text == "c"
    corpus = corpora.read(tmp_path, "wikitext2")
    assert corpora.read(tmp_path / "wikitext-2", "wikitext2") == corpus
    with pytest.raises(UserError, match="no wikitext103 in"):
        corpora.read(tmp_path / "wikitext-2", "wikitext103")
    assert corpus == ("\n= A =\n\na-b.\n", 7 + 4, "word", 0)
    (tmp_path / "ptb.test.txt").write_text(" a <unk> N \n")
    assert corpora.read(tmp_path, "ptb").units == 4
    (tmp_path / "news.en.heldout-00000-of-00050").write_text("It is .\r\nNo !\r\n")
    corpus = corpora.read(tmp_path, "1bw")
    assert corpus == ("It is.\nNo!\n", 5 + 2, "word", 0)
    text = "a" * 1898 + "é" + "b" * 99
    with gzip.open(tmp_path / "enwik8.gz", "wb") as file:
        file.write(("a" + text).encode())
    corpus = corpora.read(tmp_path, "enwik8")  # the cut is inside of é
    assert corpus == ("b" * 99, 99, "byte", 0)
    (tmp_path / "text8").write_bytes(b"ab" * 1000)
    assert corpora.read(tmp_path, "text8") == ("ab" * 50, 100, "character", 0)


def test_unusable_corpora_are_one_line(tmp_path):
    with pytest.raises(UserError, match="no corpus 'wiki'"):
        corpora.read(tmp_path, "wiki")
    with pytest.raises(UserError, match="no ptb in"):
        corpora.read(tmp_path, "ptb")
    (tmp_path / "enwik8").write_bytes(b"\xff" * 100)
    with pytest.raises(UserError, match="is no enwik8"):
        corpora.read(tmp_path, "enwik8")
    (tmp_path / "text8").write_bytes(b"")
    with pytest.raises(UserError, match="is empty"):
        corpora.read(tmp_path, "text8")


def test_sets_below_a_folder_are_scored_with_their_counts(tmp_path):
    (tmp_path / "wikitext-2").mkdir()
    (tmp_path / "wikitext-2" / "wiki.test.tokens").write_text(" a b \n")
    (tmp_path / "lambada_test.jsonl").write_text('{"text": "a b"}\n{"text": ""}\n')
    reader = SimpleNamespace(name="1x2", model=TableModel().model)
    found = paper_sets(reader, str(tmp_path))
    counts = {row[0]: row[3] for row in found.rows}
    assert counts == {"LAMBADA": 1, "WikiText-2": 3}
    assert found.note.startswith(
        "windows of a corpus move by 32 tokens; LAMBADA: 1 unreadable and left out\n"
    )
    assert "WikiText-103: no wikitext103 in" in found.note
    with pytest.raises(UserError, match="is a file: give the sets' folder"):
        paper_sets(reader, str(tmp_path / "lambada_test.jsonl"))


def words(count, seed):
    rng = np.random.default_rng(seed)
    return " ".join(f"w{i}" for i in rng.integers(0, 10**9, count))


def test_grams_are_of_lower_case_words_alone():
    assert normalised("The  Cat's_3\n(no)!") == "the cat s 3 no"
    plain = "a b c d e f g h i"
    assert len(grams_of(plain)) == 2
    np.testing.assert_array_equal(grams_of(plain), grams_of("A-b, c_d\nE f; g H 'i'"))
    assert len(grams_of("a b c d e f g")) == len(grams_of("")) == 0
    swapped = [*grams_of(plain), *grams_of("b a c d e f g h i"), *grams_of("a " * 9)]
    assert len({*swapped}) == 5  # the order counts; one gram twice


def test_a_filter_knows_each_gram_that_was_added():
    texts = [words(500, seed) for seed in range(3)]
    bloom = Bloom.of(texts)
    assert all(bloom.share(text) == 1 for text in texts)
    assert bloom.count == 3 * (500 - 7)
    bloom.add(texts[0])
    assert bloom.count == 3 * (500 - 7)
    assert bloom.share(words(2000, 9)) == 0
    assert bloom.share("too short") == 0
    half = " ".join(texts[0].split()[:107]) + " " + words(100, 10)
    assert bloom.share(half) == pytest.approx(100 / 200)
    across = " ".join(texts[0].split()[-4:] + texts[1].split()[:4])
    assert bloom.share(across) == 0


@pytest.mark.parametrize("rate", [0.1, 0.01, 0.001])
def test_false_positives_are_as_rare_as_stated(rate):
    bloom = Bloom(3000, rate)
    bloom.add(words(3007, 0))
    assert bloom.count >= 3000 * (1 - 2 * rate)
    drawn = np.random.default_rng(1).integers(0, 2**63, 200_000).astype(np.uint64)
    measured = bloom.seen(drawn).mean()
    assert bloom.false_positives == pytest.approx(rate, rel=0.25)
    noise = 4 * math.sqrt(rate / 200_000) + 0.15 * rate
    assert measured == pytest.approx(bloom.false_positives, abs=noise)


def test_the_paper_s_rate_takes_38_bits_and_27_probes_a_gram():
    bloom = Bloom(10_000)
    assert bloom.size / 10_000 == pytest.approx(38.3, abs=0.1)
    assert bloom.probes == 27
    with pytest.raises(UserError, match="no Bloom filter for 0 grams"):
        Bloom(0)


def test_the_table_has_each_text_against_each_training_text():
    first, second = words(100, 0), words(100, 1)
    filters = {"own": Bloom.of([first]), "other": Bloom.of([second])}
    table = overlap.table(filters, {"a": first, "b": first + " " + second})
    assert table.columns == ("test text", "own", "other")
    assert table.rows[0] == ["a", 100, 0]
    assert table.rows[1] == ["b", pytest.approx(9300 / 193), pytest.approx(9300 / 193)]
    assert "false positives: own" in table.note
