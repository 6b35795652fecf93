"""Training. A failure means that members affect each other, that a teacher draws
dropout, or that targets depend on where they come from."""

import copy
import dataclasses
import itertools
from functools import partial

import chex
import jax
import numpy as np
import pytest

from common.contract import UserError
from common.losses import ensemble_logits
from papers.distillation import data, teacher, train
from papers.distillation.runs import runs
from papers.distillation.variants import get_config
from tests.papers.distillation.distilling import started, stepped


def take(config, n=4):
    return [*itertools.islice(data.batches(config, "train"), n)]


def test_members_train_as_if_each_were_alone(smoke):
    config, state = smoke["ensemble"]
    batches = take(config)
    together, _ = stepped(config, state, batches)
    alone_config = dataclasses.replace(config, seeds=1)
    for m in range(config.seeds):
        one = {
            name: jax.tree.map(lambda x, m=m: x[m : m + 1], getattr(state, name))
            for name in ("params", "opt_state", "batch_stats")
        }
        alone, _ = stepped(alone_config, state.replace(**one), batches)
        member = jax.tree.map(lambda x, m=m: x[m : m + 1], together.params)
        chex.assert_trees_all_close(member, alone.params, atol=1e-5, rtol=1e-4)
    first, second = (together.params["Dense_0"]["kernel"][m] for m in (0, 1))
    assert not np.allclose(first, second)


def test_seeds_start_alike_in_every_run_and_at_every_temperature(smoke):
    hard = smoke["hard_part"][1].params
    soft = smoke["soft_part"][1].params
    chex.assert_trees_all_equal(hard, jax.tree.map(lambda x: x[:2], soft))
    chex.assert_trees_all_equal(hard, jax.tree.map(lambda x: x[2:], soft))


def test_no_student_starts_as_its_teacher_did():
    config = get_config("smoke")
    config.student = config.teacher
    config.runs = ("ensemble", "distilled")
    trained = started(config)
    kernels = [trained[name][1].params["Dense_0"]["kernel"] for name in config.runs]
    for kernel in kernels[1]:
        assert not (kernels[0] == kernel).all((1, 2)).any()


def test_a_specialist_is_right_where_it_sends_others_to_its_dustbin(smoke):
    config, state = smoke["specialists"]
    (batch,) = take(config, 1)
    _, metrics = stepped(config, state, [batch])
    logits = np.array(train.forward(config, state, batch["image"]))
    own = np.asarray(state.special["classes"])
    logits[:, :, :-1][:, ~own] = -np.inf
    labels = np.where(own[:, batch["label"][:, 0]].T, batch["label"], own.shape[1])
    hits = (logits.argmax(-1) == labels).mean()
    np.testing.assert_allclose(metrics["accuracy"], hits, rtol=1e-5)


def with_dropout(targets):
    config = get_config("smoke")
    config.teacher.dropout = config.teacher.dropout_input = 0.5
    config.distill.targets = targets
    config.runs = ("ensemble", "distilled")
    return config


def test_cached_live_and_written_targets_train_the_same_student(tmp_path):
    """The teacher has dropout, whose masks would show in the targets."""
    outcomes = {}
    for targets in ("cached", "live"):
        trained = started(with_dropout(targets))
        config, state = trained["distilled"]
        outcomes[targets], _ = stepped(config, state, take(config))
    cached = started(with_dropout("cached"))["distilled"][1].teacher["logits"]
    config = with_dropout("cached")
    config.distill.file = str(tmp_path / "logits.safetensors")
    teacher.write(config.distill.file, np.asarray(cached))
    run = runs(config)["distilled"]
    assert run.after == ()
    state = train.init(run.config, jax.random.key(0))
    assert state.teacher == {}
    batches = take(run.config)
    assert batches[0]["teacher"].shape == (16, 1, 10)
    outcomes["file"], _ = stepped(run.config, state, batches)
    for other in ("live", "file"):
        chex.assert_trees_all_close(
            outcomes["cached"].params, outcomes[other].params, atol=1e-5, rtol=1e-4
        )


def test_targets_are_the_quiet_ensembles_logits(smoke):
    config, state = smoke["distilled"]
    teacher_config, taught = smoke["ensemble"]
    images = data.load(config.data, "train").images
    quiet = train.forward(teacher_config, taught, images[:, None])
    expected = ensemble_logits(quiet)
    np.testing.assert_allclose(state.teacher["logits"], expected, atol=1e-5)


def test_logits_of_another_set_are_a_user_error(tmp_path):
    config = with_dropout("cached")
    config.distill.file = path = str(tmp_path / "logits.safetensors")
    with pytest.raises(UserError, match="no such weights file"):
        data.batches(runs(config)["distilled"].config, "train")
    teacher.write(path, np.full((512, 10), np.nan))
    with pytest.raises(UserError, match="no numbers"):
        data.batches(runs(config)["distilled"].config, "train")
    teacher.write(path, np.zeros((7, 10)))
    with pytest.raises(UserError, match=r"has logits \[7, 10\], .* needs \[512, 10\]"):
        data.batches(runs(config)["distilled"].config, "train")


def test_a_teacher_changes_nothing_where_labels_have_all_the_weight(smoke):
    config, state = smoke["distilled"]
    labels = copy.deepcopy(config)
    labels.distill.hard_weight = 1.0
    almost = copy.deepcopy(config)
    almost.distill.hard_weight = 1.0 - 1e-7
    outcomes = [stepped(c, state, take(c))[0].params for c in (labels, almost)]
    chex.assert_trees_all_close(*outcomes, atol=1e-4)
    taught, _ = stepped(config, state, take(config))
    differences = jax.tree.map(
        lambda a, b: np.abs(a - b).max(), taught.params, outcomes[0]
    )
    assert max(jax.tree.leaves(differences)) > 1e-3


def test_hidden_norms_stay_limited(smoke):
    config, state = smoke["baseline"]
    config = copy.deepcopy(config)
    config.teacher.max_norm = 1.0
    state, _ = stepped(config, state, take(config))
    for name in ("Dense_0", "Dense_1"):
        norms = np.linalg.norm(state.params[name]["kernel"], axis=1)
        assert norms.max() < 1.0 + 1e-5


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_residual_nets_teach_and_learn(role):
    config = get_config("smoke")
    config.runs = ("ensemble", "distilled")
    net = getattr(config, role)
    net.kind = "resnet"
    net.resnet.depth = 8
    net.resnet.width = 4
    net.max_norm = 0.0
    trained = started(config)
    name = "ensemble" if role == "teacher" else "distilled"
    run, state = trained[name]
    batches = take(run, 1) * 12
    after, metrics = stepped(run, state, batches)
    _, first = stepped(run, state, batches[:1])
    assert metrics["loss"] < first["loss"]
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), after.batch_stats,
                         state.batch_stats)  # fmt: skip
    assert min(jax.tree.leaves(moved)) > 0
    forward = jax.jit(partial(train.forward, run))
    assert np.isfinite(forward(after, batches[0]["image"])).all()
