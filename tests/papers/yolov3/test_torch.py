"""A small detector beside PyTorch's, of one cfg and one .weights file. A failure means
that a layer, its gradient, the running statistics or the file's order is not theirs."""

from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers.yolov3 import darknet_cfg, model, weights
from papers.yolov3.model import Network
from tests.papers.yolov3 import torch_outputs

CFG = darknet_cfg.parse(torch_outputs.CFG)


@pytest.fixture(scope="module")
def torch():
    with np.load(Path(torch_outputs.__file__).with_suffix(".npz")) as file:
        return dict(file)


def loaded(tmp_path, data):
    path = tmp_path / "torch.weights"
    path.write_bytes(data.tobytes())
    like = jax.eval_shape(lambda: model.init(CFG, jax.random.key(0)))
    return weights.load(str(path), CFG, like)


def test_the_raw_maps_are_pytorchs(tmp_path, torch):
    variables = loaded(tmp_path, torch["weights"])
    maps = jax.jit(Network(CFG).apply)(variables, torch["images"])
    assert [x.shape for x in maps] == [(2, 4, 4, 2, 7), (2, 8, 8, 2, 7)]
    for i, found in enumerate(maps):
        expected = torch[f"maps_{i}"].reshape(found.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_training_step_is_pytorchs(tmp_path, torch):
    """Its loss, every weight after it, and every running mean and variance."""
    variables = loaded(tmp_path, torch["weights"])

    @jax.jit
    def step(variables, images):
        def loss_fn(params):
            maps, updated = Network(CFG).apply(
                {**variables, "params": params}, images, train=True, mutable=True
            )
            return sum(jnp.mean(x**2) for x in maps), updated["batch_stats"]

        (loss, batch_stats), grads = jax.value_and_grad(loss_fn, has_aux=True)(
            variables["params"]
        )
        moved = jax.tree.map(
            lambda p, g: p - torch_outputs.RATE * g, variables["params"], grads
        )
        return loss, {"params": moved, "batch_stats": batch_stats}

    loss, found = step(variables, torch["images"])
    np.testing.assert_allclose(loss, torch["loss"], rtol=1e-5)
    expected = loaded(tmp_path, torch["stepped"])
    chex.assert_trees_all_close(found, expected, rtol=1e-4, atol=2e-6)
    changed = jax.tree.map(
        lambda a, b: bool(jnp.any(jnp.abs(a - b) > 1e-5)), found, variables
    )
    assert all(jax.tree.leaves(changed["batch_stats"]))
