"""PyTorch's layout, against a forward pass in its terms. A failure means that weights
from elsewhere make another network."""

import jax
import numpy as np
import pytest
from scipy.signal import correlate

from common.config import changed
from common.contract import UserError
from papers import espcn
from papers.espcn import weights
from papers.espcn.config import RUNS, Config, Model
from papers.espcn.model import Upscaler

MODEL = Model(scale=2, features=(5, 4))


def abstract_parameters(model):
    low = np.zeros((1, 8, 8, model.channels), np.float32)
    return Upscaler(model).init(jax.random.key(0), low)["params"]


def peer_arrays(model):
    """Arrays as in a state_dict: [out, in, height, width]."""
    rng = np.random.default_rng(0)
    a, b = model.features
    outputs = model.channels * model.scale**2
    shapes = {
        "feature_maps.0": (a, model.channels, 5, 5),
        "feature_maps.2": (b, a, 3, 3),
        "sub_pixel.0": (outputs, b, 3, 3),
    }
    arrays = {f"{n}.weight": 0.2 * rng.normal(size=s) for n, s in shapes.items()}
    arrays |= {f"{n}.bias": 0.2 * rng.normal(size=s[0]) for n, s in shapes.items()}
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def conv2d(x, weight, bias):
    """[in, h, w] -> [out, h, w], padded with zeros."""
    maps = [
        sum(correlate(plane, k, "same") for plane, k in zip(x, kernels, strict=True))
        for kernels in weight
    ]
    return np.stack(maps) + bias[:, None, None]


def pixel_shuffle(x, r):
    channels, height, width = x.shape
    x = x.reshape(channels // r**2, r, r, height, width)
    return x.transpose(0, 3, 1, 4, 2).reshape(-1, height * r, width * r)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_network_is_the_one_the_weights_were_made_for(channels):
    model = Model(scale=2, features=(5, 4), channels=channels)
    arrays = peer_arrays(model)
    low = np.random.default_rng(1).random((channels, 11, 9))
    x = low
    for name in ("feature_maps.0", "feature_maps.2"):
        x = np.tanh(conv2d(x, arrays[f"{name}.weight"], arrays[f"{name}.bias"]))
    x = conv2d(x, arrays["sub_pixel.0.weight"], arrays["sub_pixel.0.bias"])
    expected = pixel_shuffle(x, 2).transpose(1, 2, 0)
    params = weights.from_torch(arrays, model, abstract_parameters(model))
    image = low.transpose(1, 2, 0)[None].astype(np.float32)
    ours = Upscaler(model).apply({"params": params}, image)[0]
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_a_file_starts_a_run_and_is_written_back(tmp_path, ending):
    path = str(tmp_path / f"espcn{ending}")
    config = espcn.get_config("smoke")
    arrays = peer_arrays(config.model)
    weights.weights.write(path, arrays)
    config.weights = path
    state = espcn.init(config, jax.random.key(0))
    weights.save(path, config.model, state.params)
    again = weights.weights.read(path)
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)
    baseline = espcn.runs(config)["srcnn_9_1_5"].config
    assert "layer1" in espcn.init(baseline, jax.random.key(0)).params


def test_weights_of_another_scale_are_refused():
    arrays = peer_arrays(MODEL)
    other = Model(scale=3, features=(5, 4))
    with pytest.raises(UserError, match=r"sub_pixel.0.weight expected \[9, 4, 3, 3\]"):
        weights.from_torch(arrays, other, abstract_parameters(other))
    srcnn = changed(Config(), RUNS["srcnn_9_1_5"]).model
    with pytest.raises(UserError, match="of an ESPCN"):
        weights.from_torch(arrays, srcnn, abstract_parameters(srcnn))
