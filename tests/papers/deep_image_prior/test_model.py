"""The hourglass. A failure means that it does not compute PyTorch's numbers, which
torch_outputs.py wrote, or that pictures of a batch mix."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import unflatten_dict

from papers.deep_image_prior import model
from papers.deep_image_prior.config import Config, Model
from tests.papers.deep_image_prior import torch_outputs


def test_weights_start_as_pytorchs():
    """All are U(-1/sqrt(n), 1/sqrt(n)), where n is the number of inputs of one
    output."""
    net = model.ConvNorm(Model(), 64, 3)
    params = net.init(jax.random.key(0), jnp.zeros((1, 8, 8, 16)))["params"]
    bound = (9 * 16) ** -0.5
    for leaf in (params["conv"]["kernel"], params["bias"]):
        assert bound * 0.9 < jnp.abs(leaf).max() <= bound
        assert abs(jnp.std(leaf) - bound / 3**0.5) < 0.15 * bound


def small(**fields) -> Config:
    fields = {"input_channels": 3, "down": (4, 6), "skip": (2,), **fields}
    return Config(model=Model(**fields))


def apply(config, params, z):
    return model.output(config, params, z)


def parameters(config, z):
    net = model.network(config)
    params = jax.jit(net.init)(jax.random.key(0), z[None])["params"]
    # Away from the start, where BatchNorm's biases are all zero.
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    noisy = [
        p + 0.2 * jax.random.normal(k, p.shape)
        for p, k in zip(leaves, keys, strict=True)
    ]
    return jax.tree.unflatten(tree, noisy)


Z = jax.random.uniform(jax.random.key(2), (16, 16, 3))


def from_torch(weights: dict) -> dict:
    """Our parameters from PyTorch's, whose modules have our names."""
    params = {}
    for name, x in weights.items():
        *path, last = name.split(".")
        if x.ndim == 4:
            x = x.transpose(2, 3, 1, 0)
            last = "kernel"
        elif last == "weight":
            last = "scale"
        elif path[-1] == "conv":
            path.pop()  # the bias is ConvNorm's own
        params[(*path, last)] = x
    return unflatten_dict(params)


@pytest.mark.parametrize("mode", torch_outputs.MODES)
def test_the_hourglass_gives_pytorchs_numbers(mode):
    with np.load(Path(torch_outputs.__file__).with_suffix(".npz")) as file:
        torch = dict(file)
    weights = {n.removeprefix("weights/"): torch[n] for n in torch if "/" in n}
    skip = torch_outputs.SIZE["skip"]
    down = torch_outputs.SIZE["down"]
    config = small(down=down, skip=skip, upsample=(mode,))
    found = apply(config, from_torch(weights), torch["z"])
    assert np.std(torch[mode]) > 0.05
    np.testing.assert_allclose(found, torch[mode], atol=1e-4)


@pytest.mark.parametrize("padding", ["reflect", "zero"])
def test_a_bias_before_batchnorm_would_move_nothing(padding):
    """The parameter exists, but adding it does not change the function."""
    config = small(padding=padding)
    net = model.ConvNorm(config.model, 4, 3)
    params = net.init(jax.random.key(0), Z[None])["params"]
    x, _ = net.apply({"params": params}, Z[None], mutable=["batch_stats"])
    wide = model.padded(Z[None], 1, padding)
    y = jax.lax.conv_general_dilated(
        wide, params["conv"]["kernel"], (1, 1), "VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    ) + 5 * params["bias"]  # fmt: skip
    y = (y - y.mean((0, 1, 2))) / jnp.sqrt(y.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(x, jax.nn.leaky_relu(y, 0.2), atol=1e-4)


def test_pixels_are_their_own_parameters():
    config = small(family="pixels")
    params = model.network(config).init(jax.random.key(0), Z[None])["params"]
    np.testing.assert_array_equal(apply(config, params, Z), params["image"][0])


def test_statistics_are_those_of_the_picture_itself():
    """Layers normalise by the picture: scaling and shifting z does not change it."""
    config = small(padding="reflect")
    params = parameters(config, Z)
    once = apply(config, params, Z)
    scaled = apply(config, params, 3 * Z + 1)
    np.testing.assert_allclose(once, scaled, atol=2e-3)
    assert jnp.std(once) > 0.01


@pytest.mark.parametrize(
    "fields",
    [
        {"downsample": "average"},
        {"one_by_one": False},
        {"kernel_down": (5, 3)},
        {"up": (8, 4)},
    ],
)
def test_every_way_of_building_keeps_the_size(fields):
    config = small(**fields)
    picture = apply(config, parameters(config, Z), Z)
    assert picture.shape == Z.shape
    assert ((picture > 0) & (picture < 1)).all()
