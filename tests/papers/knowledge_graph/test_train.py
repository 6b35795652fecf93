"""Steps over rows and over tables, the loss, the constraints. A failure means that a
step minimises something else, or leaves the ball."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.config import changed
from common.contract import UserError
from launch import devices, placement
from papers import knowledge_graph as kg
from papers.knowledge_graph import constraints
from papers.knowledge_graph.config import Each
from papers.knowledge_graph.measure import ranked
from papers.knowledge_graph.objective import margin_loss, off_hyperplane
from papers.knowledge_graph.ranks import measures
from papers.knowledge_graph.scores import PROJECTIONS
from tests import optimised
from tests.papers.knowledge_graph import graphs


def rows_and_tables(config):
    return [changed(config, {"update": update}) for update in ("rows", "tables")]


def after(config, steps, placed=None):
    """Parameters and metrics after some steps; `placed` says on which devices."""
    batches = graphs.train_batches(config, steps)
    state = graphs.state(config)
    step = partial(kg.train_step, config)
    compiled = jax.jit(step)
    if placed:
        place = placed(state)
        state = place.put_state(state)
        compiled = place.compile_train(step)
        batches = [*map(place.put_batch, batches)]
    for batch in batches:
        state, metrics = compiled(state, batch)
    return jax.device_get((state.params, metrics))


def test_the_loss_is_bordes_equation_1():
    rng = np.random.default_rng(0)
    positive, negative = rng.random(4), rng.random((4, 3))
    expected = [[max(0, 0.5 + p - n) for n in row]
                for p, row in zip(positive, negative, strict=True)]  # fmt: skip
    np.testing.assert_allclose(margin_loss(positive, negative, 0.5), expected)


def test_the_loss_of_a_batch_scores_every_negative_by_its_own_triple():
    """Both sides, and a negative that is not valid does not count."""
    config = graphs.config("transd")
    (batch,) = graphs.train_batches(config, 1)
    batch["valid"][:, 0] = 0
    state = graphs.state(config)
    p = jax.device_get(state.params)

    def f(h, r, t):
        q = p["relation_projections"][r]

        def projected(e):
            own = p["entities"][e]
            return own[: len(q)] + p["entity_projections"][e] @ own * q

        return np.abs(projected(h) + p["relations"][r] - projected(t)).sum()

    hinges = []
    for row in range(16):
        h, r, t = (batch[name][row] for name in ("head", "relation", "tail"))
        for k in (1, 2):
            wrong = batch["wrong"][row, k]
            other = (wrong, r, t) if batch["replaces_head"][row, k] else (h, r, wrong)
            hinges.append(max(0, 2.0 + f(h, r, t) - f(*other)))
    _, metrics = jax.jit(partial(kg.train_step, config))(state, batch)
    assert float(metrics["loss"]) == pytest.approx(np.mean(hinges), rel=1e-5)
    assert float(metrics["violations"]) == pytest.approx(np.mean(np.array(hinges) > 0))


@pytest.mark.parametrize("embedding", PROJECTIONS)
def test_a_step_over_rows_is_sgd_of_the_tables(embedding):
    """And rows that no batch named are the same bits as before."""
    by_rows, by_tables = rows_and_tables(graphs.config(embedding))
    chex.assert_trees_all_close(after(by_rows, 3), after(by_tables, 3), atol=1e-5)
    changes = {"data.batch_size": 1, "each.margin": (50.0,)}
    config = changed(by_rows, {**changes, "model.distance": "squared"})
    (batch,) = graphs.train_batches(config, 1)
    state = graphs.state(config)
    moved, _ = jax.jit(partial(kg.train_step, config))(state, batch)
    named = [batch["head"], batch["tail"], *batch["wrong"]]
    others = np.setdiff1d(np.arange(graphs.ENTITIES), np.concatenate(named))
    for name in ("entities", "relations"):
        assert np.any(moved.params[name] != state.params[name])
    np.testing.assert_array_equal(
        moved.params["entities"][others], state.params["entities"][others]
    )


def test_a_sum_is_the_mean_times_its_negatives():
    config = graphs.config()
    for own in rows_and_tables(config):
        means = after(changed(own, {"optim.lr": 0.1 * 16 * 3}), 1)
        sums = after(changed(own, {"loss.total": "sum"}), 1)
        chex.assert_trees_all_close(sums[0], means[0], atol=1e-5)


@pytest.mark.parametrize("mesh", ["data", "fsdp", "data:2,fsdp:2", "pmap"])
def test_rows_on_four_devices_are_those_of_one(mesh):
    """Tables split over the devices, or whole on each."""
    config = changed(
        graphs.config("transr", constraint="ball", pad_rows=1024), {"update": "rows"}
    )

    def placed(state):
        pmap = mesh == "pmap"
        grid = devices.make_mesh(4, "data" if pmap else mesh)
        place = placement.place(state, grid, rules=kg.SHARDING, pmap=pmap)
        split = place.state.params["entities"].spec
        assert bool(len(split)) == ("fsdp" in mesh)
        return place

    chex.assert_trees_all_close(after(config, 3, placed), after(config, 3), atol=1e-5)


def test_a_step_over_rows_needs_no_memory_for_the_tables():
    """A graph of a thousand times as many entities: the same temporaries, and the
    tables are updated where they lie."""

    def memory(entities):
        config = graphs.config()
        config.update = "rows"
        config.data.source = "files"
        config.data.entities, config.data.relations = entities, 10
        shapes = jax.eval_shape(lambda: graphs.state(config))
        step = jax.jit(partial(kg.train_step, config), donate_argnums=0)
        found = step.lower(shapes, kg.batch_spec(config)).compile().memory_analysis()
        return found.temp_size_in_bytes, found.alias_size_in_bytes

    small, _ = memory(1_000)
    large, aliased = memory(1_000_000)
    assert large == small
    assert aliased > 1_000_000 * 8 * 4


@pytest.mark.parametrize("update", ["rows", "tables"])
@pytest.mark.parametrize("embedding", PROJECTIONS)
def test_norms_stay_within_one_after_every_step(embedding, update):
    """Of entities, of TransR's and TransD's relations, and of what a batch projects."""
    config = changed(graphs.config(embedding, constraint="ball"), {"update": update})
    step = jax.jit(partial(kg.train_step, config))
    state = graphs.state(config)
    for batch in graphs.train_batches(config, 5):
        state, _ = step(state, batch)
        p = state.params
        assert np.linalg.norm(p["entities"], axis=1).max() <= 1 + 1e-5
        if embedding == "transh":
            lengths = np.linalg.norm(p["normals"], axis=1)
            np.testing.assert_allclose(lengths, 1, atol=1e-5)
        if embedding in constraints.PROJECTED:
            assert np.linalg.norm(p["relations"], axis=1).max() <= 1 + 1e-5
            ids = np.stack([batch["head"], batch["tail"], *batch["wrong"].T], axis=1)
            entities = {n: p[n][ids] for n in p if "entit" in n}
            relation = {n: p[n][batch["relation"]] for n in p if "entit" not in n}
            projected = PROJECTIONS[embedding](relation, entities)
            assert np.linalg.norm(projected, axis=-1).max() <= 1 + 1e-5


@pytest.mark.parametrize("update", ["rows", "tables"])
def test_entities_on_the_sphere_stay_there(update):
    config = changed(graphs.config(constraint="sphere"), {"update": update})
    params, _ = after(config, 3)
    np.testing.assert_allclose(np.linalg.norm(params["entities"], axis=1), 1, atol=1e-5)


def test_a_translation_in_its_hyperplane_has_no_penalty():
    normals = np.eye(3)[:1]
    for way, expected in ((normals, 1 - 0.01**2), (np.eye(3)[1:2], 0)):
        relation = {"normals": normals, "relations": way}
        assert float(off_hyperplane(relation, 0.01)[0]) == pytest.approx(expected)


def test_orthogonality_turns_translations_into_their_hyperplanes():
    config = graphs.config("transh")

    def penalty(weight):
        params, _ = after(changed(config, {"loss.orthogonality": weight}), 20)
        return float(jnp.mean(off_hyperplane(params, 1e-3)))

    assert penalty(10.0) < penalty(0.0) / 2


def test_transr_starts_where_transe_ended():
    config = changed(graphs.config(), {"runs": ("transe", "transr", "transr_cold")})
    runs = kg.runs(config)
    assert [run.after for run in runs.values()] == [(), ("transe",), ()]
    transe = graphs.state(runs["transe"].config, seed=5)
    found = kg.init(
        runs["transr"].config,
        jax.random.key(0),
        {"transe": (runs["transe"].config, transe)},
    )
    for name in ("entities", "relations"):
        np.testing.assert_array_equal(found.params[name], transe.params[name])
    eyes = np.broadcast_to(np.eye(8), (graphs.RELATIONS, 8, 8))
    np.testing.assert_array_equal(found.params["matrices"], eyes)


def test_every_run_has_its_own_values():
    config = changed(
        graphs.config(),
        {
            "runs": ("transe", "transh"),
            "seeds": 2,
            "each": Each(margin=(5.0, 4.0), rate=(1.0, 0.5), steps=(0, 7)),
        },
    )
    runs = kg.runs(config)
    assert [*runs] == ["transe", "transh", "transe_seed1", "transh_seed1"]
    own = runs["transh_seed1"].config
    assert own.each.margin == (4.0,)
    assert own.optim.lr == pytest.approx(0.05)
    assert (own.loop.steps, own.seed) == (7, 1)


def test_configs_of_different_seeds_have_no_run_in_common():
    """The mean of both would count such a run twice."""
    configs = [changed(graphs.config(), {"seeds": 3, "seed": s}) for s in (0, 1, 2)]
    seeds = [r.config.seed for config in configs for r in kg.runs(config).values()]
    assert seeds[:3] == [0, 1, 2]
    assert len({*seeds}) == 9
    assert len(kg.runs(changed(configs[0], {"seed": 2**32 - 1}))) == 3


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"each": Each(margin=(1.0, 2.0))}, "config.each.margin has 2 values"),
        ({"model.d_relation": 3}, "d_relation=3"),
        ({"update": "rows", "optim.name": "adam"}, "plain SGD"),
        ({"update": "rows", "optim.ema": 0.9}, "config.optim.ema=0"),
        ({"data.source": "files", "data.name": ""}, "config.data.root=''"),
        ({"runs": ("transx",)}, "no run 'transx'"),
    ],
)
def test_what_cannot_work_is_refused_in_a_line(changes, wrong):
    with pytest.raises(UserError, match=r"(?s)^[^\n]*$") as error:
        kg.runs(changed(graphs.config(), changes))
    assert wrong in str(error.value)


@pytest.mark.slow
def test_all_four_learn_the_board():
    """Filtered Hits@10 of at least .8, where chance has a mean rank of 32."""
    config = changed(
        kg.get_config("smoke"),
        {
            "model.d_entity": 32,
            "model.d_relation": 32,
            "model.init": "xavier",
            "data.batch_size": 128,
            "data.negatives": 4,
            "optim.lr": 5e-3,
            "loop.steps": 1500,
            "each.margin": (6.0,),
        },
    )
    trained = {}
    for name, run in kg.runs(config).items():
        own = run.config
        state = kg.init(own, jax.random.key(0), {n: trained[n] for n in run.after})
        step = optimised.train_step(kg, own)
        data = kg.batches(own, "train")
        for _ in range(own.loop.steps):
            state, _ = step(state, next(data))
        trained[name] = own, state
        found = measures(ranked(own, state).ranks.filtered)
        assert found["hits@10"] >= 0.8, name
        assert found["mr"] <= 5, name
