"""Encoders: VGG-16 and ResNets by torchvision's names, beside other forwards."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from common.contract import UserError
from papers.captioning import encoder, weights
from papers.captioning.config import Encoder

RNG = np.random.default_rng(0)


def variables(config, width=8, size=32):
    image = jnp.zeros((1, size, size, 3), jnp.uint8)
    shapes = jax.eval_shape(
        encoder.Encoder(config, width).init, jax.random.key(0), image
    )
    return {"batch_stats": {}, **shapes}


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def test_the_head_of_vgg16_has_the_papers_size():
    params = variables(Encoder(name="vgg16"), 512, 224)["params"]
    assert count(params["output"]) == 2_097_664
    # All but the last layer of torchvision's 138,357,544.
    assert count(params) - 2_097_664 == 138_357_544 - 4_097_000


@pytest.mark.parametrize(
    ("depth", "torchvision"), [(34, 21_797_672), (50, 25_557_032), (101, 44_549_160)]
)
def test_resnets_have_torchvisions_size_but_for_the_last_layer(depth, torchvision):
    params = variables(Encoder(name="resnet", depth=depth), 512)["params"]
    inputs = 512 if depth < 50 else 2048
    assert count(params["trunk"]) == torchvision - 1000 * (inputs + 1)
    assert count(params["output"]) == 512 * (inputs + 1)


def test_pixels_are_brought_to_each_networks_scale():
    image = jnp.full((1, 1, 1, 3), 255, jnp.uint8)
    np.testing.assert_allclose(encoder.normalised(image, "unit"), 0.5)
    caffe = encoder.normalised(image, "caffe")[0, 0, 0]
    np.testing.assert_allclose(caffe, 255 - np.array([123.68, 116.779, 103.939]))
    imagenet = encoder.normalised(image, "imagenet")[0, 0, 0]
    expected = (1 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(imagenet, expected, rtol=1e-5)


@pytest.fixture
def narrow(monkeypatch):
    """VGG-16 with few channels, for images of 64 pixels: the same layers."""
    layers = [w if w == "pool" else w // 32 for w in encoder.VGG16]
    for module in (encoder, weights):
        monkeypatch.setattr(module, "VGG16", tuple(layers))
    monkeypatch.setattr(encoder, "VGG_UNITS", 12)
    monkeypatch.setattr(weights, "_LAST_MAP", 2)


def torch_arrays(units=12, last=16 * 2 * 2):
    """Random arrays by torchvision's names and shapes."""
    arrays, inputs, place = {}, 3, 0
    for layer in encoder.VGG16:
        if layer == "pool":
            place += 1
            continue
        std = (2 / (9 * inputs)) ** 0.5
        shape = (layer, inputs, 3, 3)
        arrays[f"features.{place}.weight"] = RNG.normal(0, std, shape)
        arrays[f"features.{place}.bias"] = RNG.normal(0, 0.1, layer)
        inputs, place = layer, place + 2
    for name, shape in (("0", (units, last)), ("3", (units, units)), ("6", (9, units))):
        arrays[f"classifier.{name}.weight"] = RNG.normal(0, 0.2, shape)
        arrays[f"classifier.{name}.bias"] = RNG.normal(0, 0.1, shape[0])
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def numpy_vgg16(arrays, image):
    """fc7 of one image [channels, height, width], as torchvision lays it out."""
    x, place = image, 0
    for layer in encoder.VGG16:
        if layer == "pool":
            c, h, w = x.shape
            x = x.reshape(c, h // 2, 2, w // 2, 2).max(axis=(2, 4))
            place += 1
            continue
        kernel = arrays[f"features.{place}.weight"]
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
        x = np.einsum("ochw,cyxhw->oyx", kernel, windows)
        x = np.maximum(x + arrays[f"features.{place}.bias"][:, None, None], 0)
        place += 2
    x = x.reshape(-1)
    for name in ("0", "3"):
        kernel, bias = (arrays[f"classifier.{name}.{p}"] for p in ("weight", "bias"))
        x = np.maximum(kernel @ x + bias, 0)
    return x


def test_vgg16_from_a_file_is_the_numpy_forward(narrow, tmp_path):
    arrays = torch_arrays()
    path = str(tmp_path / "vgg16.safetensors")
    save_file(arrays, path)
    config = Encoder(name="vgg16", pixels="imagenet", weights=path)
    image = RNG.integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    net = encoder.Encoder(config, 5)
    drawn = {"batch_stats": {}, **net.init(jax.random.key(1), image)}
    loaded = weights.load(config, drawn)
    found = encoder.encode(config, 5, loaded, image)
    pixels = np.asarray(encoder.normalised(jnp.asarray(image), "imagenet"))
    fc7 = np.array([numpy_vgg16(arrays, x.transpose(2, 0, 1)) for x in pixels])
    last = drawn["params"]["output"]
    expected = np.maximum(fc7 @ np.asarray(last["kernel"]) + last["bias"], 0)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4)


def test_a_file_of_another_network_is_refused(narrow, tmp_path):
    arrays = torch_arrays()
    del arrays["features.2.weight"]
    path = str(tmp_path / "vgg16.safetensors")
    save_file(arrays, path)
    config = Encoder(name="vgg16", weights=path)
    image = jnp.zeros((1, 64, 64, 3), jnp.uint8)
    like = encoder.Encoder(config, 5).init(jax.random.key(1), image)
    with pytest.raises(UserError, match=r"features\.2\.weight"):
        weights.load(config, {"batch_stats": {}, **like})
    with pytest.raises(UserError, match="not of cnn"):
        weights.load(Encoder(weights=path), {"batch_stats": {}, **like})


@pytest.mark.slow
def test_a_resnet_from_torchvisions_names_is_papers_resnet(tmp_path):
    """The trunk's vector is the mean of the last maps of `papers.resnet`."""
    from papers.resnet import weights as resnet_weights
    from papers.resnet.model import Backbone, ResNet

    config = Encoder(name="resnet", depth=18, stem=4, pixels="imagenet")
    model = encoder.resnet_model(config)
    image = RNG.integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    pixels = encoder.normalised(jnp.asarray(image), "imagenet")
    whole = ResNet(model).init(jax.random.key(2), pixels)
    path = str(tmp_path / "resnet18.npz")
    resnet_weights.save(path, model, whole)
    config.weights = path
    drawn = encoder.Encoder(config, 6).init(jax.random.key(3), image)
    loaded = weights.load(config, drawn)
    found = encoder.encode(config, 6, loaded, image)
    backbone = {kind: tree["backbone"] for kind, tree in whole.items()}
    *_, last = Backbone(model).apply(backbone, pixels).values()
    output = drawn["params"]["output"]
    expected = last.mean(axis=(1, 2)) @ output["kernel"] + output["bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    config.depth = 34
    with pytest.raises(UserError, match=r"than config\.encoder\.depth=34"):
        weights.load(config, drawn)


def test_moving_statistics_are_of_all_devices():
    """Two halves of a batch, on a device each, leave the statistics of the whole."""
    config = Encoder(widths=(4,), statistics="moving")
    draws = np.random.default_rng(0).integers(0, 255, (4, 16, 16, 3))
    image = jnp.asarray(draws, jnp.uint8)
    key = jax.random.key(0)
    drawn = encoder.Encoder(config, 5).init(key, image)

    def moved(image, axis_name=None):
        return encoder.encode_to_train(config, 5, drawn, image, key, axis_name)[1]

    halves = jax.vmap(lambda x: moved(x, "device"), axis_name="device")
    found = halves(image.reshape(2, 2, 16, 16, 3))
    for whole, both in zip(*map(jax.tree.leaves, (moved(image), found)), strict=True):
        np.testing.assert_allclose(both, [whole, whole], rtol=1e-5, atol=1e-7)
