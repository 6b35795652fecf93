"""The run "words": its loss, and what it hands on."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.config import changed
from common.contract import UserError
from papers import captioning
from papers.captioning import data, train, word_labels
from papers.captioning.captions import Writer

RNG = np.random.default_rng(0)


def made(**fields):
    """The configs of stages from scratch, by their names."""
    config = captioning.get_config("smoke")
    changes = {
        "runs": ("words", "glstm", "tuned"), "seeds": 1, "encoder.cached": False,
        "encoder.widths": (8,), "data.restyle": 0.5, "stages.words_steps": 40,
    }  # fmt: skip
    fields = {name.replace("__", "."): value for name, value in fields.items()}
    runs = captioning.runs(changed(config, changes | fields))
    return {name: run.config for name, run in runs.items()}


def test_the_loss_is_a_mean_over_the_words_of_all_captions():
    """Of two pictures, the second of which does not count in `evaluated`."""
    head = {"kernel": RNG.normal(0, 1, (3, 5)), "bias": RNG.normal(0, 1, 5)}
    image = RNG.normal(0, 1, (2, 3))
    tokens = np.array([[[2, 4, 0], [1, 0, 0]], [[3, 3, 3], [4, 0, 0]]])
    logits = image @ head["kernel"] + head["bias"]
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    each, mask = word_labels.losses(head, jnp.asarray(image), jnp.asarray(tokens))
    first = -log_p[0, [2, 4, 1]]
    second = -log_p[1, [3, 3, 3, 4]]
    sums = np.asarray((each * mask).sum(axis=1))
    np.testing.assert_allclose(sums, [first.sum(), second.sum()], rtol=1e-5)
    assert mask.sum() == 7
    only = word_labels.evaluated(head, image, tokens, jnp.array([1.0, 0.0]))
    assert only["loss"].value == pytest.approx(first.mean(), rel=1e-5)


def test_an_error_is_a_likeliest_word_that_no_caption_has():
    """END, which is no word, is the likeliest symbol."""
    head = {"kernel": np.zeros((1, 4)), "bias": np.array([9.0, 0.0, 1.0, 2.0])}
    tokens = np.array([[[1, 0], [3, 0]], [[1, 2], [2, 0]]])
    found = word_labels.evaluated(head, np.zeros((2, 1)), tokens, np.ones(2))
    assert found["word_error"].value == 0.5


@pytest.fixture(scope="module")
def trained():
    """The run "words", trained, and its config."""
    config = made()["words"]
    state = train.init(config, jax.random.key(0), {})
    step = jax.jit(partial(train.train_step, config))
    losses = []
    for _, batch in zip(range(40), data.batches(config, "train"), strict=False):
        state, metrics = step(state, batch)
        losses.append(float(metrics["loss"]))
    return config, state, losses


@pytest.mark.slow
def test_words_are_learnt_and_the_whole_encoder_is_handed_on(trained):
    config, state, losses = trained
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    after = {"words": (config, state)}
    frozen = train.init(made()["glstm"], jax.random.key(1), after)
    assert_same(frozen.encoder["params"], state.params["encoder"])
    assert_same(frozen.encoder["batch_stats"], state.encoder["batch_stats"])
    assert "words" not in frozen.params
    tuned = train.init(made()["tuned"], jax.random.key(1), after)
    assert_same(tuned.params["encoder"], state.params["encoder"])


@pytest.mark.slow
def test_a_run_that_writes_no_captions_is_told_in_a_line(trained):
    config, state, _ = trained
    with pytest.raises(UserError, match="writes no captions"):
        Writer.of(config, state)
    with pytest.raises(UserError, match="writes no captions"):
        next(captioning.predict(config, state, "x.png"))


def assert_same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_stages_come_after_the_words():
    config = captioning.get_config("smoke")
    config.runs = ("nt2", "words", "tuned", "classifier")
    after = {name: run.after for name, run in captioning.runs(config).items()}
    assert after == {
        "classifier": (), "words": ("classifier",), "tuned": ("words",),
        "nt2": ("tuned",),
    }  # fmt: skip


def test_restyled_pictures_have_no_vectors_to_keep():
    config = captioning.get_config("smoke")
    config.data.restyle = 0.5
    with pytest.raises(UserError, match=r"config\.data\.restyle a picture is another"):
        captioning.runs(config)
