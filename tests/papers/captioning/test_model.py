"""The caption LSTM: its sizes, and the numpy loop over words that it must equal."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from papers.captioning import model
from papers.captioning.config import Model
from papers.captioning.model import Captioner

SMALL = Model(vocab=10, width=5, dropout=0.0, text_std=0.5)
RNG = np.random.default_rng(1)
TOKENS = jnp.array([[[3, 1, 4, 0], [2, 0, 0, 0]], [[5, 9, 2, 6], [0, 0, 0, 0]]])
IMAGE = jnp.asarray(RNG.normal(0, 1, (2, 5)), jnp.float32)
FORMS = [
    {"guidance": "none"},
    {"guidance": "image"},
    {"guidance": "text", "words": 1},
    {"guidance": "text", "words": 2, "phi": "identity"},
    {"guidance": "text"},
    {"guidance": "bilinear", "words": 2},
]


def drawn(config, tokens=TOKENS, image=IMAGE):
    params = Captioner(config).init(jax.random.key(0), image, tokens)["params"]
    return Captioner(config), {"params": params}


def of(changes):
    return dataclasses.replace(SMALL, **changes)


def sizes(config):
    shapes = jax.eval_shape(
        lambda: Captioner(config).init(
            jax.random.key(0), jnp.zeros((1, config.width)), jnp.zeros((1, 1, 3), int)
        )
    )
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


def test_sizes_at_the_papers_vocabulary():
    glstm = Model(vocab=9567, guidance="image")
    assert sizes(glstm) == 12_957_024
    assert sizes(dataclasses.replace(glstm, guidance="text")) == 17_855_840
    nt2 = dataclasses.replace(glstm, guidance="none")
    assert sizes(nt2) == 12_957_024 - 512 * 2048


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_loop(config, params, image, words):
    """Logits of one caption, a word at a time, from the equations."""
    p = jax.tree.map(np.asarray, params["params"])

    def cell(h, c, x, g):
        z = x @ p["lstm"]["input"]["kernel"] + p["lstm"]["input"]["bias"]
        z = z + h @ p["lstm"]["recurrent"] + p["lstm"]["recurrent_bias"]
        if g is not None:
            z = z + g @ p["guide"]["kernel"]
        i, f, a, o = np.split(z, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(a)
        return sigmoid(o) * np.tanh(c), c

    has_guide = config.guidance != "none"
    h, c = np.zeros(config.width), np.zeros(config.width)
    h, c = cell(h, c, image, image if has_guide else None)
    phi = {"tanh": np.tanh, "identity": lambda x: x}[config.phi]
    history, logits = [], []
    for word in [0, *words]:
        history.append(word)
        known = history[-config.words :] if config.words else history
        g = image if has_guide else None
        if config.guidance == "text":
            g = phi(image * p["text"][known].mean(axis=0))
        if config.guidance == "bilinear":
            matrix = p["text"][known].mean(axis=0).reshape(config.width, -1)
            g = phi(matrix @ image + p["text_bias"])
        h, c = cell(h, c, p["embed"][word], g)
        logits.append(h @ p["decoder"]["kernel"] + p["decoder"]["bias"])
    return np.array(logits)


@pytest.mark.parametrize("changes", FORMS)
def test_the_network_is_the_loop_over_words(changes):
    config = of(changes)
    net, params = drawn(config)
    found = net.apply(params, IMAGE, TOKENS)
    for i, image in enumerate(np.asarray(IMAGE)):
        for j, words in enumerate(np.asarray(TOKENS[i])):
            expected = by_loop(config, params, image, words)
            np.testing.assert_allclose(found[i, j], expected, atol=2e-6)


@pytest.mark.parametrize("changes", FORMS)
def test_word_by_word_is_all_at_once(changes):
    net, params = drawn(of(changes))
    expected = net.apply(params, IMAGE, TOKENS)
    progress = net.apply(params, IMAGE, 2, method="start")
    step = jax.jit(partial(net.apply, method="step"))
    read = model.shifted(TOKENS)
    for t in range(read.shape[-1]):
        logits, progress = step(params, IMAGE, read[:, :, t], progress)
        np.testing.assert_allclose(logits, expected[:, :, t], atol=2e-6)


def test_a_text_of_ones_is_the_image_guidance():
    """Φ = identity and W_c = 1: g_t is I bit for bit, and the logits are gLSTM's."""
    net, params = drawn(of({"phi": "identity", "text_std": 0.0}))
    assert (params["params"]["text"] == 1).all()
    image_net = Captioner(of({"guidance": "image"}))
    own = {k: v for k, v in params["params"].items() if k != "text"}
    for n in (0, 2):
        net = Captioner(of({"phi": "identity", "words": n}))
        g = net.apply(params, IMAGE, TOKENS, method="guidances")
        assert (g == IMAGE[:, None, None]).all()
        found = net.apply(params, IMAGE, TOKENS)
        expected = image_net.apply({"params": own}, IMAGE, TOKENS)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_guidance_follows_the_words():
    """The same image and two prefixes: td-gLSTM's g_t differs from the first other
    word on, img-gLSTM's never does."""
    tokens = jnp.array([[[1, 2, 3], [1, 4, 3]]])
    net, params = drawn(SMALL)
    g = net.apply(params, IMAGE[:1], tokens, method="guidances")[0]
    np.testing.assert_array_equal(g[0, :2], g[1, :2])
    assert (jnp.abs(g[0, 2:] - g[1, 2:]).max(axis=-1) > 1e-3).all()
    net, params = drawn(of({"guidance": "image"}))
    g = net.apply(params, IMAGE[:1], tokens, method="guidances")[0]
    np.testing.assert_array_equal(g, jnp.broadcast_to(IMAGE[0], g.shape))


def test_targets_are_the_words_and_one_end():
    np.testing.assert_array_equal(
        model.target_mask(TOKENS),
        [[[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], [[1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]],
    )
    np.testing.assert_array_equal(model.targets(TOKENS)[0, 0], [3, 1, 4, 0, 0])


@pytest.mark.slow
@pytest.mark.parametrize("changes", FORMS[3:])
def test_gradients_are_those_of_differences(changes):
    with jax.enable_x64():
        net, params = drawn(of(changes), image=jnp.asarray(IMAGE, jnp.float64))
        params = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), params)
        weights = RNG.normal(0, 1, (2, 2, 5, 11))

        def loss(params, image):
            return jnp.sum(weights * net.apply(params, image, TOKENS))

        image = jnp.asarray(IMAGE, jnp.float64)
        check_grads(loss, (params, image), order=1, modes=["rev"], atol=1e-5, rtol=1e-5)
