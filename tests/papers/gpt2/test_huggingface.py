"""The network beside transformers' gpt2. A failure means that released weights would
make another network."""

import dataclasses
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np

from papers.gpt2 import weights
from papers.gpt2.config import Model
from papers.gpt2.model import GPT2
from tests.papers.gpt2 import huggingface_logits as reference


def test_logits_are_those_of_transformers():
    config = Model(
        vocab_size=reference.VOCAB,
        context=reference.CONTEXT,
        d_model=reference.WIDTH,
        n_heads=reference.HEADS,
        n_layers=reference.LAYERS,
    )
    with np.load(Path(reference.__file__).with_suffix(".npz")) as file:
        expected = file["logits"]
    rows = jnp.asarray(reference.tokens(), jnp.int32)
    like = jax.eval_shape(GPT2(config).init, jax.random.key(0), rows)["params"]
    params = weights.from_huggingface(reference.arrays(), like)
    net = GPT2(dataclasses.replace(config, dtype="float64"))

    @jax.jit
    def compute(params):
        bound = net.bind({"params": params})
        return bound.logits(bound(rows))

    with jax.enable_x64(True):
        logits = compute(jax.tree.map(np.float64, params))
    chex.assert_trees_all_close(logits, expected, atol=1e-5, rtol=0)
    assert np.abs(expected).max() > 1
