"""Ranks beside a loop over all entities. A failure means that a table flatters or
slanders an embedding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.config import changed
from common.data.triples import HEAD, RELATION, TAIL
from common.metrics import over
from launch import devices, placement
from papers import knowledge_graph as kg
from papers.knowledge_graph import measure
from papers.knowledge_graph.ranks import measures
from papers.knowledge_graph.scores import PROJECTIONS
from tests.papers.knowledge_graph import graphs


def by_hand(config, state, triples, graph):
    """Raw and filtered ranks, [kind, triple, side], by a loop over all entities."""
    known = {tuple(triple) for triple in graph.all.tolist()}
    count = len(graph.entities)
    # [triple, side, entity, 3]: each entity in the place that is asked for.
    asked = np.broadcast_to(triples[:, None, None], (len(triples), 2, count, 3)).copy()
    for side, column in enumerate((HEAD, TAIL)):
        asked[:, side, :, column] = np.arange(count)
    scores = measure.scores(config, state, asked.reshape(-1, 3))
    scores = scores.reshape(asked.shape[:3])
    found = np.zeros((2, len(triples), 2))
    for row, triple in enumerate(triples):
        for side, column in enumerate((HEAD, TAIL)):
            own = scores[row, side, triple[column]]
            rivals = [e for e in range(count) if e != triple[column]]
            others = [e for e in rivals if tuple(asked[row, side, e]) not in known]
            for kind, entities in enumerate((rivals, others)):
                better = sum(scores[row, side, e] < own for e in entities)
                equal = sum(scores[row, side, e] == own for e in entities)
                found[kind, row, side] = 1 + better + equal / 2
    return found


@pytest.mark.parametrize("embedding", PROJECTIONS)
def test_ranks_are_those_of_a_loop(embedding):
    """Vectors of whole numbers, so that there are ties, and sums are exact."""
    config = graphs.config(embedding, pad_rows=5)
    graph = kg.graph(config)
    state = graphs.state(config)
    if embedding != "transh":  # whose unit normals are no whole numbers
        whole = {
            n: jnp.round(2 * x / jnp.abs(x).max()) for n, x in state.params.items()
        }
        state = state.replace(params=whole)
    found = measure.ranked(config, state)
    expected = by_hand(config, state, graph.test, graph)
    np.testing.assert_allclose(found.ranks.raw, expected[0])
    np.testing.assert_allclose(found.ranks.filtered, expected[1])
    assert np.all(found.ranks.filtered <= found.ranks.raw)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_constant_score_has_the_mean_rank(value):
    """And a score that is no number looks like no answer."""
    config = graphs.config()
    state = graphs.state(config)
    state = state.replace(params=jax.tree.map(lambda x: x * 0 + value, state.params))
    found = measure.ranked(config, state)
    np.testing.assert_allclose(found.ranks.raw, (1 + graphs.ENTITIES) / 2)
    assert measures(found.ranks.filtered)["hits@1"] == 0
    assert measures(found.ranks.raw)["mrr"] < 0.1


def test_blocks_and_devices_do_not_change_ranks():
    config = graphs.config("transr", pad_rows=1024)
    state = graphs.state(config)
    expected = measure.ranked(config, state).ranks
    others = [measure.ranked(changed(config, {"eval.block": 3}), state).ranks]
    for mesh in ("data", "fsdp"):
        grid = devices.make_mesh(4, mesh)
        place = placement.place(state, grid, rules=kg.SHARDING)
        others.append(measure.ranked(config, place.put_state(state)).ranks)
    for other in others:
        np.testing.assert_array_equal(other.raw, expected.raw)
        np.testing.assert_array_equal(other.filtered, expected.filtered)


def test_validation_ranks_as_evaluation_does():
    config = graphs.config("transh")
    state = graphs.state(config)
    step = jax.jit(lambda batch: kg.eval_step(config, state, batch))
    found = over(step, kg.batches(config, "test"))
    expected = measures(measure.ranked(config, state).ranks.filtered)
    for name in ("mr", "mrr", "hits@10"):
        assert found[name] == pytest.approx(expected[name], rel=1e-5)


def test_measures_are_their_definitions():
    found = measures(np.array([[1.0, 2.0], [4.0, 10.5]]))
    expected = {"mr": 4.375, "mrr": (1 + 1 / 2 + 1 / 4 + 1 / 10.5) / 4}
    expected |= {"hits@1": 0.25, "hits@3": 0.5, "hits@10": 0.75}
    assert found == pytest.approx(expected)


def test_the_threshold_is_the_best_of_all():
    rng = np.random.default_rng(0)
    for count in (1, 2, 9):
        scores = np.round(rng.random(count), 1)
        true = rng.random(count) < 0.5
        limit = measure.threshold(scores, true)
        best = max(np.sum((scores < x) == true) for x in [-1, *scores, 2])
        assert np.sum((scores < limit) == true) == best


def test_wrong_triples_are_wrong_and_look_right():
    """The entity stands elsewhere in that place beside the relation."""
    graph = graphs.random_graph()
    config = graphs.config()
    triples, true = measure._with_wrong(config, graph, graph.test)
    known = {tuple(t) for t in graph.all.tolist()}
    assert all(
        (tuple(t) in known) == ok for t, ok in zip(triples.tolist(), true, strict=True)
    )
    for column in (HEAD, TAIL):
        pairs = {tuple(t) for t in graph.all[:, [column, RELATION]].tolist()}
        asked = triples[:, [column, RELATION]].tolist()
        assert np.mean([tuple(t) in pairs for t in asked]) > 0.95


def test_a_perfect_score_classifies_every_triple(monkeypatch):
    config = graphs.config()
    known = {tuple(t) for t in kg.graph(config).all.tolist()}
    monkeypatch.setattr(
        measure,
        "scores",
        lambda config, state, triples: np.array(
            [float(tuple(t) not in known) for t in triples.tolist()]
        ),
    )
    assert measure.accuracy(config, None) == 1


def test_kinds_count_who_stands_beside_whom():
    graph = kg.graph(kg.get_config("smoke"))
    assert measure.kinds(graph) == ["1-1"] * 5 + ["1-N"]
