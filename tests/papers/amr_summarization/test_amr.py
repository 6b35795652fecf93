"""Would fail if a graph changed on its way through PENMAN or a broken one were read."""

import pytest

from common.contract import UserError
from papers.amr_summarization import amr

GRAPHS = (
    "(b / believe-01 :ARG0 (i / i))",
    "(w / want-01 :ARG0 (b / boy) :ARG1 (g / go-02 :ARG0 b :polarity -))",
    "(b / boy :ARG0-of (s / sing-01) :ARG1-of (l / like-02 :ARG0 (g / girl)))",
    '(p / person :name (n / name :op1 "Jo:e" :op2 "O\'Neil (jr)") :age 16)',
    "(r / ring :consist-of (g / gold) :prep-on-behalf-of (k / king))",
    "(a / and :op1 (x / x) :op2 (y / y :mod x :mod-of x))",
    "(d / date-entity :time 16:30 :year 2012)",
)


@pytest.mark.parametrize("text", GRAPHS)
def test_what_is_written_reads_back_equal(text):
    graph = amr.read(text)
    again = amr.read(amr.write(graph, aligned=True))
    assert set(again.triples()) == set(graph.triples())
    assert again.top == graph.top


def test_roles_are_forward_and_alignments_kept_on_inverted_ones():
    graph = amr.read("(b / boy~e.1 :ARG0-of~e.2 (s / sing-01~e.2,3 :polarity -~e.5))")
    assert graph.edges == (("s", ":ARG0", "b"),)
    assert graph.tokens == {"b": (1,), "s": (2, 3, 5)}
    again = amr.read(amr.write(graph, aligned=True))
    assert again.tokens == graph.tokens


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("(a / b", "1 of its brackets are not closed"),
        ("(a / b))", "ends before"),
        ("(a / b) (c / d)", "ends before"),
        ("", "no graph"),
        ("hello", "no graph"),
        ("(a :ARG0 (b / b))", "a has no concept"),
        ("(a / b :ARG0 a9)", "a9 has no concept"),
        ("(a / b :ARG0 (a / c))", "two concepts, b and c"),
        ("(a / b :ARG0)", "no value"),
        ('(a / b :op1 "x)', "is no graph"),
        ("(a / b :op1 " * 900 + "a" + ")" * 900, "900 deep"),
    ],
)
def test_a_broken_graph_is_refused_in_one_line(text, wrong):
    with pytest.raises(UserError, match=wrong) as refused:
        amr.read(text)
    assert "\n" not in str(refused.value)


def test_a_graph_in_two_parts_is_not_written():
    with pytest.raises(UserError, match="not connected"):
        amr.write(amr.Amr("a", {"a": "x", "b": "y"}))


def test_a_broken_block_of_a_file_leaves_the_others():
    text = "# ::id d.1 ::snt-type body\n# ::snt Hi.\n(a / b\n\n\n# ::id 2\n(c / d)\n"
    first, second = amr.blocks(text)
    assert first.metadata == {"id": "d.1", "snt-type": "body", "snt": "Hi."}
    assert (first.line, second.line) == (1, 6)
    assert amr.read(second.text).instances == {"c": "d"}
