"""The network beside transformers' openai-gpt. A failure means that released weights
would make another network."""

import dataclasses
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers.gpt import weights
from papers.gpt.config import Model
from papers.gpt.model import GPT
from tests.papers.gpt import huggingface_logits as reference

CONFIG = Model(
    vocab_size=reference.VOCAB,
    context=reference.CONTEXT,
    d_model=reference.WIDTH,
    n_heads=reference.HEADS,
    n_layers=reference.LAYERS,
)


@pytest.fixture(scope="module")
def expected():
    with np.load(Path(reference.__file__).with_suffix(".npz")) as file:
        return dict(file)


def run(compute, net, params):
    """compute(the network with these parameters), all in float64, compiled at once."""
    wide = net.clone(config=dataclasses.replace(CONFIG, dtype="float64"))
    with jax.enable_x64(True):
        variables = {"params": jax.tree.map(np.float64, params)}
        return jax.jit(lambda variables: compute(wide.bind(variables)))(variables)


def test_logits_are_those_of_transformers(expected):
    rows = jnp.asarray(reference.tokens(), jnp.int32)
    net = GPT(CONFIG)
    like = jax.eval_shape(net.init, jax.random.key(0), rows)["params"]
    params = weights.from_huggingface(reference.arrays(), like)
    logits = run(lambda net: net.logits(net(rows)), net, params)
    chex.assert_trees_all_close(logits, expected["logits"], atol=1e-5, rtol=0)
    assert np.abs(expected["logits"]).max() > 1


def test_choices_are_scored_as_by_transformers(expected):
    """By the head, at the last token of each."""
    rows = jnp.asarray(reference.tokens(), jnp.int32)[None]
    at = jnp.full((1, 2), reference.CONTEXT - 1)
    net = GPT(CONFIG, outputs=1)

    def init(key):
        return net.init(key, rows, at, "choice", method="task")["params"]

    like = jax.eval_shape(init, jax.random.key(0))
    like["specials"] = np.zeros((3, reference.WIDTH))  # which no row here has
    params = weights.from_huggingface(reference.arrays() | reference.head(), like)
    scores = run(lambda net: net.task(rows, at, "choice")[0], net, params)
    chex.assert_trees_all_close(scores[0], expected["choices"], atol=1e-5, rtol=0)
