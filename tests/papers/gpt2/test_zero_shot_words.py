"""LAMBADA and the next word. A failure means that a word is counted by a part of it, or
that an item of a file is read as another."""

import json
import math

import numpy as np
import pytest

from common.contract import UserError
from papers.gpt2.zero_shot import lambada
from papers.gpt2.zero_shot.lambada import Passage
from papers.gpt2.zero_shot.model import continuations, prompts
from papers.gpt2.zero_shot.next_word import Words
from tests.papers.gpt2.table_model import END, TableModel

PIECES = (" the", " them", " dog", "gy", " cat", " do", "g")
TABLE = {
    "a": {" the": 0.5, " dog": 0.3, " cat": 0.1},
    " the": {".": 0.9},
    " dog": {"gy": 0.8, ".": 0.1, END: 0.05},  # " dog" mostly goes on
    "gy": {".": 1.0},
    " cat": {".": 0.99},
}


def by_hand(table, context, spaced=True):
    """The best word that is no stop word, over all words of up to three tokens."""
    fake = TableModel(PIECES, table)
    log, pieces = fake.log, fake.pieces
    inside = [i for i, piece in enumerate(pieces) if piece[0].isalnum()]
    first = [
        i
        for i, piece in enumerate(pieces)
        if piece == " " or (piece[0] == " " and piece[1:].isalnum())
    ]
    ends = [i for i in range(len(pieces)) if i not in inside]
    start = fake.encode(context)[-1]
    words = {}
    level = [(log[start, i], (i,)) for i in (first if spaced else inside)]
    for _ in range(3):
        for score, ids in level:
            closed = score + math.log(np.exp(log[ids[-1]][ends]).sum())
            word = fake.decode(ids).strip()
            words[word] = max(closed, words.get(word, -math.inf))
        level = [(s + log[ids[-1], i], (*ids, i)) for s, ids in level for i in inside]
        level = sorted(level, reverse=True)[:50]
    best = max((s, w) for w, s in words.items() if w and w not in ("the", "them", "do"))
    return best[1]


def test_a_word_ends_only_where_a_new_one_begins():
    """dog: .3 * (.15 and more) against doggy: .3 * .8, and cat: .1."""
    assert Words(TableModel(PIECES, TABLE).model()).best("a") == "doggy"
    table = TABLE | {" dog": {"gy": 0.2, ".": 0.7}}
    assert Words(TableModel(PIECES, table).model()).best("a") == "dog"
    table = TABLE | {" dog": {"gy": 0.99}, "gy": {"gy": 0.999}}  # it never ends
    assert Words(TableModel(PIECES, table).model()).best("a") == "cat"


def test_end_of_text_ends_a_word_whatever_its_letters():
    table = TABLE | {" dog": {END: 0.95}}
    assert Words(TableModel(PIECES, table).model()).best("a") == "dog"


def test_stop_words_are_passed_over_whatever_their_case():
    fake = TableModel((" The", " cat"), {"a": {" The": 0.9, " cat": 0.05}})
    assert Words(fake.model()).best("a") == "cat"
    assert Words(fake.model(), frozenset()).best("a") == "The"


@pytest.mark.parametrize("seed", range(5))
def test_the_beam_finds_the_best_of_all_words(seed):
    rng = np.random.default_rng(seed)
    tokens = ["a", *PIECES, ".", "x"]
    rows = rng.dirichlet(np.full(len(tokens), 0.4), len(tokens)) * 0.999
    table = {
        token: dict(zip(tokens, row, strict=True))
        for token, row in zip(tokens, rows, strict=True)
    }
    words = Words(TableModel(PIECES, table).model(), frozenset(("the", "them", "do")))
    assert words.best("a", beam=200) == by_hand(table, "a")
    assert words.best("a", spaced=False, beam=200) == by_hand(table, "a", spaced=False)


def test_lambada_perplexity_and_accuracy_are_those_of_the_table():
    fake = TableModel(PIECES, TABLE)
    passages = [Passage("a", "dog"), Passage("a", "the"), Passage("a", "doggy")]
    found = lambada.score(fake.model(), passages)
    mean = -(math.log(0.3) + math.log(0.5) + math.log(0.3 * 0.8)) / 3
    assert found["perplexity"] == pytest.approx(math.exp(mean))
    assert found["accuracy"] == pytest.approx(1 / 3)  # "the" is most probable
    assert found["accuracy_filtered"] == pytest.approx(1 / 3)  # "doggy", without "the"
    assert (found["items"], found["cropped"]) == (3, 0)


def test_a_word_of_two_tokens_needs_both_to_be_most_probable():
    fake = TableModel(PIECES, TABLE | {"a": {" dog": 0.6}})
    pairs = [("a", " dog"), ("a", " doggy"), ("a", " do")]
    assert lambada.greedy_hits(fake.model(), pairs) == [True, True, False]
    many = lambada.greedy_hits(fake.model(), pairs * 40)  # more than one call
    assert many == [True, True, False] * 40


def test_a_long_context_loses_its_beginning_and_is_counted():
    fake = TableModel(PIECES, TABLE, context_length=8)
    passages = [Passage("b" * 20 + "a", "doggy"), Passage("a", "doggy")]
    found = lambada.score(fake.model(), passages)
    assert found["cropped"] == 1
    assert fake.longest == 9
    assert found["perplexity"] == pytest.approx(1 / (0.3 * 0.8))
    with pytest.raises(UserError, match="9 tokens cannot be scored"):
        continuations(fake.model(), [("a", "b" * 9)])


def test_a_diverged_network_is_an_error_and_not_a_score():
    fake = TableModel(PIECES, TABLE)
    fake.log[fake.ids["a"]] = np.nan
    with pytest.raises(UserError, match="no probability in 1 of 2 texts"):
        continuations(fake.model(), [("a", " dog"), (" dog", "gy")])
    short = fake.model()._replace(nll=lambda sequences, contexts: [np.zeros(2)])
    with pytest.raises(ValueError, match="a value for each token"):
        continuations(short, [(" dog", "gy")])


def test_an_empty_context_is_end_of_text():
    fake = TableModel(PIECES, {END: {" dog": 0.25}})
    scored = continuations(fake.model(), [("", " dog")])
    assert scored.nll == pytest.approx([-math.log(0.25)])


def test_a_prompt_keeps_its_question_and_loses_the_end_of_its_document():
    fake = TableModel(context_length=20)
    found = prompts(fake.model(), [("abcdefgh" * 2, "Q: x"), ("ab", "Q")], 10)
    assert found.texts == ["abcdefQ: x", "abQ"]
    assert found.cropped == 1
    assert prompts(fake.model(), [("ab", "Question")], 17).texts == ["ion"]
    with pytest.raises(UserError, match="20 new tokens do not fit"):
        prompts(fake.model(), [("a", "b")], 20)


def test_both_layouts_of_lambada(tmp_path):
    lines = [{"text": "She said so to the dog"}, {"text": "word"}, {"txt": 1}, "no"]
    text = "\n".join(json.dumps(line) for line in lines) + "\n{\n"
    (tmp_path / "lambada_test.jsonl").write_text(text)
    found = lambada.read(tmp_path)
    assert found.items == (Passage("She said so to the", "dog"),)
    assert [line.split(": ")[0] for line in found.skipped] == [
        f"lambada_test.jsonl, line {n}" for n in (2, 3, 4, 5)
    ]

    folder = tmp_path / "plain"
    folder.mkdir()
    plain = "he did n't , `` no '' he said to the dog\n`` oh , said `` she\n"
    (folder / "lambada_test_plain_text.txt").write_text(plain)
    first, second = lambada.read(folder).items
    assert first == Passage('he didn\'t, "no" he said to the', "dog")
    assert second == Passage('"oh, said "', "she", spaced=False)
    assert second.pair == ('"oh, said "', "she")


def test_unusable_lambada_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"no LAMBADA in .*; accepted: lambada_test"):
        lambada.read(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        lambada.read(tmp_path / "none")
    path = tmp_path / "lambada_test.jsonl"
    path.write_text('["a list"]\n{"text": "a dog"}\n')
    with pytest.raises(UserError, match="line 1: no JSON object; its form is"):
        lambada.read(path)
    path.write_text("\n")
    with pytest.raises(UserError, match="is empty"):
        lambada.read(path)
    path.write_bytes('{"text": "caf\xe9 no"}'.encode("latin-1"))
    with pytest.raises(UserError, match="byte 0xe9 at offset 13; save it as UTF-8"):
        lambada.read(path)
    path.write_text('{"text": "a dog"}\n')
    (tmp_path / "._lambada_test.jsonl").write_bytes(b"\0\5")  # what macOS leaves
    assert len(lambada.read(tmp_path).items) == 1
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "lambada_test.jsonl").write_text("{}")
    with pytest.raises(UserError, match="has several"):
        lambada.read(tmp_path)
