"""Reads torchvision's VGG-16 and ResNets into the encoder's trunk.

Where torch is, a file is written by

    from safetensors.torch import save_file
    save_file(torchvision.models.vgg16(weights="IMAGENET1K_V1").state_dict(), path)
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common.contract import UserError
from common.files import weights
from papers.captioning.config import Encoder
from papers.captioning.encoder import VGG16, resnet_model
from papers.resnet import weights as resnet_weights
from papers.resnet.model import ResNet

Variables = dict[str, Any]  # {"params": ..., "batch_stats": ...}

_LAST_MAP = 7  # rows and columns of VGG-16's last maps, of images of 224 pixels


def load(config: Encoder, like: Variables) -> Variables:
    """`like`, variables of the encoder, with what `config.weights` has: all but the
    layer "output". UserError: it cannot be read, or is of another network."""
    arrays = weights.read(config.weights)
    if config.name == "vgg16":
        return {**like, "params": {**like["params"], **_vgg16(arrays, like)}}
    if config.name == "resnet":
        return _resnet(config, arrays, like)
    raise UserError(
        "config.encoder.weights: torchvision has weights of config.encoder.name=vgg16 "
        f"and resnet, not of {config.name}"
    )


def _resnet(config: Encoder, arrays: Mapping, like: Variables) -> Variables:
    model = resnet_model(config)
    net = ResNet(model)
    shapes = jax.eval_shape(net.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    blank = jax.tree.map(lambda x: np.zeros(x.shape, np.float32), shapes)
    try:
        found = resnet_weights.from_torchvision(arrays, model, blank)
    except UserError as error:
        wanted = f"another ResNet than config.encoder.depth={config.depth}"
        raise UserError(f"{config.weights} is of {wanted}: {error}") from None
    trunks = {
        kind: {"trunk": {"backbone": tree["backbone"]}} for kind, tree in found.items()
    }
    return {kind: {**like[kind], **trunks[kind]} for kind in like}


def vgg16_names() -> dict[tuple[str, ...], str]:
    """{layer in our parameters: its name in torchvision's}."""
    places = [i for i, layer in enumerate(_torch_layers()) if layer == "conv"]
    names = {("trunk", f"conv{n}"): f"features.{i}" for n, i in enumerate(places)}
    return names | {("fc6",): "classifier.0", ("fc7",): "classifier.3"}


def _torch_layers() -> list[str]:
    """torchvision numbers each ReLU and each pooling as well."""
    layers = []
    for width in VGG16:
        layers += ["pool"] if width == "pool" else ["conv", "relu"]
    return layers


def _vgg16(arrays: Mapping[str, np.ndarray], like: Variables) -> dict[str, Any]:
    kept = {n: a for n, a in arrays.items() if not n.startswith("classifier.6.")}
    names = vgg16_names()
    shapes = {}
    for path, name in names.items():
        kernel = _at(like["params"], path)["kernel"]
        shapes[f"{name}.weight"] = kernel.shape[::-1] if kernel.ndim == 2 else (
            *kernel.shape[:1:-1], *kernel.shape[:2])  # fmt: skip
        shapes[f"{name}.bias"] = kernel.shape[-1:]
    weights.refuse_differences(shapes, kept)
    found: dict[str, Any] = {"trunk": {}}
    for path, name in names.items():
        layer = {
            "kernel": jnp.asarray(_kernel(kept[f"{name}.weight"], name), jnp.float32),
            "bias": jnp.asarray(kept[f"{name}.bias"], jnp.float32),
        }
        _at(found, path[:-1])[path[-1]] = layer
    return found


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        tree = tree[name]
    return tree


def _kernel(array: np.ndarray, name: str) -> np.ndarray:
    """OIHW -> HWIO; [out, in] -> [in, out]. fc6 reads maps that torch lays out with the
    channels first, and we last."""
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    if name == "classifier.0":
        maps = array.reshape(len(array), -1, _LAST_MAP, _LAST_MAP)
        array = maps.transpose(0, 2, 3, 1).reshape(array.shape)
    return array.T
