"""Batches and their negatives. A failure means that training calls a true triple false,
or reads other triples than those of the graph."""

import numpy as np
import pytest

from common.config import changed
from common.contract import UserError
from common.data.completions import repeated
from common.data.triples import Graph, from_arrays
from papers import knowledge_graph as kg
from papers.knowledge_graph import countries
from papers.knowledge_graph.data import Corruption, spaced
from tests.papers.knowledge_graph import graphs


def negatives(batch):
    """(head, relation, tail) of every negative, and whether it counts."""
    shape = batch["wrong"].shape
    head, relation, tail = (
        np.broadcast_to(batch[name][:, None], shape)
        for name in ("head", "relation", "tail")
    )
    heads = np.where(batch["replaces_head"], batch["wrong"], head)
    tails = np.where(batch["replaces_head"], tail, batch["wrong"])
    return np.stack([heads, relation, tails], axis=-1), batch["valid"] > 0


def test_negatives_are_no_triples_of_the_training_set():
    config = graphs.config()
    known = {tuple(triple) for triple in kg.graph(config).train.tolist()}
    for batch in graphs.train_batches(config, 20):
        triples, valid = negatives(batch)
        assert valid.all()
        assert not known & {tuple(t) for t in triples.reshape(-1, 3).tolist()}


def test_without_the_filter_any_entity_may_stand_there():
    config = changed(graphs.config(), {"data.filtered": False, "data.negatives": 500})
    (batch,) = graphs.train_batches(config, 1)
    assert len(np.unique(batch["wrong"])) == graphs.ENTITIES
    known = {tuple(triple) for triple in kg.graph(config).train.tolist()}
    assert known & {tuple(t) for t in negatives(batch)[0].reshape(-1, 3).tolist()}


def test_a_question_that_every_entity_answers_has_no_negative():
    """Its place is masked, and the other side is not."""
    triples = np.array([[0, 0, tail] for tail in range(4)] + [[1, 1, 2], [1, 1, 3]])
    graph = Graph(tuple("abcd"), ("r", "s"), triples, triples[:1], triples[:1])
    config = changed(graphs.config(), {"data.negatives": 50})
    batch = {"head": triples[:, 0], "relation": triples[:, 1], "tail": triples[:, 2]}
    draws = np.random.default_rng(0).random((len(triples), 100))
    made = Corruption(config, graph)(batch, draws)
    full = ~made["replaces_head"] & (made["relation"] == 0)[:, None]
    np.testing.assert_array_equal(made["valid"] == 0, full)
    assert full.any()
    assert (made["wrong"] >= 0).all()


@pytest.mark.parametrize(
    ("corruption", "share"), [("bernoulli", 0.8), ("uniform", 0.5)]
)
def test_the_side_of_a_negative_follows_the_relation(corruption, share):
    """A head with four tails: tph / (tph + hpt) is 4 / 5."""
    triples = np.array([[h, 0, 10 + 4 * h + t] for h in range(8) for t in range(4)])
    graph = from_arrays(triples, triples[:1], triples[:1])
    config = changed(
        graphs.config(), {"data.corruption": corruption, "data.negatives": 400}
    )
    batch = {"head": triples[:, 0], "relation": triples[:, 1], "tail": triples[:, 2]}
    draws = np.random.default_rng(0).random((len(triples), 800))
    made = Corruption(config, graph)(batch, draws)
    assert np.mean(made["replaces_head"]) == pytest.approx(share, abs=0.02)


def test_an_epoch_reads_every_triple_once():
    config = changed(graphs.config(), {"data.batch_size": 15})
    train = kg.graph(config).train
    assert len(train) % 15 == 0
    batches = graphs.train_batches(config, len(train) // 15)
    columns = [[b[name] for b in batches] for name in ("head", "relation", "tail")]
    read = np.stack([*map(np.concatenate, columns)], axis=1)
    np.testing.assert_array_equal(read[np.lexsort(read.T)], train[np.lexsort(train.T)])


def test_the_generated_board_has_the_triples_it_says():
    graph = kg.graph(kg.get_config("smoke"))
    assert (len(graph.all), len(graph.train), len(graph.test)) == (313, 251, 31)
    assert len(np.unique(graph.all, axis=0)) == 313


def test_the_countries_are_a_graph_without_leaks():
    """No test triple stands in training, a border in no direction twice, and nothing
    occurs for the first time in a test."""
    graph = kg.graph(kg.get_config())
    assert len(graph.relations) == 10
    assert len(graph.all) == len({*countries._geography(), *countries._culture()})
    assert len(graph.train) > 2000
    assert len(graph.test) > 150
    assert repeated(graph, "test") == repeated(graph, "valid") == 0
    borders = graph.relations.index("borders")
    pairs = graph.all[graph.all[:, 1] == borders][:, [0, 2]]
    assert len(np.unique(np.sort(pairs, axis=1), axis=0)) == len(pairs)
    assert {*graph.all[:, 0]} | {*graph.all[:, 2]} == {*graph.train[:, 0]} | {
        *graph.train[:, 2]
    }


def test_a_part_of_a_split_is_spread_over_it():
    triples = np.arange(30).reshape(10, 3)
    np.testing.assert_array_equal(spaced(triples, 5), triples[::2])
    assert len(spaced(triples, 0)) == len(spaced(triples, 99)) == 10


def test_a_name_of_no_function_is_refused_in_a_line():
    for name in ("", "nowhere:graph", "papers.knowledge_graph:nothing"):
        config = changed(graphs.config(), {"data.name": name})
        with pytest.raises(UserError, match="names no function"):
            kg.graph(config)


def test_a_plan_without_a_folder_cannot_train():
    with pytest.raises(UserError, match=r"config\.data\.root=''"):
        kg.batches(kg.get_config("fb15k"), "train")
