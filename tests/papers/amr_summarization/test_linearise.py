"""A graph as pieces, and back: what can be written is read back, and whatever a network
writes becomes a graph that PENMAN can hold."""

import random

import pytest
import smatch

from papers.amr_summarization import pieces
from papers.amr_summarization.amr import check, read, write
from papers.amr_summarization.delinearise import delinearise
from papers.amr_summarization.linearise import linearise

TEXT = 'The boy wants to go to New York , said " Ann " in 1994'
WORDS = TEXT.split()
GRAPHS = {
    "re-entrant": """(w / want-01~e.2 :ARG0 (b / boy~e.1)
        :ARG1 (g / go-02~e.4 :ARG0 b :polarity - :destination (c / city~e.6
            :name (n / name :op1 "New" :op2 "York"))))""",
    "inverse": "(b / boy~e.1 :ARG0-of (w / want-01~e.2) :consist-of (s / sand))",
    "two parents above no path": """(s / say-01~e.9 :ARG1 (g / go-02~e.4
        :ARG0 (b / boy~e.1 :ARG0-of (w / want-01~e.2 :ARG1 g))))""",
    "name without words": """(a / and :op1 (p / person :name (n / name :op1 "Ann"))
        :op2 (s / say-01~e.9 :ARG0 p))""",
    "numbers and quotes": """(d / date-entity :year 1994 :era "1994"
        :quote "\\"" :mod "16:30")""",
    "cycle": "(w / want-01~e.2 :ARG0 (b / boy~e.1 :ARG1 w))",
    "one node": "(a / amr-unknown)",
}


def f1(a, b) -> float:
    """Smatch of two graphs."""
    lines = [" ".join(write(graph).split()) for graph in (a, b)]
    smatch.match_triple_dict.clear()
    hits, left, right = smatch.get_amr_match(*lines)
    return 2 * hits / (left + right)


@pytest.mark.parametrize("name", GRAPHS)
def test_what_is_written_is_read_back(name):
    amr = read(GRAPHS[name])
    found = delinearise(linearise(amr, WORDS), WORDS)
    assert f1(amr, found.amr) == 1
    assert len(found.amr.instances) == len(amr.instances)
    # A name that stands twice is how an unaligned node is found again.
    assert set(found.repairs) <= {"name that stood twice"}


def test_a_node_keeps_the_word_that_it_is_aligned_to():
    amr = read(GRAPHS["re-entrant"])
    found = delinearise(linearise(amr, WORDS), WORDS).amr
    words = {found.instances[var]: at for var, at in found.tokens.items()}
    assert words == {"want-01": (2,), "boy": (1,), "go-02": (4,), "city": (6,)}


def test_a_concept_is_a_form_of_its_word_or_its_name():
    amr = read("(w / want-01~e.2 :ARG0 (p / person~e.1))")
    written = ["@2", "~1+-01", ":ARG0", "@1", "/person"]
    assert linearise(amr, WORDS) == written
    unknown = {"~1+-01"}
    written = linearise(amr, WORDS, known=lambda piece: piece not in unknown)
    assert written == ["@2", "/want-01", ":ARG0", "@1", "/person"]


@pytest.mark.parametrize(
    ("written", "repair"),
    [
        ("@2 :ARG0 ( @1", "bracket that is not closed"),
        ("@2 :ARG0 @1 )", "bracket too many"),
        ("@2 :ARG0 :ARG1 @1", "role without a value"),
        ("@2 :ARG0 ( ) :ARG1 @1", "role without a value"),
        ("@2 :ARG1 @1 @4", "node without a role"),
        ("@2 ( :ARG1 @1", "bracket without a role"),
        (":ARG0 @2 :ARG1 @1", "role before the top"),
        ("@2 =- :ARG1 @1", "constant without a role"),
        ("@2 :ARG1 @1 ~1+-01 ~1+-01", "piece that belongs nowhere"),
        ("@2 :ARG1 @1 @99", "piece that belongs nowhere"),
        ("@2 :ARG0 @2 :ARG1 @1", "edge from a node to itself"),
        ("@2 :ARG1 @1 :polarity-of =-", "constant under an inverse role"),
    ],
)
def test_each_repair_is_counted_and_keeps_the_rest(written, repair):
    found = delinearise(written.split(), WORDS)
    assert found.repairs[repair] == 1
    assert {"wants", "boy"} & set(found.amr.instances.values())
    assert read(write(found.amr)).instances == found.amr.instances


def test_nothing_becomes_the_empty_graph():
    found = delinearise([], WORDS)
    assert write(found.amr) == "(a / amr-empty)"
    assert found.repairs["nothing that could be read"] == 1


def test_any_pieces_become_a_graph_that_penman_holds():
    drawn = random.Random(0)
    odd = ["/a b", "/(", '="x', "=16:30", "=a~e.1", "/", "=", "_the", "/é", '/"', "=-"]
    usual = ["(", ")", ":ARG0", ":ARG0-of", ":name", ":op1", "/and", "~1+-01", '~"']
    usual += ["~=", *map(pieces.pointer, range(len(WORDS) + 2))]
    for _ in range(300):
        written = [drawn.choice(usual + odd) for _ in range(drawn.randrange(1, 40))]
        amr = delinearise(written, WORDS).amr
        check(amr)
        again = read(write(amr))
        assert again.instances == amr.instances
        assert set(again.edges) == set(amr.edges)
        assert set(again.attributes) == set(amr.attributes)


@pytest.mark.parametrize(
    ("word", "wanted"),
    [("wants", "want-01"), ("New", "new"), ("cities", "city"), ("is", "i")],
)
def test_a_form_makes_the_word_that_it_was_made_for(word, wanted):
    assert pieces.formed(word, pieces.form(word, wanted)) == wanted


def test_unlike_words_are_no_forms_of_each_other():
    assert pieces.form("went", "go-01") is None
    assert pieces.form("is", "be-01") is None
