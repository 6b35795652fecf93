"""De-tokenisers. A failure means that a perplexity is of a text other than the file."""

import random

import pytest

from papers.gpt2.zero_shot.detokenise import (
    BOOKS,
    ONE_BILLION,
    PENN,
    WIKITEXT,
    detokenise,
    inverse,
    lost,
    split,
    style_of,
)

STYLES = {"wikitext": WIKITEXT, "ptb": PENN, "1bw": ONE_BILLION, "books": BOOKS}
ALL = """
a dog the boys Mr. U.S. St. <unk> N 1990s 3.5 1,000 10 e-mail x - -- ... . , ; : ! ? ( )
[ ] { } $ # £ % " `` '' ' 's 're 've 'll 'd 'm 't n't @-@ @,@ @.@ @ = == o'clock 'em &
don't ca wo did it é 東京 word. ,, ." (a) a: <a> / a/b 1/2 s's ''s "" -- @-@-@ §
"""
TOKENS = ALL.split()
WHOLE = "Mr. U.S. <unk> N 1990s o'clock ... -- dog 's n't ' % $ . , 10:30"


@pytest.mark.parametrize("name", STYLES)
@pytest.mark.parametrize("seed", range(3))
def test_the_inverse_gives_back_every_line_but_those_that_are_counted(name, seed):
    """Lines of any tokens at all. Lost are at most those with a token that splits by
    itself: joining loses nothing."""
    style = STYLES[name]
    rng = random.Random(f"{name} {seed}")
    clean = 0
    for _ in range(600):
        tokens = rng.choices(TOKENS, k=rng.randint(1, 12))
        line = style.margin + " ".join(tokens) + style.margin
        back = inverse(detokenise(line, style), style)
        if all(split(token, style) == (token,) for token in tokens):
            assert back == line, detokenise(line, style)
            clean += 1
        assert lost(line, style) == (back != line)
    assert clean > 100


@pytest.mark.parametrize("name", STYLES)
def test_words_that_the_sets_have_do_not_split(name):
    assert [
        word for word in WHOLE.split() if split(word, STYLES[name]) != (word,)
    ] == []


WIKI = """ 
 = Robert Boulter = 
 
 He had a guest @-@ starring role , with 1 @,@ 200 viewers ( 3 @.@ 5 % ) . 
 = = Career = = 
 He didn 't say " I 'm the boys ' <unk> " ; Mr. Smith 's agent cost $ 5 @-@ million ! 
"""
PLAIN_WIKI = """
= Robert Boulter =

He had a guest-starring role, with 1,200 viewers (3.5%).
== Career ==
He didn't say "I'm the boys' <unk>"; Mr. Smith's agent cost $5-million!
"""
CASES = {
    "wikitext": (WIKI, PLAIN_WIKI),
    "ptb": (
        " mr. <unk> 's stake was n't $ N million or N N % \n it 's u.s. <unk> \n",
        "mr. <unk>'s stake wasn't $N million or N N%\nit's u.s. <unk>\n",
    ),
    "1bw": (
        'The U.S. said " it ca n\'t , " he said ( 25 % ) in St. Louis .\nNo -- no !\n',
        'The U.S. said "it can\'t," he said (25%) in St. Louis.\nNo -- no!\n',
    ),
    "books": (
        "`` it 's me , '' he said . `` no ! ''\n",
        '"it\'s me," he said. "no!"\n',
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_text_of_the_sets_form_becomes_plain_and_comes_back(name):
    tokenised, plain = CASES[name]
    assert detokenise(tokenised, STYLES[name]) == plain
    assert inverse(plain, STYLES[name]) == tokenised
    assert lost(tokenised, STYLES[name]) == 0


def test_what_no_tokeniser_makes_is_counted():
    text = " an e-mail \n a dog \nno margin\n two  spaces \n"
    assert lost(text, WIKITEXT) == 2  # e-mail, and the line without its margins
    assert lost(" an e-mail \n", PENN) == 0


def test_the_commoner_cut_of_a_negation_is_taken():
    penn = style_of(" I do n't , he did n't , he didn 't ", WIKITEXT)
    assert detokenise(" I do n't ", penn) == "I don't"
    assert detokenise(" I don 't ", style_of(" I don 't ", WIKITEXT)) == "I don't"
    assert detokenise(" I don 't ", penn) == "I don 't"
