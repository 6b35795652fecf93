"""Runs: their order, their steps, what a user may ask for."""

import dataclasses

import numpy as np
import pytest

from common.config import changed
from common.contract import UserError
from papers import gpt
from papers.gpt import data

SMOKE = gpt.get_config("smoke")


def runs_of(*names, **changes):
    return gpt.runs(changed(SMOKE, {"runs": names, **changes}))


def test_fine_tuning_comes_after_its_own_pre_training():
    found = runs_of("pretrain", "pretrain_lstm", "toy-kind", "toy-kind_lstm")
    assert found["toy-kind"].after == ("pretrain",)
    assert found["toy-kind_lstm"].after == ("pretrain_lstm",)
    assert runs_of("toy-kind_scratch")["toy-kind_scratch"].after == ()


def test_nothing_to_take_over_is_one_line():
    run = runs_of("toy-kind")["toy-kind"]
    assert run.after == ()
    with pytest.raises(UserError, match=r"give --config\.weights, add pretrain"):
        gpt.batches(run.config, "train")


def test_an_unknown_run_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="toy-kind"):
        runs_of("toy-kin")
    with pytest.raises(UserError, match=r"cola reads files: .* before pretrain trains"):
        runs_of("pretrain", "cola")


def test_pre_training_is_the_same_whatever_comes_after_it():
    """So that another task can be fine-tuned in a workdir that stands."""
    one = runs_of("pretrain", "toy-kind")["pretrain"].config
    other = runs_of("pretrain", "toy-choice", **{"finetune.lr": 1.0})["pretrain"].config
    assert dataclasses.asdict(one) == dataclasses.asdict(other)


def test_a_condition_changes_what_its_name_says():
    names = ("pretrain", "toy-kind", "toy-kind_no_aux", "toy-kind_transfer")
    found = {name: run.config for name, run in runs_of(*names).items()}
    assert found["toy-kind"].finetune.aux_weight == 0.5
    assert found["toy-kind_no_aux"].finetune.aux_weight == 0
    assert found["toy-kind_transfer"].depths == (-1, 0, 1)
    assert found["toy-kind_transfer"].members == 6
    assert found["pretrain"].members == 1


def test_epochs_are_counted_in_whole_batches():
    changes = {"finetune.steps": 0, "finetune.epochs": 3, "finetune.batch_size": 30}
    found = runs_of("toy-kind_scratch", **changes)["toy-kind_scratch"].config
    assert found.loop.steps == 3 * (64 // 30)


def test_fewer_examples_are_balanced():
    config = runs_of("toy-kind_scratch", **{"finetune.examples": 10})
    task = data.task(config["toy-kind_scratch"].config)
    labels = [e.label for e in task.of("train")]
    assert np.bincount(labels).tolist() == [5, 5]
    assert len(task.of("test")) == 24


def test_every_seed_has_its_own_order():
    config = runs_of("toy-kind_scratch")["toy-kind_scratch"].config
    batch = next(gpt.batches(config, "train"))
    assert batch["tokens"].shape[:2] == (8, 2)
    assert not np.array_equal(batch["tokens"][:, 0], batch["tokens"][:, 1])


def test_inputs_are_as_long_as_the_longest_example():
    config = runs_of("toy-kind_scratch")["toy-kind_scratch"].config
    longest = max(data.inputs(config, s).longest for s in ("train", "valid", "test"))
    assert data.length(config) == longest < config.model.context


def test_a_table_of_the_user_has_its_own_classes(tmp_path):
    rows = [f"word{i % 7} there\t{'abc'[i % 3]}" for i in range(60)]
    (tmp_path / "all.tsv").write_text("text\tlabel\n" + "\n".join(rows))
    changes = {"finetune.root": str(tmp_path / "all.tsv")}
    config = runs_of("table_scratch", **changes)["table_scratch"].config
    assert data.shape(config).n_outputs == 3
    assert data.task(config).classes == ("a", "b", "c")
    guess = runs_of("table_scratch")["table_scratch"].config
    assert data.shape(guess).n_outputs == 2


def test_held_out_docstrings_are_not_trained_on():
    config = gpt.get_config("default")
    held_out = [e.texts[0] for e in data.tasks.load("topics").of("test")]
    text = data.texts(config)["train"].decode()
    alone = [x for x in held_out if len(x) > 200]
    assert len(alone) > 10
    assert [x for x in alone if f"\n\n{x}\n\n" in text] == []
