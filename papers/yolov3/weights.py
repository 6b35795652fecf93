"""Weights from and for elsewhere: darknet's .weights, and .safetensors or .npz under
PyTorch's names of the same layers.

| variable | in a safetensors |
| --- | --- |
| layer_0/conv/kernel | layer_0.conv.weight [filters, inputs, rows, columns] |
| layer_0/conv/bias | layer_0.conv.bias |
| layer_0/norm/scale, bias | layer_0.norm.weight, bias |
| layer_0/norm/mean, var | layer_0.norm.running_mean, running_var |
"""

import warnings
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from common import variables as table
from common.files import weights
from papers.yolov3 import darknet_weights
from papers.yolov3.cfg import Cfg, yolo_layers
from papers.yolov3.custom_cfg import with_classes
from papers.yolov3.layers import Convolutional, Yolo

Variables = dict[str, Any]  # {"params": ..., "batch_stats": ...}
KINDS = ("params", "batch_stats")
NAMES = {
    "conv/kernel": "conv.weight",
    "conv/bias": "conv.bias",
    "norm/scale": "norm.weight",
    "norm/bias": "norm.bias",
    "norm/mean": "norm.running_mean",
    "norm/var": "norm.running_var",
}
LEAVES = {name: leaf for leaf, name in NAMES.items()}


def load(path: str, cfg: Cfg, like: Variables) -> Variables:
    """The variables in a weights file.

    path: darknet's .weights; a name.conv.N, which has the layers before N alone; or a
      .safetensors or .npz.
    like: variables of the right shapes. They give the layers that a name.conv.N has
      not, and the outputs where the file is for another number of classes.

    UserError, one line: the file cannot be read, or does not fit."""
    if not darknet_weights.is_darknet(path):
        return _from_arrays(weights.read(path), like)
    until = darknet_weights.partial_of(path)
    written = cfg if until else _of_the_file(path, cfg)
    layers = darknet_weights.arrays(path, written, until)
    if written != cfg:
        warnings.warn(
            f"{path} is for {_classes(written)} classes: the outputs for "
            f"{_classes(cfg)} are new",
            stacklevel=2,
        )
    return _beside(layers, like)


def _of_the_file(path: str, cfg: Cfg) -> Cfg:
    """The network whose numbers a file has: `cfg`, or the same for as many classes as
    make the length right."""
    _, found = darknet_weights.numbers(path)
    now = darknet_weights.slots(cfg)
    places = {place.index: place for place in now}
    outputs = _outputs(cfg)
    # Numbers that one more class takes.
    each = sum(
        times * (places[i].inputs * places[i].layer.size ** 2 + 1)
        for i, times in outputs.items()
        if i in places
    )
    missing = found.size - now[-1].stop if now else 0
    if not missing or not each or missing % each:
        return cfg
    classes = _classes(cfg) + missing // each
    return with_classes(cfg, classes) if classes > 0 else cfg


def _outputs(cfg: Cfg) -> dict[int, int]:
    """{layer: its filters for each class} of the convolutions that predict classes."""
    layers = cfg.layers
    if yolo_layers(cfg):
        return {
            i - 1: len(layer.mask)
            for i, layer in enumerate(layers)
            if isinstance(layer, Yolo)
        }
    convolutions = [i for i, x in enumerate(layers) if isinstance(x, Convolutional)]
    last = convolutions[-1:]
    return {i: 1 for i in last if not layers[i].batch_normalize}


def _classes(cfg: Cfg) -> int:
    if detectors := yolo_layers(cfg):
        return detectors[0].classes
    return cfg.layers[max(_outputs(cfg), default=0)].filters


def _beside(layers: Mapping[str, Any], like: Variables) -> Variables:
    """The arrays where their shapes fit, and those of `like` elsewhere."""
    flat = flatten_dict(layers, sep="/")

    def taken(name: str, leaf):
        found = flat.get(name)
        if found is None or found.shape != leaf.shape:
            return leaf
        return jnp.asarray(found, jnp.float32)

    return {
        kind: unflatten_dict(
            {
                name: taken(name, leaf)
                for name, leaf in flatten_dict(like[kind], sep="/").items()
            },
            sep="/",
        )
        for kind in KINDS
    }


def save(path: str, cfg: Cfg, variables: Variables, seen: int = 0) -> None:
    """Writes a file that `load` reads. Its name says which kind; seen: the images that
    training has read, which a .weights keeps."""
    flat = {path: np.asarray(leaf) for path, leaf in table.flat(variables).items()}
    if darknet_weights.is_darknet(path):
        layers = unflatten_dict(flat, sep="/")
        header = darknet_weights.Header(darknet_weights.VERSION, seen)
        darknet_weights.write(path, cfg, layers, header=header)
    else:
        arrays = {_name(leaf): _to_torch(array) for leaf, array in flat.items()}
        weights.write(path, arrays)


def _from_arrays(arrays: Mapping[str, np.ndarray], like: Variables) -> Variables:
    shapes = {
        _name(leaf): _to_torch(np.empty(array.shape, np.uint8)).shape
        for leaf, array in table.flat(like).items()
    }
    weights.refuse_differences(shapes, arrays)
    flat = {_leaf(name): _from_torch(array) for name, array in arrays.items()}
    return _beside(unflatten_dict(flat, sep="/"), like)


def _name(path: str) -> str:
    """ "layer_0/conv/kernel" -> "layer_0.conv.weight"."""
    layer, leaf = path.split("/", 1)
    return f"{layer}.{NAMES[leaf]}"


def _leaf(name: str) -> str:
    layer, leaf = name.split(".", 1)
    return f"{layer}/{LEAVES[leaf]}"


def _to_torch(array: np.ndarray) -> np.ndarray:
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array


def _from_torch(array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
