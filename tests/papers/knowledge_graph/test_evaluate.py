"""The report. A failure means that a run or a table is missing, or that its numbers are
not those of the ranks."""

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure

from common.config import changed
from common.contract import Table
from papers import knowledge_graph as kg
from papers.knowledge_graph.figures import components
from papers.knowledge_graph.measure import KINDS, _compiled, ranked
from tests.papers.knowledge_graph import graphs


@pytest.fixture(scope="module")
def trained():
    config = changed(kg.get_config("smoke"), {"runs": ("transe", "transh"), "seeds": 2})
    return {
        name: (run.config, kg.init(run.config, jax.random.key(run.config.seed)))
        for name, run in kg.runs(config).items()
    }


def test_the_embeddings_stand_side_by_side(trained):
    _compiled.cache_clear()
    results = dict(kg.evaluate(kg.get_config("smoke"), trained))
    assert _compiled.cache_info().misses == 2  # not 4: seeds share their program
    table = results["Link prediction"]
    assert [row[0] for row in table.rows] == ["transe", "transh"]
    assert "251 training triples" in results["Graph"]
    assert isinstance(results["Map"], Figure)
    assert isinstance(results["Summary"], Table)
    hits = [
        np.mean(ranked(*trained[name]).ranks.filtered <= 10)
        for name in ("transe", "transe_seed1")
    ]
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert row["Hits@10"] == pytest.approx(np.mean(hits))
    assert row["+-"] == pytest.approx(abs(hits[0] - hits[1]) / 2)
    assert (row["of heads"] + row["of tails"]) / 2 == pytest.approx(row["Hits@10"])
    kinds = dict(zip(KINDS, results["Kinds of relations"].rows[0][1:5], strict=True))
    assert [kind for kind, value in kinds.items() if value is not None] == [
        "1-1", "1-N",
    ]  # fmt: skip
    shares = {row[0]: row[1] for row in results["Triple classification"].rows}
    assert all(0 <= share <= 1 for share in shares.values())


def test_components_keep_most_of_the_spread():
    vectors = np.random.default_rng(0).normal(size=(50, 6)) * [9, 1, 5, 1, 1, 1]
    places = components(vectors)
    centred = vectors - vectors.mean(axis=0)
    largest = np.sort(np.linalg.eigvalsh(centred.T @ centred))[::-1][:2]
    np.testing.assert_allclose((places**2).sum(axis=0), largest)


def test_another_graph_of_one_relation_has_a_map():
    config = graphs.config()
    own = kg.runs(config)["transe"].config
    results = dict(kg.evaluate(config, {"transe": (own, graphs.state(own))}))
    assert isinstance(results["Map"], Figure)
