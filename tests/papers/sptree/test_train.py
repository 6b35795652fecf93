"""Training: pre-training is taken over, padding changes nothing, every ablation trains,
eight sentences are learnt by heart."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.contract import UserError
from common.metrics import over
from papers.sptree import (
    bilou,
    data,
    get_config,
    init,
    relations,
    runs,
    scoring,
    train,
)
from papers.sptree.corpus import corpus
from papers.sptree.runs import RUNS

KEY = jax.random.key(0)


def config_of(run, **changes):
    config = get_config("smoke")
    config.runs = (run,)
    config.seeds = 1
    for path, value in changes.items():
        *sections, name = path.split("__")
        setattr(functools.reduce(getattr, sections, config), name, value)
    return runs(config)[run].config


def test_pre_training_is_taken_over_and_the_rest_is_new():
    config = get_config("smoke")
    found = runs(config)
    own, earlier = found["sptree"], found["entities"]
    assert own.after == ("entities",)
    assert earlier.config.learning.task == "entities"
    learnt = init(earlier.config, jax.random.key(1))
    state = init(own.config, KEY, after={"entities": (earlier.config, learnt)})
    alone = init(own.config, KEY)
    for name, part in state.params.items():
        expected = learnt.params.get(name, alone.params[name])
        jax.tree.map(np.testing.assert_array_equal, part, expected)
    assert {*learnt.params} == {"reader", "labels", "entity"}
    # Both seeds start from different parameters.
    kernel = state.params["entity"]["hidden_kernel"]
    assert not np.allclose(kernel[0], kernel[1])


def test_every_parameter_is_within_its_limit():
    params = init(config_of("sptree"), KEY).params
    tree = params["relation"]["tree"]["up"]
    d = tree["recurrent"].shape[2]
    for array, limit in (
        (tree["recurrent"], (6 / (2 * d)) ** 0.5),
        (tree["input"]["bias"], (6 / d) ** 0.5),
        (params["entity"]["out_kernel"], (6 / (12 + 9)) ** 0.5),
    ):
        assert 0.8 * limit < np.abs(array).max() <= limit
        assert abs(np.mean(array)) < limit / 3


@pytest.mark.parametrize(
    "run", ["sptree", pytest.param("fulltree", marks=pytest.mark.slow)]
)
def test_padding_and_other_sentences_change_nothing(run):
    """A sentence alone, and with others among more padding."""
    config = config_of(run)
    net = train.network(config)
    params = jax.tree.map(lambda x: x[0], init(config, KEY).params)
    sentences = [s for s in corpus(config).encoded["train"] if len(s) == 7][:3]
    apply = jax.jit(lambda batch: net.apply({"params": params}, batch, given=True))
    alone = apply(data.joined(sentences[1:2], 7, [0], 0))
    among = apply(data.joined(sentences, 11, [0, 1, 2], 0))
    np.testing.assert_array_equal(alone.labels[0], among.labels[1, :7])
    logits = alone.entity_logits[0], among.entity_logits[1, :7]
    np.testing.assert_allclose(*logits, atol=1e-5)
    real = alone.pairs.real[0]
    assert real.any()
    np.testing.assert_array_equal(real, among.pairs.real[1])
    for name in ("forward", "backward"):
        small, large = getattr(alone, name)[0], getattr(among, name)[1]
        np.testing.assert_allclose(small[real], large[real], atol=1e-5)


def test_entities_beyond_the_cap_are_counted():
    """Three units in a row of words, of which two are paired."""
    config = config_of("sptree", data__entities=2)
    unit = bilou.label(0, bilou.UNIT)
    labels = jnp.array([[unit, 0, unit, unit], [0, unit, 0, 0]])
    parent = jnp.array([[1, -1, 1, 2], [-1, 0, 0, 0]])
    pairs, _ = relations.pairs_of(config, labels, parent)
    assert pairs.lost.tolist() == [1, 0]
    assert pairs.real.tolist() == [[True], [False]]
    assert (int(pairs.first[0, 0]), int(pairs.last[0, 0])) == (0, 2)


def test_what_cannot_go_together_is_refused():
    config = get_config("smoke")
    config.model.cell = "child_sum"
    config.runs = ("fulltree",)
    with pytest.raises(UserError, match="child_sum has no types"):
        runs(config)
    config = get_config("smoke")
    config.optim.name = "sgd"
    with pytest.raises(UserError, match="lazy_rows"):
        runs(config)


def step_of(config):
    return jax.jit(functools.partial(train.train_step, config))


# The others are compiled in the tests of the contract, or differ in no program.
PROGRAMS = (
    "no_le", "no_shared", "subtree", "subtree_no_sp", "child_sum", "spseq", "spxu",
    "given",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("run", PROGRAMS)
def test_every_program_trains_all_its_parameters(run):
    config = config_of(run)
    state = init(config, KEY)
    batch = next(data.batches(config, "train"))
    after, metrics = step_of(config)(state, batch)
    assert np.isfinite(float(metrics["loss"]))
    moved = jax.tree.map(lambda a, b: bool((a != b).any()), after.params, state.params)
    assert all(jax.tree.leaves(moved)), moved


@functools.cache
def parameters(run):
    state = jax.eval_shape(functools.partial(init, config_of(run)), KEY)
    return sum(x.size for x in jax.tree.leaves(state.params))


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS)
def test_every_run_has_as_many_parameters_as_its_sizes_say(run):
    change = parameters(run) - parameters("sptree")
    assert change == expected_change(run, config_of(run))


def expected_change(run, config):
    """How many parameters more than SPTree's a run has, by the sizes."""
    m = config.model
    d, label, arc, units = m.tree, m.d_label, m.d_arc, m.relation_units
    inputs = 2 * m.sequence + label + arc
    one = inputs * 4 * d + 4 * d * d + 4 * d  # an LSTM over the tree
    v = corpus(config).vocabulary
    reader = len(v.words) * m.d_word + len(v.tags) * m.d_tag
    width = m.d_word + m.d_tag
    reader += 2 * 4 * m.sequence * (width + m.sequence + 1)
    entity = (2 * m.sequence + label) * units + units + units * 9 + 9
    no_label = -2 * label * 4 * d  # the tree's inputs are narrower
    arcs = (len(v.arcs) + 1) * arc
    no_tree = -2 * one - arcs + (2 * label - 3 * d) * units
    return {
        "no_le": no_label,
        "no_shared": reader,
        "no_all": no_label + reader,
        "subtree": 2 * 6 * d * d,
        "fulltree": 2 * 6 * d * d,
        "spseq": 2 * arc * 4 * d - d * units,
        "spxu": -d * units,
        "no_tree": no_tree,
        "given": -entity,
        "given_no_tree": no_tree - entity,
    }.get(run, 0)


@pytest.mark.slow
def test_parameters_that_are_not_shared_learn_from_their_task_alone():
    config = config_of("no_shared")
    net = train.network(config)
    params = jax.tree.map(lambda x: x[0], init(config, KEY).params)
    batch = next(data.batches(config, "train"))

    def of_relations(params, batch):
        outputs = net.apply({"params": params}, batch, given=True)
        return train.objective.losses(outputs, batch, "cell")["relations"].sum()

    grads = jax.jit(jax.grad(of_relations))(params, batch)
    assert not any(x.any() for x in jax.tree.leaves(grads["reader"]))
    assert all(x.any() for x in jax.tree.leaves(grads["relation_reader"]["sequence"]))


@pytest.mark.slow
@pytest.mark.optimised
def test_eight_sentences_are_learnt_by_heart():
    config = config_of("sptree", learning__average=False)
    state = init(config, KEY)
    step = step_of(config)
    sentences = corpus(config).sentences["train"]
    chosen = [i for i, s in enumerate(sentences) if s.relations][:8]
    encoded = [corpus(config).encoded["train"][i] for i in chosen]
    gold = [sentences[i] for i in chosen]
    evaluate = jax.jit(functools.partial(train.eval_step, config))
    for epoch in range(300):
        batch = data.joined(encoded, 12, chosen, epoch)
        state, _ = step(state, batch)
        if epoch % 25 == 24:
            found = over(functools.partial(evaluate, state), [batch])["outputs"]
            score = scoring.score(gold, scoring.read(config, found, gold, 0))
            if score.entities.f1 == score.relations.f1 == 1.0:
                return
    raise AssertionError(score)


def test_seeds_are_trained_side_by_side():
    """The answers of two seeds have an axis of their own."""
    config = get_config("smoke")
    config.runs = ("given_no_tree",)
    config = runs(config)["given_no_tree"].config
    state = init(config, KEY)
    batch = next(data.batches(config, "valid"))
    outputs = jax.eval_shape(functools.partial(train.eval_step, config), state, batch)[
        "outputs"
    ]
    assert outputs.rows["pairs"].shape == (8, 2, 6, 3)
    assert outputs.rows["labels"].shape == (8, 2, 12)
    assert jnp.issubdtype(outputs.rows["row"].dtype, jnp.integer)


def test_validation_on_semeval_has_the_official_score(tmp_path):
    """Of one row whose only pair is said as the data has it, backwards, or not."""
    text = '1\t"<e1>A</e1> is <e2>B</e2>."\nCause-Effect(e1,e2)\n\n'
    for name in ("TRAIN_FILE.TXT", "TEST_FILE_FULL.TXT"):
        (tmp_path / name).write_text(text)
    config = config_of(
        "given",
        data__source="semeval",
        data__root=str(tmp_path),
        data__parser="chunks",
    )
    for value, score in ((1, 1.0), (2, 0.0), (0, 0.0)):
        outputs = {
            "row": np.array([0]),
            "labels": np.zeros((1, 1, 4), int),
            "pairs": np.array([[[[0, 2, value]]]]),
        }
        found = train.validate(config, {"outputs": outputs})
        assert found["macro_f1"] == found["relations_f1"] == score
