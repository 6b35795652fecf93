"""The losses of section 3, and what counts in them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.config import changed
from papers import gpt
from papers.gpt import data, objective, train

SMOKE = gpt.get_config("smoke")
NAMES = ("toy-choice", "toy-kind", "toy-similarity")


def losses(config, params, batch):
    """Compiled: one by one, the operations of a network take seconds."""
    return jax.jit(partial(objective.losses, config, dropout=None))(params, batch)


def stepped(config, state, batch):
    return jax.jit(partial(gpt.train_step, config))(state, batch)


def config_of(name, weight=0.5):
    config = changed(SMOKE, {"runs": (f"{name}_scratch",)})
    config.finetune.aux_weight = weight
    return gpt.runs(config)[f"{name}_scratch"].config


@pytest.fixture(scope="module", params=NAMES)
def case(request):
    """(config, the parameters of one member, a batch)."""
    config = config_of(request.param)
    state = gpt.init(config, jax.random.key(0))
    params, _ = train.each_member(state.params)
    params = jax.tree.map(
        lambda x: x + 0.1 * jnp.sin(jnp.arange(x.size)).reshape(x.shape), params
    )
    batch = next(gpt.batches(config, "valid"))
    return config, params, batch


def test_without_weight_the_loss_is_that_of_the_labels(case):
    config, params, batch = case
    config = changed(config, {"finetune.aux_weight": 0.0})
    found = losses(config, params, batch)
    np.testing.assert_array_equal(found.total, found.parts["task_loss"])
    log_p = np.asarray(jax.nn.log_softmax(found.logits))
    if "soft" in batch:
        expected = -np.sum(batch["soft"] * log_p, axis=-1)
    else:
        expected = -np.take_along_axis(log_p, batch["label"][:, None], 1)[:, 0]
    np.testing.assert_allclose(found.total, expected, rtol=1e-5, atol=1e-6)


def test_the_auxiliary_loss_is_a_mean_of_the_texts_means(case):
    """Written out text by text; the mean over all tokens is another number."""
    config, params, batch = case
    found = losses(config, params, batch)
    network, form = objective.network(config), data.shape(config).form
    _, nll = jax.jit(
        lambda p, *x: network.apply({"params": p}, *x, form, method="task")
    )(params, batch["tokens"], batch["extract"])
    expected, tokens = [], []
    for texts, ends in zip(np.asarray(nll), batch["extract"], strict=True):
        own = [text[:end] for text, end in zip(texts, ends, strict=True)]
        expected.append(np.mean([text.mean() for text in own]))
        tokens.append(np.concatenate(own))
    lm_loss = found.parts["lm_loss"]
    np.testing.assert_allclose(lm_loss, expected, rtol=1e-5)
    np.testing.assert_allclose(
        found.total, found.parts["task_loss"] + 0.5 * lm_loss, rtol=1e-6
    )
    assert abs(np.mean(expected) - np.concatenate(tokens).mean()) > 1e-6


def test_padding_changes_no_loss(case):
    config, params, batch = case
    behind = batch["mask"] == 0
    other = {**batch, "tokens": np.where(behind, 7, batch["tokens"])}
    assert behind.any()
    one = losses(config, params, batch)
    two = losses(config, params, other)
    np.testing.assert_array_equal(one.total, two.total)


def test_the_loss_of_a_step_is_the_mean_over_rows_and_members():
    config = config_of("toy-choice")
    state = gpt.init(config, jax.random.key(0))
    batch = next(gpt.batches(config, "train"))
    _, metrics = stepped(config, state, batch)
    totals = []
    for i, params in enumerate(train.each_member(state.params)):
        own = {name: x[:, i] for name, x in batch.items() if name != "tokenizer"}
        totals.append(losses(config, params, own).total)
    assert float(metrics["loss"]) == pytest.approx(float(np.mean(totals)), rel=1e-5)


def test_pre_training_minimises_minus_log_p_of_the_next_token():
    config = gpt.runs(SMOKE)["pretrain"].config
    state = gpt.init(config, jax.random.key(0))
    batch = next(gpt.batches(config, "train"))
    (params,) = train.each_member(state.params)
    network = objective.network(config)

    def all_logits(module, tokens):
        return module.logits(module(tokens))

    logits = jax.jit(lambda p, x: network.apply({"params": p}, x, method=all_logits))(
        params, batch["inputs"]
    )
    assert logits.shape[-1] == config.model.vocab_size
    log_p = jax.nn.log_softmax(logits)
    expected = -jnp.take_along_axis(log_p, batch["targets"][..., None], -1).mean()
    _, metrics = stepped(config, state, batch)
    assert float(metrics["loss"]) == pytest.approx(float(expected), rel=1e-5)
