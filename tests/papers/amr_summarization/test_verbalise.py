"""Sentences as pieces that point to a graph, and back."""

import pytest

from papers.amr_summarization import generated, pieces, verbalise
from papers.amr_summarization.amr import read

TEXT = "The old boys visited New York ; one boy was sick"
WORDS = TEXT.split()
AMR = read("""(m / multi-sentence
    :snt1 (v / visit-01~e.3 :ARG0 (b / boy~e.2 :mod (o / old~e.1))
        :ARG1 (c / city :name (n / name~e.4,5 :op1 "New" :op2 "York")))
    :snt2 (s / sick-05~e.10 :ARG1 (b2 / boy~e.8)))""")


def anything(piece: str) -> bool:
    del piece
    return True


def test_words_are_forms_of_the_items_that_are_aligned_to_them():
    graph = verbalise.graph_items(AMR)
    written = verbalise.target(WORDS, graph, AMR, anything)
    own = [
        graph.items[place] for p in written if (place := pieces.pointed(p)) is not None
    ]
    assert own == ["/old", "/boy", "/visit-01", '="New"', '="York"', "/boy", "/sick-05"]
    places = [pieces.pointed(p) for p in written if pieces.pointed(p) is not None]
    assert len(set(places)) == len(places)  # the boys are two nodes
    assert "_the" in written
    assert "~0+ed" in written


def test_words_come_back_in_small_letters_but_for_constants():
    graph = verbalise.graph_items(AMR)
    written = verbalise.target(WORDS, graph, AMR, anything)
    expected = ["the", *WORDS[1:]]
    assert verbalise.words_of(written, graph.items) == expected


def test_every_item_that_means_a_word_has_its_variable():
    for pair in generated.pairs(30, seed=5):
        graph = verbalise.graph_items(pair.amr)
        for item, owner in zip(graph.items, graph.owners, strict=True):
            if item.startswith(pieces.CONCEPT):
                assert item == pieces.CONCEPT + pair.amr.instances[owner]
            elif item.startswith(pieces.CONSTANT):
                values = [a.value for a in pair.amr.attributes if a.var == owner]
                assert item.removeprefix(pieces.CONSTANT) in values
            else:
                assert owner == ""


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ([], []),
        (["@99", "_a"], ["a"]),
        (["@1"], []),  # a role
        (["~0+s", "_a", "~0+s"], ["a"]),
        (["@0", "@0", "~0+s"], ["multi-sentence", "multi-sentences"]),
        (["@0", "~99+"], []),
        ([":ARG0", "/and", "(", "_"], []),
    ],
)
def test_pieces_that_mean_nothing_are_skipped(written, words):
    items = verbalise.graph_items(AMR).items
    assert verbalise.words_of(written, items) == words
