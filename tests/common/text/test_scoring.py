"""log p of given texts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.text.scoring import Scorer
from papers.gpt2.config import Model
from papers.gpt2.model import GPT2

MODEL = Model(vocab_size=30, context=16, n_layers=1, d_model=16, n_heads=2)
NETWORK = GPT2(MODEL)


@pytest.fixture(scope="module")
def params():
    drawn = NETWORK.init(jax.random.key(3), jnp.zeros((1, 2), jnp.int32))["params"]
    return jax.tree.map(lambda x: 8 * x if x.ndim > 1 else x, drawn)


@pytest.fixture(scope="module")
def scorer(params):
    return Scorer(NETWORK, params, rows=4, size=28)


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    return [rng.integers(28, size=n) for n in (2, 17, 5, 9, 3, 12)]


def log_probs(params, text):
    hidden = NETWORK.apply({"params": params}, jnp.asarray(text)[None])
    logits = NETWORK.apply({"params": params}, hidden, method="logits")[0, :, :28]
    return np.asarray(jax.nn.log_softmax(logits))


def test_each_text_is_scored_as_if_it_were_alone(scorer, params, texts):
    contexts = [1, 4, 3, 8, 1, 11]
    found = scorer.nll(texts, contexts)
    for text, context, nll in zip(texts, contexts, found, strict=True):
        log_p = log_probs(params, text[:-1])
        expected = -log_p[np.arange(len(text) - 1), text[1:]][context - 1 :]
        np.testing.assert_allclose(nll, expected, rtol=1e-4)


def test_the_next_token_has_the_probabilities_after_the_whole_text(
    scorer, params, texts
):
    texts = [text[:16] for text in texts]
    found = scorer.next_log_probs(texts)
    assert found.shape == (6, 28)
    for text, row in zip(texts, found, strict=True):
        np.testing.assert_allclose(row, log_probs(params, text)[-1], atol=1e-4)


def test_a_long_text_is_read_in_windows_that_overlap(scorer, params):
    text = np.random.default_rng(1).integers(28, size=75)
    found = scorer.text_nll(text, 16, 4)
    assert len(found) == 74
    at = 40  # predicted in the window that ends with the stride it lies in
    end = 16 + -(-(at + 1 - 16) // 4) * 4
    window = text[end - 16 : end]
    expected = -log_probs(params, window)[at - (end - 16), text[at + 1]]
    np.testing.assert_allclose(found[at], expected, rtol=1e-4)
