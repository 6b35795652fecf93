"""Training: what entities are worth, seeds beside each other, vectors and runs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.config import changed
from common.contract import UserError
from common.metrics import over
from papers import dkn
from papers.dkn import data, measure, scoring, sources, train, vectors
from papers.dkn.corpus import Links
from papers.dkn.runs import RUNS
from tests.papers.dkn.impressions import bing, config, logits, mind, start


def trained(own, steps):
    state = dkn.init(own, jax.random.key(0))
    batches = dkn.batches(own, "train")
    step = jax.jit(partial(dkn.train_step, own), donate_argnums=0)
    for _ in range(steps):
        state, _ = step(state, next(batches))
    return state


def test_clicks_that_depend_on_an_entity_are_found_with_entities_alone():
    """AUC on news that training lacks, whose words say nothing."""
    found = {}
    for name in ("dkn", "dkn_words"):
        smoke = changed(dkn.get_config("smoke"), {"runs": (name,), "seeds": 1})
        own = changed(dkn.runs(smoke)[name].config, {"snapshots": 0})
        (outputs,) = scoring.outputs_of(own, trained(own, 120), "test")
        found[name] = measure.auc(outputs.label, outputs.score)
    assert found["dkn"] > 0.9
    assert abs(found["dkn_words"] - 0.5) < 0.1


def test_seeds_start_apart_and_train_as_one_alone_does():
    both = config(seeds=2, snapshots=0)
    one = config(seeds=1, snapshots=0)
    states = [trained(own, 3) for own in (both, one)]
    two, alone = (jax.tree.leaves(state.params) for state in states)
    for a, b in zip(two, alone, strict=True):
        np.testing.assert_allclose(a[:1], b, atol=1e-5)
    assert not np.allclose(two[0][0], two[0][1])


def test_snapshots_are_the_parameters_along_training():
    own = config(snapshots=2, loop__steps=6)
    state = dkn.init(own, jax.random.key(0))
    batches = dkn.batches(own, "train")
    for step in range(1, 7):
        state, _ = train.train_step(own, state, next(batches))
        if step == 3:
            third = jax.tree.leaves(state.params)
    kept = jax.tree.leaves(state.snapshots)
    for a, b, c in zip(kept, third, jax.tree.leaves(state.params), strict=True):
        np.testing.assert_array_equal(a[0], b)
        np.testing.assert_array_equal(a[1], c)


def test_each_seed_is_measured_at_its_best_snapshot_on_validation():
    own = config(snapshots=2, loop__steps=40)
    state = trained(own, 40)
    chosen, places = scoring.chosen(own, state)
    for seed, place in enumerate(places):
        values = []
        for i in range(2):
            one = state.replace(
                params=jax.tree.map(lambda x, i=i: x[i], state.snapshots),
                opt_state=(),
                snapshots={},
            )
            outputs = scoring.outputs_of(own, one, "valid")[seed]
            values.append(measure.auc(outputs.label, outputs.score))
        assert values[place - 1] == max(values)
        for a, b in zip(
            jax.tree.leaves(chosen.params),
            jax.tree.leaves(state.snapshots),
            strict=True,
        ):
            np.testing.assert_array_equal(a[seed], b[place - 1, seed])


def test_a_context_is_the_mean_over_both_directions_of_edges():
    graph = jnp.array([[1.0, 0], [0, 1], [2, 2], [5, 7]])
    links = Links(
        ("a", "b", "c", "d"),
        np.array([-1, 0, 2]),
        np.array([[1, 1], [1, 2], [2, 0]]),
    )
    found = vectors.contexts(links, graph)
    np.testing.assert_allclose(found, [[0, 0], [1, 1.5], [1, 0]])
    edges = sources.corpus(config()).links.edges
    assert {(1, 1), (1, 5)} <= {tuple(map(int, edge)) for edge in edges}


def test_frozen_vectors_stay_and_trained_ones_move():
    frozen = config()
    before = dkn.init(frozen, jax.random.key(0)).tables
    after = trained(frozen, 2).tables
    np.testing.assert_array_equal(before["entity"], after["entity"])
    moving = config(vectors__trained=True)
    first = dkn.init(moving, jax.random.key(0))
    last = trained(moving, 2)
    assert first.tables == {}
    assert not np.allclose(
        first.params["tables"]["entity"], last.params["tables"]["entity"]
    )


def test_vectors_come_from_the_run_of_their_embedding():
    """By the contract: TransE trains before, and its rows are the entities' by name."""
    own = changed(
        dkn.get_config("smoke"),
        {"data.source": "films", "data.readers": 20, "data.words": 8000,
         "data.entities": 14_400, "data.news": 14_400, "vectors.source": "run",
         "vectors.unit_length": False, "runs": ("dkn",), "seeds": 1, "snapshots": 0},
    )  # fmt: skip
    runs = dkn.runs(own)
    assert [*runs] == ["dkn", "transe_8"]
    assert runs["dkn"].after == ("transe_8",)
    assert runs["transe_8"].paper == "knowledge_graph"
    from papers import knowledge_graph

    embedding = runs["transe_8"].config
    other = knowledge_graph.init(embedding, jax.random.key(0))
    mine = runs["dkn"].config
    tables = dkn.init(mine, jax.random.key(0), {"transe_8": (embedding, other)}).tables
    graph = knowledge_graph.data.graph(embedding)
    corpus = sources.corpus(mine)
    for entity in (1, 500, 14_000):
        row = graph.entities.index(corpus.entity_names[entity])
        np.testing.assert_allclose(
            tables["entity"][entity], other.params["entities"][row], atol=1e-6
        )


def test_transr_comes_after_transe():
    own = changed(
        dkn.get_config("default"), {"runs": ("dkn", "dkn_transr"), "seeds": 1}
    )
    runs = dkn.runs(own)
    assert runs["dkn_transr"].after == ("transr_32",)
    assert runs["transr_32"].after == ("transe_32",)


def test_vectors_of_a_file_are_found_by_name_and_checked(tmp_path):
    folder = mind(tmp_path)
    own = config(
        data__source="mind", data__root=str(folder), data__words=64, data__users=8,
        vectors__source="file", vectors__file=str(folder / "entity_embedding.vec"),
        model__contexts=False,
        vectors__unit_length=False,
    )  # fmt: skip
    tables = dkn.init(own, jax.random.key(0)).tables
    q1 = sources.corpus(own).entity_names.index("Q1")
    np.testing.assert_allclose(tables["entity"][q1], 0.5)
    vec = folder / "other.vec"
    own.vectors.file = str(vec)
    vec.write_text("P1" + "\t1" * 8, "utf-8")
    with pytest.raises(UserError, match="no vector of any entity: its names are like"):
        dkn.init(own, jax.random.key(0))
    own.model.d_entity = 9
    with pytest.raises(
        UserError, match=r"line 1 has 8 numbers; config\.model\.d_entity=9"
    ):
        dkn.init(own, jax.random.key(0))


def test_entities_without_a_vector_are_counted(recwarn):
    known = {"a": np.ones(2)}
    vectors._say_unknown("v.vec", ["a"], known)
    assert not recwarn
    with pytest.warns(UserWarning, match="2 of 3 entities have no vector in 'v.vec'"):
        vectors._say_unknown("v.vec", ["a", "b", "c"], known)


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "has no vector"), ("Q1\ta\tb", "is no name and numbers"),
     ("Q1\tnan\t1", "not finite")],
)  # fmt: skip
def test_a_broken_file_of_vectors_is_named(tmp_path, text, says):
    path = tmp_path / "v.vec"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError, match=says):
        vectors.read(path, 2)


@pytest.mark.parametrize("name", [n for n in RUNS if RUNS[n].get("model.network")])
def test_baselines_ignore_padded_clicks_and_entities_where_they_have_none(name):
    smoke = changed(dkn.get_config("smoke"), {"runs": (name,), "seeds": 1})
    own = dkn.runs(smoke)[name].config
    state = start(own)
    batch = next(dkn.batches(own, "train"))
    batch["news"][:, :2] = 0
    expected, _ = logits(own, state, batch)
    other = {n: x.copy() for n, x in batch.items()}
    for array in ("words", "entities", "tfidf", "letters"):
        if array in other:
            other[array][:, :2] = 1  # of the padded clicks
    found, _ = logits(own, state, other)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    if name.endswith("_no_entity"):
        other["entities"][:] = 2
        found, _ = logits(own, state, other)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_libfm_without_factors_is_linear_in_tf_idf():
    """Its logit by a sum over words in numpy."""
    smoke = changed(dkn.get_config("smoke"), {"runs": ("libfm_no_entity",), "seeds": 1})
    own = dkn.runs(smoke)["libfm_no_entity"].config
    state = start(own)
    batch = next(dkn.batches(own, "train"))
    found, _ = logits(own, state, batch)
    net = jax.tree.map(lambda x: np.float64(x[0]), state.params["net"])
    user, news = (net[f"linear_{s}_words"]["embedding"][:, 0] for s in ("user", "news"))
    words, weights = batch["words"][0], batch["tfidf"][0]
    clicks = own.data.history
    expected = (
        net["linear_bias"][0]
        + sum(weights[k] @ user[words[k]] for k in range(clicks)) / clicks
    )
    for c in range(2):
        place = clicks + c
        value = expected + weights[place] @ news[words[place]]
        np.testing.assert_allclose(found[0, c], value, rtol=1e-5)


def test_dmf_sees_no_click_of_the_user_whom_it_scores():
    smoke = changed(dkn.get_config("smoke"), {"runs": ("dmf",), "seeds": 1})
    own = dkn.runs(smoke)["dmf"].config
    state = start(own)
    batch = next(dkn.batches(own, "train"))
    expected, _ = logits(own, state, batch)
    batch["clickers"] = np.where(
        batch["clickers"] == 0, batch["user"][:, None, None], 0
    )
    alone, _ = logits(own, state, batch)
    np.testing.assert_allclose(alone, state.params["net"]["bias"][0], atol=1e-5)
    assert not np.allclose(expected, alone)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model.windows": (9,)}, "more than config.data.title"),
        ({"model.mapping": "none", "model.d_entity": 9}, "must be equal"),
        ({"vectors.source": "run"}, "needs a graph"),
        (
            {"vectors.source": "run", "data.source": "bing", "data.root": "x"},
            r"config\.data\.graph",
        ),
        (
            {"vectors.source": "file", "data.source": "mind", "data.root": "x"},
            r"config\.vectors\.file",
        ),
        ({"data.source": "mind", "data.root": "x"}, "contexts are neighbours"),
        ({"snapshots": 99}, "more than config.loop.steps"),
    ],
)
def test_values_that_do_not_fit_each_other_are_refused(changes, says):
    with pytest.raises(UserError, match=says):
        dkn.runs(changed(dkn.get_config("smoke"), {"runs": ("dkn",), **changes}))


def test_the_sample_trains_beside_a_graph_joined_by_name(tmp_path):
    folder = bing(tmp_path / "news")
    graph = tmp_path / "graph"
    graph.mkdir()
    (graph / "train.txt").write_text(
        "concept_vehicle_car\tis\tconcept_thing_machine\n"
        "concept_office_tax_office\tin\tconcept_city_oslo\n"
        + "".join(f"concept_a_x{i % 4}\tin\tconcept_a_x{i % 3}\n" for i in range(12)),
        "utf-8",
    )
    own = config(
        data__source="bing", data__root=str(folder), data__graph=str(graph),
        data__words=64, data__users=8, data__negatives=0, data__batch_size=4,
        eval__batch_size=4, seeds=1, snapshots=0,
    )  # fmt: skip
    corpus = sources.corpus(own)
    car = corpus.entity_names.index("car")
    assert corpus.links.names[corpus.links.rows[car]] == "concept_vehicle_car"
    neighbours = corpus.links.edges[corpus.links.edges[:, 0] == car, 1]
    assert [corpus.links.names[i] for i in neighbours] == ["concept_thing_machine"]
    own.vectors.source = "random"
    state = trained(own, 2)
    found = over(partial(dkn.eval_step, own, state), dkn.batches(own, "test"))
    assert np.isfinite(found["loss"])
    assert data.candidates_of(own) == 1
