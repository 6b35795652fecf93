"""The guidance: every form beside its equation, written out in numpy, word by word."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers.captioning import guidance

WIDTH, WORDS, TIME = 6, 11, 9
RNG = np.random.default_rng(0)
TABLE = RNG.normal(1, 0.5, (WORDS, WIDTH))
TOKENS = RNG.integers(0, WORDS, (3, TIME))
IMAGE = RNG.normal(0, 1, (3, WIDTH))

NUMPY_PHI = {
    "tanh": np.tanh,
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softmax": lambda x: len(x) * np.exp(x) / np.exp(x).sum(),
}


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64():
        yield


def means_by_loop(table, tokens, n):
    """W S_t for t = 1, 2, ... of one caption: S_t by one-hot words."""
    found = []
    for t in range(1, len(tokens) + 1):
        known = tokens[:t] if n == 0 else tokens[max(t - n, 0) : t]
        one_hot = np.eye(len(table))[known].mean(axis=0)
        found.append(one_hot @ table)
    return np.array(found)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 8, 9, 10, 40])
def test_means_are_those_of_the_loop_over_words(n):
    expected = [means_by_loop(TABLE, row, n) for row in TOKENS]
    found = guidance.context(n).means(jnp.asarray(TABLE)[TOKENS])
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 8, 9, 40])
def test_word_by_word_is_all_at_once(n):
    context = guidance.context(n)
    rows = jnp.asarray(TABLE)[TOKENS]
    memory, found = context.start((3,), WIDTH), []
    for t in range(TIME):
        memory, mean = context.step(memory, rows[:, t])
        found.append(mean)
    np.testing.assert_allclose(
        jnp.stack(found, axis=1), context.means(rows), atol=1e-12
    )


def test_a_long_n_gram_is_the_sentence():
    rows = jnp.asarray(TABLE)[TOKENS]
    for n in (TIME, TIME + 5):
        np.testing.assert_allclose(
            guidance.context(n).means(rows), guidance.context(0).means(rows)
        )


def test_a_1_gram_is_the_row_of_the_current_word():
    rows = jnp.asarray(TABLE)[TOKENS]
    np.testing.assert_array_equal(guidance.context(1).means(rows), TABLE[TOKENS])


@pytest.mark.parametrize("phi", guidance.PHI)
def test_factored_is_the_equation(phi):
    text = TABLE[TOKENS[:, 0]]
    expected = [NUMPY_PHI[phi](i * s) for i, s in zip(IMAGE, text, strict=True)]
    found = guidance.factored(jnp.asarray(IMAGE), text, phi)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("phi", guidance.PHI)
def test_bilinear_is_the_equation(phi):
    """Σ_jk W_ijk I^j S_t^k + b^i, with an arbitrary tensor and the sentence's S_t."""
    tensor = RNG.normal(0, 1, (WIDTH, WIDTH, WORDS))
    bias = RNG.normal(0, 1, WIDTH)
    bag = np.eye(WORDS)[TOKENS[0]].mean(axis=0)
    inner = np.einsum("ijk,j,k->i", tensor, IMAGE[0], bag) + bias
    table = jnp.asarray(tensor.transpose(2, 0, 1).reshape(WORDS, -1))
    text = guidance.Sentence().means(table[TOKENS[0]])[-1]
    found = guidance.bilinear(jnp.asarray(IMAGE[0]), text, jnp.asarray(bias), phi)
    np.testing.assert_allclose(found, NUMPY_PHI[phi](inner), atol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("phi", guidance.PHI)
def test_a_diagonal_tensor_is_the_factored_form(n, phi):
    table = guidance.factored_as_bilinear(jnp.asarray(TABLE))
    context = guidance.context(n)
    image = jnp.asarray(IMAGE)[:, None]
    full = guidance.bilinear(image, context.means(table[TOKENS]), jnp.zeros(WIDTH), phi)
    small = guidance.factored(image, context.means(jnp.asarray(TABLE)[TOKENS]), phi)
    np.testing.assert_allclose(full, small, atol=1e-12)


def test_the_softmax_has_mean_1():
    x = guidance.PHI["softmax"](jnp.asarray(IMAGE))
    np.testing.assert_allclose(x.mean(axis=-1), 1, atol=1e-12)
