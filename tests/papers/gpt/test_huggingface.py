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


def double(params):
    """The network and its variables, in float64."""
    config = dataclasses.replace(CONFIG, dtype="float64")
    return config, {"params": jax.tree.map(np.float64, params)}


def test_logits_are_those_of_transformers(expected):
    rows = jnp.asarray(reference.tokens(), jnp.int32)
    like = jax.eval_shape(GPT(CONFIG).init, jax.random.key(0), rows)["params"]
    params = weights.from_huggingface(reference.arrays(), like)
    with jax.enable_x64(True):
        config, variables = double(params)
        hidden = GPT(config).apply(variables, rows)
        logits = GPT(config).apply(variables, hidden, method="logits")
    chex.assert_trees_all_close(logits, expected["logits"], atol=1e-5, rtol=0)
    assert np.abs(expected["logits"]).max() > 1


def test_choices_are_scored_as_by_transformers(expected):
    """By the head, at the last token of each."""
    rows = jnp.asarray(reference.tokens(), jnp.int32)[None]
    at = jnp.full((1, 2), reference.CONTEXT - 1)

    def init(key):
        return GPT(CONFIG, outputs=1).init(key, rows, at, "choice", method="task")

    like = jax.jit(init)(jax.random.key(0))["params"]
    arrays = reference.arrays() | reference.head()
    with jax.enable_x64(True):
        config, variables = double(weights.from_huggingface(arrays, like))
        net = GPT(config, outputs=1)
        scores, _ = net.apply(variables, rows, at, "choice", method="task")
    chex.assert_trees_all_close(scores[0], expected["choices"], atol=1e-5, rtol=0)
