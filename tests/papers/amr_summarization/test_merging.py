"""Would fail if nodes that mean one thing stayed apart, or others became one."""

import itertools
import random

import networkx
import pytest

from papers.amr_summarization import amr
from papers.amr_summarization.selection import merging, names
from papers.amr_summarization.selection.document_graph import Spot, to_amr

DOG = "(c / chase-01~e.1 :ARG0 (d / dog~e.0) :ARG1 (c2 / cat~e.2))"


def graphs(*texts):
    return [amr.read(text) for text in texts]


def labels(graph):
    return sorted(node.label for node in graph.nodes.values())


def test_an_identical_sentence_twice_is_the_single_graph():
    once = merging.merged(graphs(DOG))
    twice = merging.merged(graphs(DOG, DOG))
    assert labels(twice) == labels(once) == ["cat", "chase-01", "dog"]
    assert twice.links.keys() == once.links.keys()
    assert {node.sentences for node in twice.nodes.values()} == {frozenset((0, 1))}
    assert {*twice.links.values()} == {frozenset((0, 1))}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ABC-CBN News", "ABC-CBN", True),
        ("Barack Obama", "Obama", True),
        ("United Nations", "UN", True),
        ("United Nations", "U.N.", True),
        ("University of the North", "UN", True),
        ("Paris Hilton", "Hilton Hotel", False),
        ("Ann Lee", "Lee Ann", False),
        ("Ann", "An", False),
    ],
)
def test_names_fit_if_one_contains_the_other_or_is_its_initials(one, other, same):
    assert names.same_name(one.split(), other.split()) == same
    assert names.same_name(other.split(), one.split()) == same


def named(verb, name, kind="person"):
    ops = " ".join(f':op{i} "{w}"' for i, w in enumerate(name.split(), start=1))
    return f"(v / {verb} :ARG0 (p / {kind}~e.0 :name (n / name {ops})))"


def test_names_of_one_kind_merge_to_the_longest():
    graph = merging.merged(
        graphs(named("a-01", "Obama"), named("b-01", "Barack Obama"))
    )
    assert labels(graph) == ["Barack_Obama", "a-01", "b-01"]
    (node,) = [n for n in graph.nodes.values() if n.name]
    assert node.sentences == {0, 1}
    assert node.spots == {Spot(0, 0), Spot(1, 0)}


def test_names_of_two_kinds_or_of_two_bearers_stay_apart():
    kinds = merging.merged(
        graphs(named("a-01", "Hilton"), named("b-01", "Hilton", "hotel"))
    )
    assert labels(kinds).count("Hilton") == 2
    two = merging.merged(
        graphs(named("a-01", "Ann Lee"), named("b-01", "Bo Lee"), named("c-01", "Lee"))
    )
    assert labels(two) == ["Ann_Lee", "Bo_Lee", "a-01", "b-01", "c-01"]


def test_coreference_merges_into_the_first_and_keeps_its_concept():
    said = graphs(DOG, "(s / sleep-01~e.1 :ARG0 (i / it~e.0) :manner (d / deep~e.2))")
    graph = merging.merged(said, [[Spot(0, 0), Spot(1, 0)]])
    assert labels(graph) == ["cat", "chase-01", "deep", "dog", "sleep-01"]
    (dog,) = [n for n in graph.nodes.values() if n.label == "dog"]
    assert dog.sentences == {0, 1}


def test_an_ancestor_is_refused():
    said = graphs("(w / want-01~e.1 :ARG1 (g / go-02~e.2 :ARG0 (b / boy~e.0)))")
    graph = merging.merged(said, [[Spot(0, 1), Spot(0, 0)]])
    assert len(graph) == 3


def test_above_is_a_path_of_forward_edges():
    """As networkx finds it, whichever side the search ends on."""
    rng = random.Random(0)
    for count in range(2, 30):
        merger = merging.Merger([])
        merger.out = {n: {} for n in range(count)}
        merger.into = {n: set() for n in range(count)}
        edges = [(rng.randrange(count), rng.randrange(count)) for _ in range(count)]
        for source, target in edges:
            merger._link(source, ":mod", target, {0})
        graph = networkx.DiGraph(edges)
        graph.add_nodes_from(range(count))
        for one, other in itertools.permutations(range(min(count, 8)), 2):
            assert merger.above(one, other) == networkx.has_path(graph, one, other)


def test_dates_other_names_and_arguments_that_differ_are_refused():
    dates = graphs("(d / date-entity~e.0 :year 1)", "(d / date-entity~e.0 :year 2)")
    people = graphs(named("a-01", "Ann"), named("b-01", "Bo"))
    acts = graphs(
        "(e / eat-01~e.0 :ARG1 (a / apple))", "(e / eat-01~e.0 :ARG1 (p / pear))"
    )
    for said in (dates, people, acts):
        apart = merging.merged(said)
        assert len(merging.merged(said, [[Spot(0, 0), Spot(1, 0)]])) == len(apart)


def test_equal_children_of_merged_nodes_become_one_and_other_roles_fall_away():
    said = graphs(
        "(h / house~e.0 :mod (r / red~e.1))",
        "(h / house~e.0 :mod (r / red~e.1) :poss (s / she~e.2))",
    )
    graph = merging.merged(said, [[Spot(0, 0), Spot(1, 0)]])
    assert labels(graph) == ["house", "red"]


def test_cycles_stay_whole_and_roles_forward():
    text = "(p / procedure :purpose (e / ensure-01 :ARG0 p :ARG1 (q / quality)))"
    graph = merging.merged(graphs(text))
    roles = sorted(link.role for link in graph.links)
    assert roles == [":ARG0", ":ARG1", ":purpose"]
    again = amr.read(amr.write(to_amr(graph)))
    assert sorted(again.instances.values()) == ["ensure-01", "procedure", "quality"]
    assert len(again.edges) == 3


def test_a_document_in_penman_has_one_top():
    graph = merging.merged(graphs(DOG, "(s / sleep-01~e.1 :ARG0 (c / cow~e.0))"))
    written = amr.read(amr.write(to_amr(graph)))
    assert written.instances[written.top] == "multi-sentence"
    assert [e.role for e in written.children(written.top)] == [":snt1", ":snt2"]
