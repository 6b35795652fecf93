"""Greedy captions and beams, re-scored from scratch, and all sequences counted out."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers.captioning import decoding, objective
from papers.captioning.config import Model
from papers.captioning.decoding import Options
from papers.captioning.model import END, Captioner

BASE = Model(vocab=4, width=6, dropout=0.0, text_std=1.0)
FORMS = [
    {"guidance": "none"},
    {"guidance": "text", "words": 2},
    {"guidance": "text"},
]
IMAGE = jnp.asarray(np.random.default_rng(3).normal(0, 2, (3, 6)), jnp.float32)
LENGTH = 4


def drawn(changes):
    """A network with weights large enough that words matter."""
    config = dataclasses.replace(BASE, **changes)
    tokens = jnp.zeros((3, 1, LENGTH), jnp.int32)
    params = Captioner(config).init(jax.random.key(5), IMAGE, tokens)["params"]
    return config, jax.tree.map(lambda x: 2 * x, params)


@pytest.fixture(params=FORMS, ids=lambda f: "-".join(map(str, f.values())))
def trained(request):
    return drawn(request.param)


def from_scratch(config, params, tokens):
    logits = Captioner(config).apply({"params": params}, IMAGE, tokens)
    return objective.log_probabilities(logits, tokens)


def test_one_beam_is_the_likeliest_symbol_each_time(trained):
    config, params = trained
    net = Captioner(config)
    found = decoding.captions(config, params, IMAGE, Options(LENGTH))
    apply = jax.jit(net.apply)
    words = np.zeros((3, LENGTH), int)
    ended = np.zeros(3, bool)
    for t in range(LENGTH):
        logits = apply({"params": params}, IMAGE, jnp.asarray(words[:, None]))
        best = np.asarray(logits[:, 0, t].argmax(axis=-1))
        ended |= best == END
        words[:, t] = np.where(ended, END, best)
    np.testing.assert_array_equal(decoding.words_of(found.tokens)[:, 0], words)


@pytest.mark.parametrize("beams", [4])
def test_log_p_is_that_of_the_caption_scored_from_scratch(trained, beams):
    """What a beam carries, its guidance's words among it, has followed it."""
    config, params = trained
    found = decoding.captions(config, params, IMAGE, Options(LENGTH, beams))
    again = from_scratch(config, params, decoding.words_of(found.tokens))
    np.testing.assert_allclose(found.log_p, again, atol=1e-4)
    assert (np.diff(found.log_p, axis=1) <= 1e-6).all()
    assert (found.tokens[..., -1] == END).all()


def test_as_many_beams_as_captions_find_the_best(trained):
    config, params = trained
    every = [
        (*words, *[END] * (3 - len(words)))
        for n in range(4)
        for words in itertools.product(range(1, 5), repeat=n)
    ]
    tokens = jnp.broadcast_to(jnp.array(every), (3, len(every), 3))
    log_p = np.asarray(from_scratch(config, params, tokens))
    found = decoding.captions(config, params, IMAGE, Options(3, beams=len(every)))
    best = np.asarray(tokens)[np.arange(3), log_p.argmax(axis=1)]
    np.testing.assert_array_equal(decoding.words_of(found.tokens)[:, 0], best)
    np.testing.assert_allclose(found.log_p[:, 0], log_p.max(axis=1), atol=1e-5)
    total = np.logaddexp.reduce(log_p, axis=1)  # of all captions of up to 3 words
    assert (total < 1e-5).all()


def test_captions_have_the_least_words():
    config, params = drawn({"words": 2})
    options = Options(LENGTH, beams=3, least=3)
    found = decoding.captions(config, params, IMAGE, options)
    words = decoding.words_of(found.tokens)
    assert ((words != END).sum(axis=-1) >= 3).all()


@pytest.mark.parametrize("n", [1, 2])
def test_no_run_of_words_comes_twice(n):
    config, params = drawn({"words": 2})
    options = Options(10, beams=2, least=10, no_repeat=n)
    found = decoding.captions(config, params, IMAGE, options)
    for row in np.asarray(decoding.words_of(found.tokens)).reshape(-1, 10):
        words = [int(w) for w in row if w != END]
        runs = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        assert len({*runs}) == len(runs)
        assert n > 1 or len(words) == 4  # there are no others


def test_captions_are_longer_with_alpha():
    config, params = drawn({"words": 2})
    lengths = []
    for alpha in (0.0, 3.0):
        options = Options(LENGTH, beams=5, alpha=alpha)
        found = decoding.captions(config, params, IMAGE, options)
        lengths.append(int((found.tokens[:, 0] != END).sum()))
    assert lengths[1] > lengths[0]


@pytest.mark.slow
def test_drawn_captions_are_as_frequent_as_the_network_says():
    """4,000 captions of two words at most: each one's share is its probability, and the
    log p beside it is that of the caption scored from scratch."""
    config, params = drawn({"words": 1})
    one = IMAGE[:1]
    options = Options(2, beams=4000)
    found = decoding.sampled(config, params, one, options, 1.0, jax.random.key(0))
    words = np.asarray(decoding.words_of(found.tokens))[0]
    different, count = np.unique(words, axis=0, return_counts=True)
    logits = Captioner(config).apply({"params": params}, one, different[None])
    each, mask = objective.losses(logits, jnp.asarray(different[None]))
    full = (different != END).all(axis=1)
    mask = np.array(mask)[0]
    mask[full, -1] = 0  # END is all that is left
    p = np.exp(-(np.asarray(each)[0] * mask).sum(axis=-1))
    assert p.sum() > 0.95
    np.testing.assert_allclose(count / 4000, p, atol=0.03)
    assert (np.diff(found.log_p[0]) <= 0).all()
    cold = decoding.sampled(config, params, one, options, 1e-3, jax.random.key(1))
    greedy = decoding.captions(config, params, one, Options(2))
    assert (cold.tokens[0] == greedy.tokens[0]).all()
