"""What members share, what is taken over from pre-training, what is kept of it, and
that a task is learned."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common import metrics
from common.config import changed
from common.contract import UserError
from papers import gpt
from papers.gpt import tasks, train, weights
from papers.gpt.tasks import generated
from tests import optimised

SMOKE = gpt.get_config("smoke")


def config_of(name, **changes):
    config = changed(SMOKE, {"runs": ("pretrain", name), **changes})
    return gpt.runs(config)[name].config


def start(config, pretrained=None):
    """`pretrained`: (config, state) of the run that it comes after."""
    after = None if pretrained is None else {"pretrain": pretrained}
    return gpt.init(config, jax.random.key(0), after)


def trained_for(config, state, steps=3):
    step = jax.jit(partial(gpt.train_step, config))
    batches = gpt.batches(config, "train")
    for _ in range(steps):
        state, found = step(state, next(batches))
    return state, found


def member(state, i):
    return jax.tree.map(lambda x: x[i], state.params)


def test_members_trained_side_by_side_are_what_each_is_alone():
    together, _ = trained_for(c := config_of("toy-kind_scratch"), start(c))
    alone, _ = trained_for(
        c := config_of("toy-kind_scratch", **{"finetune.seeds": 1}), start(c)
    )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        member(together, 0),
        member(alone, 0),
    )
    first, second = member(together, 0), member(together, 1)
    assert not np.allclose(first["head"]["kernel"], second["head"]["kernel"])


def test_a_run_takes_over_as_many_layers_as_its_depth_says(trained):
    config = config_of("toy-kind_transfer")
    assert config.depths == (-1, 0, 1)
    pretrained = trained("pretrain")
    state = start(config, pretrained)
    source = member(pretrained[1], 0)

    def same(i, name):
        pairs = zip(
            jax.tree.leaves(member(state, i)[name]),
            jax.tree.leaves(source[name]),
            strict=True,
        )
        return all(np.array_equal(a, b) for a, b in pairs)

    names = ("tokens", "positions", "blocks_0", "blocks_1")
    taken = [[same(i, name) for name in names] for i in range(6)]
    none = [False] * 4
    embeddings, first_layer = [True, True, False, False], [True, True, True, False]
    assert taken == [none, none, embeddings, embeddings, first_layer, first_layer]
    # Seeds differ in what is new; depths of one seed do not.
    heads = [member(state, i)["head"]["kernel"] for i in range(6)]
    assert np.array_equal(heads[0], heads[2])
    assert not np.array_equal(heads[0], heads[1])


def test_all_layers_are_taken_over_where_no_depth_is_given(trained):
    pretrained = trained("pretrain")
    state = start(config_of("toy-kind"), pretrained)
    for name, part in member(pretrained[1], 0).items():
        jax.tree.map(np.testing.assert_array_equal, member(state, 1)[name], part)


def test_an_lstm_is_taken_over_too(trained):
    config = changed(SMOKE, {"runs": ("pretrain_lstm", "toy-kind_lstm")})
    config = gpt.runs(config)["toy-kind_lstm"].config
    pretrained = trained("pretrain_lstm")
    state = gpt.init(config, jax.random.key(0), {"pretrain_lstm": pretrained})
    for name, part in member(pretrained[1], 0).items():
        jax.tree.map(np.testing.assert_array_equal, member(state, 0)[name], part)
    assert "positions" not in state.params


def test_released_weights_start_a_task(tmp_path, trained):
    config, state = trained("pretrain")
    weights.save_huggingface(str(tmp_path), member(state, 0), config.model)
    own = changed(SMOKE, {"runs": ("toy-kind",), "weights": str(tmp_path)})
    run = gpt.runs(own)["toy-kind"]
    assert run.after == ()
    found = start(run.config)
    for name, part in member(state, 0).items():
        jax.tree.map(np.testing.assert_array_equal, member(found, 1)[name], part)


def test_snapshots_are_the_parameters_along_pre_training(trained):
    config, state = trained("pretrain")
    assert (config.loop.steps, config.snapshots) == (20, 2)
    first = start(config)
    middle, _ = trained_for(config, first, 10)
    for i, expected in enumerate((first.params, middle.params, state.params)):
        kept = jax.tree.map(lambda x, i=i: x[i], state.snapshots)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
            kept,
            expected,
        )


def test_the_metrics_of_a_split_are_means_over_the_members(trained):
    config, state = trained("toy-kind")
    step = partial(gpt.eval_step, config, state)
    outputs = metrics.over(jax.jit(step), gpt.batches(config, "valid"))
    found = gpt.validate(config, outputs)
    answers = outputs["outputs"]
    assert answers["logits"].shape == (16, 2, 2)
    right = np.argmax(answers["logits"], -1) == answers["label"][:, None]
    assert found["accuracy"] == pytest.approx(right.mean())
    assert {*found} == {"accuracy", "mcc"}


def test_a_score_is_trained_as_a_distribution(trained):
    config, state = trained("toy-similarity")
    outputs = metrics.over(
        jax.jit(partial(gpt.eval_step, config, state)), gpt.batches(config, "valid")
    )
    scores = train.member_scores(config, outputs["outputs"])
    task = tasks.load("toy-similarity")
    labels = np.array([e.label for e in task.of("valid")])
    found = outputs["outputs"]["logits"][:, 0]
    odds = np.exp(found - found.max(-1, keepdims=True))
    means = (odds / odds.sum(-1, keepdims=True)) @ np.arange(6)
    expected = np.corrcoef(labels, means)[0, 1]
    assert scores[0]["pearson"] == pytest.approx(expected, rel=1e-4)


def test_more_layers_than_there_are_is_one_line():
    with pytest.raises(UserError, match="transfer=3 is more layers than the network"):
        config_of("toy-kind", **{"finetune.transfer": (3,)})


@pytest.mark.slow
def test_32_pairs_are_learned_by_heart():
    """Two layers of width 64, in fewer than 200 steps; the auxiliary loss falls too."""
    changes = {
        "model.d_model": 64,
        "finetune.examples": 32,
        "finetune.batch_size": 32,
        "finetune.lr": 3e-3,
        "finetune.steps": 180,
        "finetune.warmup": 0.1,
        "finetune.seeds": 1,
        "finetune.weight_decay": 0.0,
    }
    config = config_of("toy-entailment_scratch", **changes)
    state = start(config)
    step = optimised.train_step(gpt, config)
    history = []
    for batch in itertools.islice(gpt.batches(config, "train"), 180):
        state, metrics = step(state, batch)
        history.append(metrics)
    first, *_, last = history
    rows = {name: x[:, 0] for name, x in batch.items() if name != "tokenizer"}
    answers = gpt.eval_step(config, state, rows)["outputs"].value
    assert np.array_equal(np.argmax(answers["logits"][:, 0], -1), answers["label"])
    assert len(answers["label"]) == 32
    assert float(last["lm_loss"]) < 0.5 * float(first["lm_loss"])


@pytest.mark.parametrize("name", generated.NAMES)
def test_generated_tasks_are_balanced_and_their_splits_differ(name):
    task = tasks.load(name)
    labels = np.array([round(e.label) for e in task.of("train")])
    assert np.bincount(labels).max() <= 32
    texts = {split: {e.texts for e in task.of(split)} for split in ("train", "test")}
    assert len(texts["test"] & texts["train"]) < 12
    assert jnp.isfinite(jnp.asarray(labels)).all()
