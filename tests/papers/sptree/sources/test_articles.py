"""If these fail, labels are of no graph, or an article is in two splits."""

from papers.sptree.gazetteer import gazetteer
from papers.sptree.sources import articles

SETS = articles.read("chunks").sentences


def test_an_article_is_in_one_split():
    titles = {split: {s.name.split("/")[0] for s in v} for split, v in SETS.items()}
    assert not titles["train"] & titles["test"]
    assert not titles["train"] & titles["valid"]
    assert not titles["valid"] & titles["test"]
    assert len(SETS["train"]) > 1000
    assert len(SETS["test"]) > 250


def relations(text: str) -> list[tuple]:
    words = text.split()
    found = list(gazetteer().found(words))
    said = []
    for i, first in enumerate(found):
        for second in found[i + 1 :]:
            names = [" ".join(words[a:b]) for a, b, _ in (first, second)]
            said.append((*names, gazetteer().relation(first[2], second[2])))
    return said


def test_labels_are_what_the_graph_says():
    assert relations("Paris is nowhere near France") == [
        ("Paris", "France", ("capital_of", False))
    ]
    assert relations("The French left Spain") == [("French", "Spain", None)]
    assert relations("France and Spain") == [("France", "Spain", ("borders", False))]
    assert relations("Europe without Denmark") == [
        ("Europe", "Denmark", ("located_in", True))
    ]
    assert relations("Norway and Chile") == [("Norway", "Chile", None)]


def test_the_longest_name_counts():
    words = ["South", "Africa", "and", "Guinea-Bissau", "and", "male"]
    found = [(a, b, n.kind) for a, b, n in gazetteer().found(words)]
    assert (0, 2, "country") in found


def test_sentences_have_two_names_and_a_tree():
    for sentence in SETS["test"]:
        assert len(sentence.entities) > 1
        assert sentence.parsed.heads.count(-1) == 1
        assert len(sentence.parsed.spans) == len(sentence.parsed)
