"""If these fail, a circle or two roots reach a network that assumes a tree."""

import numpy as np
import pytest

from common.contract import UserError
from common.text import chunk_parser, parses, tagging
from common.text.parses import Parsed, check


def tree(*heads: int) -> Parsed:
    n = len(heads)
    words = tuple("abcdefgh"[:n])
    return Parsed(words, ("NN",) * n, heads, ("dep",) * n)


def test_a_tree_is_handed_on():
    assert check(tree(1, -1, 1)).heads == (1, -1, 1)


@pytest.mark.parametrize(
    ("heads", "said"),
    [
        ((), "no words"),
        ((1, 2, 0), "no root"),
        ((-1, -1), "roots at words"),
        ((-1, 2, 1), "b -> c"),
        ((-1, 5), "word 6 of 2"),
        ((-1, 1), "circle"),
        ((-1, -2), "word -1"),
    ],
)
def test_what_is_no_tree_is_refused_by_name(heads, said):
    with pytest.raises(UserError, match=said):
        check(tree(*heads))


@pytest.mark.parametrize(
    ("text", "arcs"),
    [
        ("Do n't you see it ?", "see: Do aux, n't advmod, you nsubj, it obj, ? punct"),
        ("Is he tired ?", "tired: Is cop, he nsubj, ? punct"),
        ("If he came , she left .", "left: came advcl, , punct, she nsubj, . punct"),
        ("If he comes , tell me .", "tell: comes advcl, , punct, me obj, . punct"),
        (", said the fox .", "said: , punct, fox nsubj, . punct"),
        ("Give me a book .", "Give: me iobj, book obj, . punct"),
        ("She knows what he said .", "said: what obj, he nsubj"),
        ("He took it in my car .", "took: He nsubj, it obj, car obl, . punct"),
        ("And she came .", "came: And cc, she nsubj, . punct"),
        ("She paid two euros .", "paid: She nsubj, euros obj, . punct"),
        ("the boys ' hat fell", "hat: boys nmod:poss"),
        ("I like the last one .", "one: the det, last amod"),
    ],
)
def test_the_rules_know_who_does_what(text, arcs):
    words = text.split()
    found = chunk_parser.parse(words)
    head, _, below = arcs.partition(": ")
    own = [i for i, at in enumerate(found.heads) if at == words.index(head)]
    assert ", ".join(f"{words[i]} {found.arcs[i]}" for i in own) == below


def test_further_roots_hang_on_the_first():
    assert parses.one_root((1, -1, -1, 2)) == (1, -1, 1, 2)


SENTENCE = [
    "The",
    "old",
    "man",
    ",",
    "who",
    "lives",
    "in",
    "Rome",
    ",",
    "wrote",
    "two",
    "books",
    "about",
    "birds",
    ".",
]


def test_rules_find_subject_object_and_relative_clause():
    parsed = chunk_parser.parse(SENTENCE)
    at = {word: i for i, word in enumerate(SENTENCE)}
    head = {word: SENTENCE[parsed.heads[at[word]]] for word in at if word != "wrote"}
    assert parsed.heads[at["wrote"]] == parses.ROOT
    assert head["man"] == "wrote"
    assert head["lives"] == "man"
    assert head["who"] == "lives"
    assert head["Rome"] == "lives"
    assert head["books"] == "wrote"
    assert parsed.arcs[at["man"]] == "nsubj"
    assert parsed.arcs[at["lives"]] == "acl:relcl"


@pytest.mark.parametrize(
    "text",
    [
        "Hello",
        ".",
        "and and and",
        "who is the that",
        "to be or not to be",
        "a , , b",
        "è 𝄞",
    ],
)
def test_any_words_make_a_tree(text):
    check(chunk_parser.parse(text.split()))


def test_five_hundred_words_make_a_tree():
    check(chunk_parser.parse((SENTENCE * 40)[:500]))


def test_given_tags_are_kept():
    parsed = chunk_parser.parse(["Time", "flies"], ["NN", "VBZ"])
    assert parsed.tags == ("NN", "VBZ")
    assert parsed.heads == (1, -1)


def test_a_word_s_tag_follows_its_neighbours():
    assert tagging.tags(["They", "can", "fish"])[1] == "MD"
    assert tagging.tags(["to", "run"]) == ("TO", "VB")
    assert tagging.tags(["the", "run"]) == ("DT", "NN")
    assert tagging.tags(["took", "him", "in"])[2] == "IN"
    assert tagging.tags(["have", "nothing", "more"])[1] == "NN"
    assert tagging.tags(["does", "n’t"])[1] == "RB"  # noqa: RUF001
    assert tagging.tags(["Blorping", "the", "frobbles"]) == ("NNP", "DT", "NNS")


def test_an_unknown_parser_is_named_with_the_known_ones():
    with pytest.raises(UserError, match="parser='corenlp': choose one of best, chunks"):
        parses.parser("corenlp")


def test_no_tags_break_the_rules():
    """Any tags over any words make one tree."""
    rng = np.random.default_rng(0)
    words = np.array(["is", "that", "of", "not", "and", "dog", ",", ".", "to", "'s"])
    tags = np.array(
        ["NN", "VBD", "VBG", "VB", "TO", "IN", "CC", "WDT", "DT", "JJ", "RB", ",", ""]
    )
    for _ in range(2000):
        size = rng.integers(1, 12)
        parsed = chunk_parser.parse(
            [str(word) for word in rng.choice(words, size)],
            [str(tag) for tag in rng.choice(tags, size)],
        )
        check(parsed)


def test_depths_and_sides_are_those_of_the_tree():
    heads = (1, 3, 1, parses.ROOT, 5, 3)
    assert parses.depths(heads) == [2, 1, 2, 0, 2, 1]
    assert parses.ancestors(heads, 0) == [0, 1, 3]
    assert parses.sides(heads, 0, 4) == ([0, 1], [4, 5])
    assert parses.sides(heads, 0, 1) == ([0], [])
    assert parses.sides(heads, 2, 0) == ([2], [0])
    assert parses.depths((parses.ROOT, *range(9999)))[-1] == 9999
