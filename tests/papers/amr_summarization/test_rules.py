"""Would fail if a relation of a tree were lost on its way to AMR."""

import pytest

from common.text.parses import Parsed
from papers.amr_summarization import amr
from papers.amr_summarization.rules import graph_of


def parsed(rows: str) -> Parsed:
    """word/tag/head/arc, heads from 1."""
    words, tags, heads, arcs = zip(*(r.split("/") for r in rows.split()), strict=True)
    return Parsed(words, tags, tuple(int(h) - 1 for h in heads), arcs)


def triples(graph: amr.Amr) -> set[tuple[str, str, str]]:
    """With concepts for variables, which here are all different."""
    named = graph.instances
    edges = {(named[e.source], e.role, named[e.target]) for e in graph.edges}
    return edges | {(named[a.var], a.role, a.value) for a in graph.attributes}


CASES = {
    "the boy wants to go": (
        "The/DT/2/det boy/NN/3/nsubj wants/VBZ/0/root to/TO/5/mark go/VB/3/xcomp",
        {
            ("want-01", ":ARG0", "boy"),
            ("want-01", ":ARG1", "go-02"),
            ("go-02", ":ARG0", "boy"),
        },
    ),
    "passive with an agent": (
        "He/PRP/3/nsubj:pass was/VBD/3/aux:pass seen/VBN/0/root by/IN/5/case "
        "girls/NNS/3/obl",
        {("see-01", ":ARG1", "he"), ("see-01", ":ARG0", "girl")},
    ),
    "denied and modal": (
        "She/PRP/4/nsubj must/MD/4/aux not/RB/4/advmod sing/VB/0/root",
        {
            ("obligate-01", ":ARG2", "sing-01"),
            ("sing-01", ":ARG0", "she"),
            ("sing-01", ":polarity", "-"),
        },
    ),
    "a relative clause is inverted": (
        "the/DT/2/det girl/NN/0/root who/WP/4/nsubj sings/VBZ/2/acl:relcl",
        {("sing-01", ":ARG0", "girl")},
    ),
    "conjuncts": (
        "cats/NNS/0/root and/CC/3/cc dogs/NNS/1/conj",
        {("and", ":op1", "cat"), ("and", ":op2", "dog")},
    ),
    "adverbs in -ly": (
        "He/PRP/3/nsubj early/RB/3/advmod left/VBD/0/root quickly/RB/3/advmod",
        {
            ("leave-11", ":ARG0", "he"),
            ("leave-11", ":manner", "early"),
            ("leave-11", ":manner", "quick"),
        },
    ),
    "copula": (
        "Marble/NN/3/nsubj is/VBZ/3/cop heavy/JJ/0/root",
        {("heavy", ":domain", "marble")},
    ),
    "quantity": (
        "two/CD/2/nummod hours/NNS/0/root",
        {
            ("temporal-quantity", ":quant", "2"),
            ("temporal-quantity", ":unit", "hour"),
        },
    ),
    "a number of several words": (
        "two/CD/5/nummod thousand/CD/5/nummod five/CD/5/nummod hundred/CD/5/nummod "
        "cats/NNS/0/root",
        {("cat", ":quant", "2500")},
    ),
    "a range is no sum": (
        "10/CD/4/nummod -/HYPH/4/punct 20/CD/4/nummod cats/NNS/0/root",
        {("cat", ":quant", "10"), ("cat", ":quant", "20")},
    ),
    "a comparison": (
        "Ann/NNP/3/nsubj is/VBZ/3/cop taller/JJR/0/root than/IN/5/case Ben/NNP/3/obl",
        {
            ("have-degree-91", ":ARG1", "person"),
            ("have-degree-91", ":ARG2", "tall"),
            ("have-degree-91", ":ARG3", "more"),
            ("have-degree-91", ":ARG4", "person"),
            *(("person", ":name", "name"), ("name", ":op1", '"Ann"')),
            ("name", ":op1", '"Ben"'),
        },
    ),
    "equal in degree": (
        "It/PRP/4/nsubj is/VBZ/4/cop as/RB/4/advmod tall/JJ/0/root as/IN/6/case "
        "trees/NNS/4/obl",
        {
            ("have-degree-91", ":ARG1", "it"),
            ("have-degree-91", ":ARG2", "tall"),
            ("have-degree-91", ":ARG3", "equal"),
            ("have-degree-91", ":ARG4", "tree"),
        },
    ),
    "enough for what follows": (
        "It/PRP/3/nsubj is/VBZ/3/cop tall/JJ/0/root enough/RB/3/advmod to/TO/6/mark "
        "see/VB/3/xcomp",
        {
            ("have-degree-91", ":ARG1", "it"),
            ("have-degree-91", ":ARG2", "tall"),
            ("have-degree-91", ":ARG3", "enough"),
            ("have-degree-91", ":ARG6", "see-01"),
        },
    ),
    "a pronoun said twice is one node": (
        "He/PRP/2/nsubj washed/VBD/0/root his/PRP$/4/nmod:poss hands/NNS/2/obj",
        {
            ("wash-01", ":ARG0", "he"),
            ("wash-01", ":ARG1", "hand"),
            ("he", ":part", "hand"),
        },
    ),
    "a first word that ties": (
        "But/CC/3/cc he/PRP/3/nsubj slept/VBD/0/root",
        {("contrast-01", ":ARG2", "sleep-01"), ("sleep-01", ":ARG0", "he")},
    ),
    "so": (
        "So/RB/3/advmod he/PRP/3/nsubj slept/VBD/0/root",
        {("cause-01", ":ARG1", "sleep-01"), ("sleep-01", ":ARG0", "he")},
    ),
    "a cause is a frame": (
        "He/PRP/2/nsubj slept/VBD/0/root because/IN/5/mark it/PRP/5/nsubj "
        "rained/VBD/2/advcl",
        {
            ("sleep-01", ":ARG0", "he"),
            ("rain-01", ":ARG0", "it"),
            ("cause-01", ":ARG1", "sleep-01"),
            ("cause-01", ":ARG0", "rain-01"),
        },
    ),
    "there is": (
        "There/EX/4/nsubj is/VBZ/4/cop a/DT/4/det cat/NN/0/root",
        set(),
    ),
    "what a clause asks for": (
        "I/PRP/2/nsubj know/VBP/0/root what/WP/5/obj you/PRP/5/nsubj want/VBP/2/ccomp",
        {
            ("know-01", ":ARG0", "i"),
            ("know-01", ":ARG1", "thing"),
            ("want-01", ":ARG0", "you"),
            ("want-01", ":ARG1", "thing"),
        },
    ),
    "what is said has its modal above it": (
        "He/PRP/3/nsubj can/MD/3/aux sing/VB/0/root ,/,/5/punct said/VBD/3/parataxis "
        "Mum/NN/5/nsubj",
        {
            ("say-01", ":ARG0", "mum"),
            ("say-01", ":ARG1", "possible-01"),
            ("possible-01", ":ARG1", "sing-01"),
            ("sing-01", ":ARG0", "he"),
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_relations_become_roles(case):
    rows, expected = CASES[case]
    assert triples(graph_of(parsed(rows))) == expected


def test_a_name_has_its_words_and_tokens():
    graph = graph_of(parsed("Ann/NNP/2/compound Lee/NNP/3/nsubj left/VBD/0/root"))
    assert {a.value for a in graph.attributes} == {'"Ann"', '"Lee"'}
    (name,) = [var for var, concept in graph.instances.items() if concept == "name"]
    assert graph.tokens[name] == (0, 1)


@pytest.mark.parametrize(
    ("words", "role"),
    [
        ("there/NNP/2/advmod", ":location"),
        ("there/NNP/4/flat", ":location"),
        ("abroad/RB/4/flat", ":location"),
        ("yesterday/NN/3/flat", ":time"),
        ("again/NNP/3/compound", ":mod"),
        ("quickly/NNP/2/advmod", ":manner"),
    ],
)
def test_an_adverb_is_no_name_nor_a_part_of_one(words, role):
    """Whatever the tagger and the tree call it."""
    before = "He/PRP/2/nsubj met/VBD/0/root Marie/NNP/2/obj Curie/NNP/3/flat "
    graph = graph_of(parsed(before + words))
    assert {a.value for a in graph.attributes} == {'"Marie"', '"Curie"'}
    assert [*graph.instances.values()].count("person") == 1
    assert (role, "meet-03") in {
        (e.role, graph.instances[e.source]) for e in graph.edges
    }


def test_small_words_and_capitals_stay_in_names():
    rows = "Vincent/NNP/0/root van/NNP/1/flat Gogh/NNP/1/flat"
    values = {a.value for a in graph_of(parsed(rows)).attributes}
    assert values == {'"Vincent"', '"van"', '"Gogh"'}
    rows = "Home/NNP/2/compound Outside/NNP/0/root"
    values = {a.value for a in graph_of(parsed(rows)).attributes}
    assert values == {'"Home"', '"Outside"'}


def test_every_tree_gives_a_connected_graph():
    """Arcs that nobody knows, signs alone, and a tree too deep for a recursion."""
    unknown = parsed("a/NN/2/x b/NN/0/y c/SYM/2/z")
    signs = parsed("!/./0/root ?/./1/punct")
    count = 3000
    words = ("word",) * count
    chain = Parsed(
        words, ("NN",) * count, tuple(range(-1, count - 1)), ("nmod",) * count
    )
    for tree in (unknown, signs, chain):
        amr.check(graph_of(tree))
