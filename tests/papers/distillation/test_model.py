"""The networks. A failure means that their sizes are not the paper's, or that the
members of a stack mix."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers.distillation import model
from papers.distillation.config import Net
from papers.resnet.config import Model as ResNet

KEYS = jax.random.split(jax.random.key(0), 3)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 1, 6, 4, 1), np.uint8)
NETS = {
    "mlp": Net(hidden=(16, 8)),
    "resnet": Net(kind="resnet", resnet=ResNet(depth=8, width=4)),
}


@pytest.mark.parametrize(
    ("hidden", "shape", "classes", "count"),
    [
        ((1200, 1200), (28, 28, 1), 10, 2_395_210),
        ((800, 800), (28, 28, 1), 10, 1_276_810),
        ((30, 30), (28, 28, 1), 10, 24_790),
        ((2560,) * 8, (26, 40, 1), 14_000, 84_412_080),
    ],
)
def test_parameters_of_the_papers_nets(hidden, shape, classes, count):
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 2))
    start = jax.eval_shape(
        lambda keys: model.start(Net(hidden=hidden), shape, classes, keys), keys
    )
    assert sum(leaf.size for leaf in jax.tree.leaves(start)) == 2 * count


def test_the_mlp_is_rectified_layers_of_pixels():
    variables = model.start(NETS["mlp"], (6, 4, 1), 7, KEYS)
    logits = model.apply(NETS["mlp"], 7, variables, IMAGES)
    for m in range(3):
        x = IMAGES.reshape(5, -1) / 255
        for i in range(3):
            layer = variables["params"][f"Dense_{i}"]
            x = x @ layer["kernel"][m] + layer["bias"][m]
            x = np.maximum(x, 0) if i < 2 else x
        np.testing.assert_allclose(logits[:, m], x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", NETS)
def test_members_are_the_networks_one_by_one(kind):
    net = NETS[kind]
    apply = jax.jit(partial(model.apply, net, 7))
    apply_train = jax.jit(partial(model.apply_train, net, 7))
    variables = jax.jit(partial(model.start, net, (6, 4, 1), 7))(KEYS)
    own = np.random.default_rng(1).integers(0, 256, (5, 3, 6, 4, 1), np.uint8)
    shared = apply(variables, IMAGES)
    apart = apply(variables, own)
    trained, stats = apply_train(variables, own, KEYS)
    for m in range(3):
        one = jax.tree.map(lambda leaf, m=m: leaf[m : m + 1], variables)
        for many, images in (shared, IMAGES), (apart, own[:, m : m + 1]):
            alone = apply(one, images)[:, 0]
            np.testing.assert_allclose(many[:, m], alone, rtol=1e-4, atol=1e-5)
        alone, moved = apply_train(one, own[:, m : m + 1], KEYS[m : m + 1])
        np.testing.assert_allclose(trained[:, m], alone[:, 0], rtol=1e-3, atol=1e-4)
        for many, single in zip(*map(jax.tree.leaves, (stats, moved)), strict=True):
            np.testing.assert_allclose(many[m], single[0], rtol=1e-3, atol=1e-4)


def test_dropout_differs_by_member_and_is_off_in_evaluation():
    net = dataclasses.replace(NETS["mlp"], dropout=0.5, dropout_input=0.2)
    variables = model.start(net, (6, 4, 1), 7, jnp.stack([KEYS[0]] * 3))
    first, _ = model.apply_train(net, 7, variables, IMAGES, KEYS)
    again, _ = model.apply_train(net, 7, variables, IMAGES, KEYS)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first[:, 0], first[:, 1])
    quiet = model.apply(net, 7, variables, IMAGES)
    np.testing.assert_allclose(quiet[:, 0], quiet[:, 1], rtol=1e-5)
    # The mean over many masks of the input alone, before any bend, is the quiet value.
    linear = dataclasses.replace(net, hidden=())
    one = model.start(linear, (6, 4, 1), 7, KEYS[:1])
    variables = jax.tree.map(lambda leaf: jnp.repeat(leaf, 4000, 0), one)
    keys = jax.random.split(jax.random.key(1), 4000)
    noisy, _ = model.apply_train(linear, 7, variables, IMAGES, keys)
    quiet = model.apply(linear, 7, variables, IMAGES)[:, 0]
    np.testing.assert_allclose(noisy.mean(1), quiet, atol=0.06)


def test_limited_norms():
    params = model.start(NETS["mlp"], (6, 4, 1), 7, KEYS)["params"]
    limited = model.limit_norms(params, 1.2)
    for name in ("Dense_0", "Dense_1"):
        before = np.linalg.norm(params[name]["kernel"], axis=1)
        after = np.linalg.norm(limited[name]["kernel"], axis=1)
        assert before.max() > 1.2 > before.min()
        np.testing.assert_allclose(after, np.minimum(before, 1.2), rtol=1e-5)
        kept = before < 1.2
        kernels = (
            x[name]["kernel"].transpose(0, 2, 1)[kept] for x in (params, limited)
        )
        np.testing.assert_allclose(*kernels)
        np.testing.assert_array_equal(params[name]["bias"], limited[name]["bias"])
    np.testing.assert_array_equal(
        params["Dense_2"]["kernel"], limited["Dense_2"]["kernel"]
    )
