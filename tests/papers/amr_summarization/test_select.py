"""Would fail if the selection took other nodes than the description says."""

import math

import pytest

from common.text import parses
from papers.amr_summarization import (
    amr,
    documents,
    importance,
    merging,
    select,
    summarise,
    toy,
)
from papers.amr_summarization.config import Select
from papers.amr_summarization.document_graph import to_amr
from papers.amr_summarization.select import all_paths

STORY = """
Anna Smith bought a small farm near the river in May. The farm had twenty cows and an
old barn. In June a storm hit the farm, and Smith lost nine cows. The river rose and the
barn fell. Neighbours helped Smith build a new barn. The bank gave her money for cows.
She sold milk to the bank's workers. In winter the farm earned money, and the bank was
happy. Smith says the storm was good for the farm.
"""


@pytest.fixture(scope="module")
def story():
    made = documents.of_text("story", STORY, parses.parser("chunks"))
    return summarise.analysed(made, coreferences="rules", names=True)


def three():
    said = [
        "(s / see-01 :ARG0 (d / dog~e.0) :ARG1 (c / cat~e.1))",
        "(r / run-02 :ARG0 (d / dog~e.0))",
        "(s / sleep-01 :ARG0 (c / cat~e.0) :location (h / house~e.1))",
    ]
    clusters = [[(0, 0), (1, 0)], [(0, 1), (2, 0)]]
    spots = [[importance.Spot(*s) for s in cluster] for cluster in clusters]
    return merging.merged([amr.read(text) for text in said], spots), spots


def keys(**options):
    graph, clusters = three()
    tree = parses.Parsed(("a", "b"), ("NN", "NN"), (-1, 0), ("root", "nmod"))
    trees = [tree] * 3
    return importance.keys(graph, trees, clusters, **options)


def test_tf_counts_sentences_and_ties_go_to_the_earliest():
    found = [(key.label, key.score) for key in keys()]
    assert found[:2] == [("dog", 2), ("cat", 2)]
    assert [label for label, _ in found[2:]] == [
        "see-01",
        "run-02",
        "sleep-01",
        "house",
    ]


def test_tfidf_is_tf_times_log_of_documents_over_those_that_have_it():
    idf = importance.inverse_frequencies([["dog"], ["Dog", "cat"], ["dog"], ["see"]])
    assert idf == pytest.approx(
        {"dog": math.log(4 / 3), "cat": math.log(4), "see": math.log(4)}
    )
    found = {key.label: key.score for key in keys(scores="tfidf", idf=idf)}
    assert found["dog"] == pytest.approx(2 * math.log(4 / 3))
    assert found["cat"] == pytest.approx(2 * math.log(4))
    assert found["see-01"] == pytest.approx(math.log(4))
    assert found["house"] == importance.UNKNOWN_IDF


def test_top_idf_orders_the_best_five_alone():
    idf = dict.fromkeys(("dog", "cat", "see", "run", "sleep"), 0.1)
    found = keys(scores="top_idf", idf=idf)
    assert found[-1].label == "house"
    assert found[-1].score == 1
    assert found[0].score == pytest.approx(0.2)


def test_common_nouns_that_come_again_are_meta_nodes():
    said = ["(h / house~e.0 :mod (r / red))", "(h / house~e.0 :mod (b / blue))"]
    graph = merging.merged([amr.read(text) for text in said])
    trees = [parses.Parsed(("house",), ("NN",), (-1,), ("root",))] * 2
    best = importance.keys(graph, trees)[0]
    assert (best.label, best.score, best.meta, len(best.nodes)) == ("house", 2, True, 2)
    assert not any(key.meta for key in importance.keys(graph, trees, meta=False))


@pytest.mark.parametrize("as_released", [False, True])
@pytest.mark.parametrize("extend", ["tuple", "sentence", "path"])
def test_the_selected_graph_is_connected_and_part_of_the_document(
    story, extend, as_released
):
    options = Select(extend=extend, as_released=as_released, meta=False)
    for ratio in (0.05, 0.2, 0.6):
        target = ratio * len(story.graph)
        size = summarise.node_size(story.graph, target, options.slack)
        made = summarise.summary(story, options, size)
        assert len(made.graph.components()) == 1
        assert made.graph.nodes.items() <= story.graph.nodes.items()
        assert made.graph.links.items() <= story.graph.links.items()
        amr.check(to_amr(made.graph))


def test_the_summary_grows_until_the_target_less_the_slack(story):
    options = Select()
    counts = []
    for ratio in (0.05, 0.15, 0.3):
        size = summarise.node_size(story.graph, ratio * len(story.graph), options.slack)
        pieces, _ = summarise.selection(story, options, size)
        assert size.reached(pieces)
        assert not size.reached(pieces[:-1])
        counts.append(len({n for p in pieces for n in p.nodes}))
    assert counts == sorted(counts)


def test_oracle_and_ratio_differ_in_their_target_alone(story):
    """The same target by either way is the same summary."""
    options = Select()
    by_ratio = summarise.node_size(story.graph, 0.25 * len(story.graph), 0.04)
    oracle = summarise.node_size(story.graph, float(0.25 * len(story.graph)), 0.04)
    assert by_ratio == oracle
    texts = {summarise.summary(story, options, s).text for s in (by_ratio, oracle)}
    assert len(texts) == 1


def test_two_runs_are_equal():
    def run():
        made = documents.of_text("story", STORY, parses.parser("chunks"))
        found = summarise.analysed(made, coreferences="rules", names=True)
        summary = summarise.summary(found, Select(), summarise.Size(words=40))
        return summary.text, amr.write(to_amr(summary.graph))

    assert run() == run()


def test_sentences_of_a_summary_come_from_where_they_say(story):
    made = summarise.summary(story, Select(), summarise.Size(words=40))
    assert [line.sentence for line in made.lines] == sorted(
        line.sentence for line in made.lines
    )
    for line in made.lines:
        words = story.document.sentences[line.sentence].words
        for i in line.words:
            if words[i].isalpha() and words[i].lower() not in ("she", "and"):
                assert words[i].lower() in line.text.lower()


def test_one_key_node_alone_gives_the_first_sentence():
    made = documents.of_text("one", "Hello.", parses.parser("chunks"))
    found = summarise.analysed(made, coreferences="rules", names=True)
    assert summarise.summary(found, Select(), summarise.Size(words=9)).text == "Hello."


def test_as_released_a_pair_whose_earliest_sentence_is_used_yields_nothing():
    said = [
        "(s / see-01~e.0 :ARG0 (d / dog~e.1) :ARG1 (c / cat~e.2) :ARG2 (e / elk~e.3))",
        "(f / feed-01~e.0 :ARG0 (d / dog~e.1) :ARG1 (e / elk~e.2))",
    ]
    spots = [[(0, 1), (1, 1)], [(0, 3), (1, 2)]]
    clusters = [[importance.Spot(*s) for s in cluster] for cluster in spots]
    graph = merging.merged([amr.read(text) for text in said], clusters)
    by_label = {node.label: n for n, node in graph.nodes.items()}
    order = [importance.Key((by_label[x],), x, 1.0, 0) for x in ("dog", "cat", "elk")]
    lengths = [4, 3]
    described = list(select.pieces(graph, order, [(), ()], lengths))
    released = list(select.pieces(graph, order, [(), ()], lengths, as_released=True))
    assert [p.sentence for p in described] == [0, 1]
    assert [p.sentence for p in released] == [0]


def test_the_released_paths_are_all_simple_paths():
    square = {0: [1, 3], 1: [0, 2], 2: [1, 3], 3: [0, 2]}
    assert sorted(all_paths(square, 0, 2)) == [(0, 1, 2), (0, 3, 2)]


def test_toy_documents_have_gold_graphs_and_summaries():
    made = toy.made()
    assert [d.name for d in made] == ["bridge", "wolf", "vote"]
    for document in made:
        assert document.references
        for graph in document.graphs:
            assert all(graph.tokens.values())
            amr.check(graph)
