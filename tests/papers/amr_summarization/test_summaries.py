"""Would fail if what a user gives were lost, or a score were another's."""

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from common.contract import Table, UserError
from common.text import chunk_parser, parses
from papers.amr_summarization import (
    agreement,
    amr,
    baselines,
    figures,
    measure,
    tables,
    variants,
)
from papers.amr_summarization.evaluate import evaluate
from papers.amr_summarization.predict import predict, predicts_untrained
from papers.amr_summarization.rules import graph_of
from papers.amr_summarization.selection import coreference, open_tuples, summarise
from papers.amr_summarization.selection.document_graph import (
    DocumentGraph,
    Node,
    Spot,
)
from papers.amr_summarization.sources import documents, material, toy
from papers.amr_summarization.wording import graph_text, realise

TEXT = "The company bought a bank. The bank lost money. Ann Lee leads the company."


@pytest.fixture
def config():
    found = variants.get_config("smoke")
    found.predict.trees = "chunks"
    found.predict.drawn = 0
    return found


def told(config, inputs):
    return "".join(str(v) for v in predict(config, None, inputs) if isinstance(v, str))


def test_plain_text_becomes_a_summary_with_sources(config):
    values = [*predict(config, None, TEXT)]
    text = next(v for v in values if isinstance(v, str) and v.strip())
    assert text.strip() in TEXT
    (table,) = [v for _, v in (v for v in values if isinstance(v, tuple))]
    assert isinstance(table, Table)
    assert all(1 <= row[0] <= 3 for row in table.rows)


def test_a_larger_ratio_is_a_longer_summary(config):
    lengths = []
    for ratio in (0.01, 0.9):
        config.predict.ratio = ratio
        (first, *_) = [
            v for v in predict(config, None, TEXT) if isinstance(v, str) and v
        ]
        lengths.append(len(first))
    assert lengths[0] < lengths[1]


def test_a_summary_that_is_smaller_than_asked_for_says_so(config):
    for words, short in ((4, False), (900, True)):
        config.predict.words = words
        values = [v for v in predict(config, None, TEXT) if isinstance(v, tuple)]
        ((_, table),) = values
        assert ("less than the 900 words" in table.note) == short


def test_files_of_every_kind_are_read_and_results_written(config, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text(TEXT)
    (folder / "b.penman").write_text(toy.PENMAN)
    rows = ["Dogs NNS 2 nsubj", "bark VBP 0 root", ". . 2 punct"]
    lines = []
    for i, row in enumerate(rows, start=1):
        word, tag, head, arc = row.split()
        lines.append(f"{i}\t{word}\t{word.lower()}\t_\t{tag}\t_\t{head}\t{arc}\t_\t_")
    (folder / "c.conllu").write_text("\n".join(lines) + "\n\n")
    (folder / "d.txt").write_text("")
    (folder / ".hidden").write_text("(a / b")
    config.predict.out = str(tmp_path / "out")
    config.predict.drawn = 10
    values = [*predict(config, None, str(folder))]
    said = "".join(v for v in values if isinstance(v, str))
    assert "skipped d.txt" in said
    assert "hidden" not in said
    results = dict(v for v in values if isinstance(v, tuple))
    assert results["Graph, 1 a.txt"] == tmp_path / "out" / "a.txt.png"
    assert results["Graph in PENMAN, 5 c"] == tmp_path / "out" / "c.penman"
    names = {v.name for v in results.values() if isinstance(v, Path)}
    assert names == {p.name for p in (tmp_path / "out").iterdir()}
    for stem in ("a.txt", "bridge", "wolf", "vote", "c"):
        assert {f"{stem}{e}" for e in (".txt", ".penman", ".dot", ".png")} <= names
    written = (tmp_path / "out" / "bridge.penman").read_text()
    assert amr.read(written).instances
    assert (tmp_path / "out" / "c.txt").read_text() == "Dogs bark.\n"


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.json", '{"text": "The bank lost money."}', "JSON"),
        ("a.txt", '{"text": "One."}\n{"text": "Two."}\n', "JSON"),
        ("a.html", "\n<!DOCTYPE html><p>The bank lost money.", "HTML"),
        ("a.xml", "<?xml version='1.0'?><p>The bank lost money.</p>", "XML"),
    ],
)
def test_words_of_no_prose_are_not_summarised(config, tmp_path, name, text, kind):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=f"is {kind}"):
        told(config, str(tmp_path / name))


def test_a_bracket_may_begin_a_text(config, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("[Reuters] The bank lost money.")
    assert "bank" in told(config, str(path))


def test_files_of_one_name_do_not_overwrite_each_other(config, tmp_path):
    for folder, text in (("a", TEXT), ("b", "A dog ran to the house.")):
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "x.txt").write_text(text)
    config.predict.out = str(tmp_path / "out")
    told(config, str(tmp_path / "in"))
    names = sorted(p.name for p in (tmp_path / "out").glob("*.txt"))
    assert names == ["x.txt-2.txt", "x.txt.txt"]


def test_every_summary_of_one_file_has_files_of_its_own(config, tmp_path):
    """Whatever the folder is called."""
    path = tmp_path / "x.penman"
    path.write_text(toy.PENMAN)
    config.predict.out = str(tmp_path / "out.txt")
    told(config, str(path))
    assert len([*(tmp_path / "out.txt").glob("*.txt")]) == 3
    told(config, TEXT)  # into the folder that is there
    assert (tmp_path / "out.txt" / "summary.dot").exists()


def test_columns_of_a_treebank_are_no_text_whatever_the_ending(config, tmp_path):
    path = tmp_path / "x.txt"
    row = "1\tGo\tgo\t_\tVB\t_\t0\troot\t_\t_"
    path.write_text(row + "\n")
    assert "go-02" in told(config, str(path))
    path.write_text(row + "\n2\tnow\n")
    with pytest.raises(UserError, match="line 2 has 2 columns"):
        told(config, str(path))


def test_given_graphs_without_summaries_are_what_rules_are_measured_on(tmp_path):
    path = tmp_path / "x.penman"
    path.write_text("# ::snt Ann sings .\n(s / sing-01 :ARG0 (a / ann))\n")
    found = variants.get_config("smoke")
    found.eval.documents = "files"
    found.eval.root = str(path)
    made = material.of(found)
    assert 0 < tables.smatch_of_given(made) < 1
    assert made.summarised().documents == ()
    (tmp_path / "y.txt").write_text(TEXT)
    found.eval.root = str(tmp_path / "y.txt")
    with pytest.raises(UserError, match="has no summaries"):
        material.of(found)
    found.eval.root = str(tmp_path / "nothing")
    with pytest.raises(UserError, match="does not exist"):
        material.of(found)


@pytest.mark.parametrize(
    ("inputs", "wrong"),
    [
        ("", "empty"),
        ("???", "no words"),
        ("(a / b :ARG0 (c / d)", "line 1.*not closed"),
        ("# ::id x\n(a / b)\n\n(a / b))", "line 4.*ends before"),
        ("no/such.txt", "does not exist"),
        ("FILE:no such", "does not exist"),
        ("Der Hund und die Katze liegen im Garten unter einem Baum.", "not English"),
        ("这是一个句子。", "not English"),
    ],
)
def test_bad_input_is_one_clear_line(config, inputs, wrong):
    with pytest.raises(UserError, match=wrong) as refused:
        told(config, inputs)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("inputs", ["Hello.", "No verbs here today", "Yes!", "x y z"])
def test_small_input_gives_a_small_summary(config, inputs):
    assert told(config, inputs).split()


def test_rules_alone_need_no_trained_state():
    config = variants.get_config()
    assert predicts_untrained(config)
    config.predict.text = "trained"
    assert not predicts_untrained(config)
    config.predict.text = "rules"
    config.predict.graphs = "trained"
    assert not predicts_untrained(config)


def test_a_trained_part_of_the_other_run_is_refused(config):
    config.predict.text = "trained"
    with pytest.raises(UserError, match="--run=generator"):
        told(config, TEXT)


def test_the_report_measures_every_summary_alike(config):
    """Without trained runs: tables of summaries need none."""
    values = [*evaluate(config, {})]
    names = [name for name, _ in values]
    assert len(set(names)) == len(names)
    table = dict(values)["Summaries"]
    rows = {row[0]: row[1:] for row in table.rows}
    assert {"lead", "lead-3", "TextRank", "random", "ours", "ours, as released"} < {
        *rows
    }
    assert any("oracle" in name for name in rows)
    assert rows["lead"][-1] == rows["ours"][-1] == config.eval.words
    for row in rows.values():
        assert all(0 <= value <= 100 for value in row)
    assert [*evaluate(config, {})][-1][1].rows == dict(values)["Summary"].rows


def test_overlap_counts_labels_as_often_as_both_have_them():
    found = measure.overlap(Counter("aab"), Counter("abbc"))
    assert found == pytest.approx((2 / 3, 2 / 4, 4 / 7))
    assert measure.overlap(Counter(), Counter("a")).f1 == 0


def test_a_reference_scores_one_against_itself():
    made = documents.of_text("x", TEXT, parses.parser("chunks"))
    found = summarise.analysed(made, coreferences="rules", names=True)
    wanted = measure.reference(TEXT, "chunks", 0)
    scores = measure.scored(found, [*baselines.lead(found)], [wanted])
    assert scores[:9] == pytest.approx((1,) * 9)


def test_smatch_of_a_graph_with_itself_is_one_and_of_strangers_low():
    graphs = [graph for document in toy.made() for graph in document.graphs]
    for graph in graphs:
        assert agreement.smatch([(graph, graph)]).f1 == 1
    assert agreement.smatch([(graphs[0], graphs[-1])]).f1 < 0.5


def test_cut_keeps_the_most_important_words_in_the_documents_order():
    made = documents.of_text("x", TEXT, parses.parser("chunks"))
    found = summarise.analysed(made, coreferences="rules", names=True)
    pieces = [*baselines.in_order(found, (2, 0, 1))]
    kept = measure.cut(pieces, 9)
    assert [(p.sentence, len(p.words)) for p in kept] == [(0, 3), (2, 6)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Ann was taller than Bo .", "Ann was more tall than Bo"),
        ("He was too young to see it .", "he was too young to see it"),
        ("But he slept because it rained .", "he slept because it rained"),
        ("She ran like a horse .", "she ran like the horse"),
        ("She came on Tuesday .", "she came on Tuesday"),
        ("She paid 4.5 million euros .", "she paid 4500000 euros"),
    ],
)
def test_a_graph_is_said_again(text, said):
    graph = graph_of(chunk_parser.parse(text.split()))
    assert " ".join(graph_text.words(graph)) == said


def test_textrank_prefers_the_sentence_that_shares_most():
    sets = [frozenset("abcd"), frozenset("abef"), frozenset("cdef"), frozenset("xy")]
    sets[0] = frozenset("abcdef")
    ranks = baselines.sentence_ranks(sets)
    assert max(ranks, key=ranks.get) == 0
    assert min(ranks, key=ranks.get) == 3
    assert sum(ranks.values()) == pytest.approx(1)


def clusters_of(text):
    made = [chunk_parser.parse(s.split()) for s in text.split(" | ")]
    found = coreference.clusters(made)
    return [[made[s.sentence].words[s.token] for s in group] for group in found]


def test_definite_nouns_and_pronouns_join_what_they_mean():
    assert ["man", "he"] in clusters_of("A man came . | he slept .")
    assert ["bank", "bank"] in clusters_of("A bank failed . | The bank closed .")
    assert clusters_of("A bank failed . | A bank closed .") == []
    assert clusters_of("I slept . | You slept .") == []
    assert clusters_of("A woman saw her .") == []
    assert clusters_of("A woman saw herself .") == [["woman", "herself"]]
    assert clusters_of("A house fell . | She slept .") == []
    assert clusters_of("A man saw a boy . | he slept .") == []  # two may be meant
    assert clusters_of("Bo said Bo ran . | he slept .") == [["Bo", "he"]]


def test_an_adverb_that_is_tagged_as_a_name_is_nobody():
    tags = ("NNP", "VBD", "NNP")
    arcs = ("nsubj", "root", "obj")
    one = parses.Parsed(("Bo", "slept", "there"), tags, (1, -1, 1), arcs)
    found = coreference.clusters([one, chunk_parser.parse(["He", "ran"])])
    assert [[spot.token for spot in group] for group in found] == [[0, 0]]


def test_tuples_have_subject_predicate_and_what_hangs_on_it():
    tree = parses.Parsed(
        ("Ann", "gave", "dogs", "food", "in", "May", "because", "Bo", "slept"),
        ("NNP", "VBD", "NNS", "NN", "IN", "NNP", "IN", "NNP", "VBD"),
        (1, -1, 1, 1, 5, 1, 8, 8, 1),
        ("nsubj", "root", "iobj", "obj", "case", "obl", "mark", "nsubj", "advcl"),
    )
    found = [t.words for t in open_tuples.tuples(tree)]
    assert (0, 1, 2, 3, 4, 5) in found
    assert (0, 1, 2, 3) in found
    assert (6, 7, 8) in found


def test_a_list_stays_whole_in_a_tuple():
    """Without its middle the time would be another."""
    text = "Ann , the boss , won in 2 hours , 21 minutes and 4 seconds on Monday ."
    tree = chunk_parser.parse(text.split(" "))
    words = max((t.words for t in open_tuples.tuples(tree)), key=len)
    said = realise.sentence(tree, words)
    assert said == "Ann won in 2 hours, 21 minutes and 4 seconds on Monday."


def test_kept_words_become_a_sentence():
    text = 'But he , said Ann , " bought it for $ 5 ( cash and'
    words = tuple(text.split(" "))
    tree = parses.Parsed(words, ("X",) * 15, (-1, *(0,) * 14), ("x",) * 15)
    assert realise.sentence(tree, range(15)) == "He, said Ann, bought it for $5 cash."
    assert realise.sentence(tree, range(15), {1: "Bo"}).startswith("Bo, said Ann")
    for words, said in ((["Not", "yet", "."], "Not yet."), (["Not", "yet"], "Not.")):
        rest = [] if "." in words else ["here"]
        tree = chunk_parser.parse([*words, *rest])
        assert realise.sentence(tree, range(len(words))) == said


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (
            "(w / want-01 :ARG0 (b / boy) :ARG1 (g / go-02 :ARG0 b))",
            "the boy wanted to go",
        ),
        ("(s / see-01 :ARG1 (h / he) :polarity -)", "he was not seen"),
        ("(p / possible-01 :ARG1 (s / sing-01 :ARG0 (i / i)))", "i can sing"),
        ("(b / big :domain (h / house))", "the house is the big"),
        ("(a / and :op1 (c / cat) :op2 (d / dog))", "the cat and the dog"),
    ],
)
def test_a_graph_is_read_out_by_rules(graph, words):
    assert " ".join(graph_text.words(amr.read(graph))) == words


def test_dot_has_every_node_and_edge():
    found = summarise.analysed(toy.made()[0], coreferences="rules", names=True)
    text = figures.dot(found.graph)
    assert text.count("label=") == len(found.graph) + len(found.graph.links)
    assert '"ARG0"' in text
    assert figures._escaped('a"\n') == 'a\\"\\n'


def test_a_dollar_sign_in_a_node_begins_no_formula():
    graph = DocumentGraph({0: Node("b$\\frac$", sentences=frozenset([0]))}, {}, (0,))
    figures.drawn(graph, 9).draw_without_rendering()


def test_given_coreference_of_a_treebank_is_used():
    made = documents.of_text("x", "A dog ran. A wolf slept.", parses.parser("chunks"))
    made = dataclasses.replace(made, clusters=((Spot(0, 1), Spot(1, 1)),))
    given = summarise.analysed(made, coreferences="given", names=True)
    rules = summarise.analysed(made, coreferences="rules", names=True)
    assert len(given.graph) == len(rules.graph) - 1
