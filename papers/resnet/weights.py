"""Reads torchvision's state dicts into this package's variables, and writes them.

A weights file, .safetensors or .npz, holds the arrays under torchvision's names. Where
torch is, one is written by

    from safetensors.torch import save_file
    save_file(torchvision.models.resnet50(weights="IMAGENET1K_V1").state_dict(), path)

The variants `*_torchvision` are torchvision's nets: bottlenecks have their stride on
the 3x3, and ImageNet's mean and deviation normalise the images.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from common import variables as table
from common.contract import UserError
from common.files import weights
from papers.resnet.config import Model, bottleneck

Variables = dict[str, Any]  # {"params": ..., "batch_stats": ...}

LEAVES = {
    "conv/kernel": ("conv{}.weight", "downsample.0.weight"),
    "norm/scale": ("bn{}.weight", "downsample.1.weight"),
    "norm/bias": ("bn{}.bias", "downsample.1.bias"),
    "norm/mean": ("bn{}.running_mean", "downsample.1.running_mean"),
    "norm/var": ("bn{}.running_var", "downsample.1.running_var"),
}
HEAD = {"head/kernel": "fc.weight", "head/bias": "fc.bias"}


def torchvision_name(path: str) -> str:
    """ "backbone/stage2/block_0/layer1/conv/kernel" -> "layer2.0.conv1.weight"."""
    if path in HEAD:
        return HEAD[path]
    _, *place, kind, leaf = path.split("/")
    numbered, projection = LEAVES[f"{kind}/{leaf}"]
    if place == ["stem"]:
        return numbered.format(1)
    stage, block, layer = place
    prefix = f"layer{stage.removeprefix('stage')}.{block.removeprefix('block_')}"
    own = projection if layer == "shortcut" else numbered
    return f"{prefix}.{own.format(layer.removeprefix('layer'))}"


def load(path: str, model: Model, like: Variables) -> Variables:
    """The variables in a weights file.

    like: variables of the right shapes. They give the head if the file has none, or one
        for another number of classes.

    UserError: the file cannot be read, or does not hold exactly this network's arrays.
    """
    return from_torchvision(weights.read(path), model, like)


def from_torchvision(
    arrays: Mapping[str, np.ndarray], model: Model, like: Variables
) -> Variables:
    """Arrays by torchvision's names -> float32 variables."""
    _refuse_stride(model)
    arrays = {n: a for n, a in arrays.items() if not n.endswith("num_batches_tracked")}
    flat = table.flat(like)
    if getattr(arrays.get("fc.bias"), "shape", None) != flat["head/bias"].shape:
        warnings.warn(
            f"the weights are not for {model.num_classes} classes: the head is new",
            stacklevel=2,
        )
        arrays = {n: a for n, a in arrays.items() if not n.startswith("fc.")}
        kept = {path: leaf for path, leaf in flat.items() if path in HEAD}
    else:
        kept = {}
    wanted = {path: leaf for path, leaf in flat.items() if path not in kept}
    shapes = {
        torchvision_name(p): _to_torch(np.empty(x.shape, np.uint8)).shape
        for p, x in wanted.items()
    }
    weights.refuse_differences(shapes, arrays)
    found = {
        path: jnp.asarray(_from_torch(arrays[torchvision_name(path)]), jnp.float32)
        for path in wanted
    }
    return table.nested(found | kept, like)


def to_torchvision(model: Model, variables: Variables) -> dict[str, np.ndarray]:
    """The inverse: variables -> arrays by torchvision's names."""
    _refuse_stride(model)
    flat = table.flat(variables)
    return {torchvision_name(p): _to_torch(np.asarray(x)) for p, x in flat.items()}


def save(path: str, model: Model, variables: Variables) -> None:
    """Writes a file that `load` reads, and torchvision after `load_file`."""
    weights.write(path, to_torchvision(model, variables))


def _to_torch(array: np.ndarray) -> np.ndarray:
    """HWIO -> OIHW, and [in, out] -> [out, in]."""
    axes = {4: (3, 2, 0, 1), 2: (1, 0)}
    return array.transpose(axes.get(array.ndim))


def _from_torch(array: np.ndarray) -> np.ndarray:
    axes = {4: (2, 3, 1, 0), 2: (1, 0)}
    return np.asarray(array).transpose(axes.get(array.ndim))


def _refuse_stride(model: Model) -> None:
    if bottleneck(model) and model.stride_on != "3x3":
        raise UserError(
            "torchvision's bottlenecks have their stride on the 3x3: its weights need "
            "config.model.stride_on=3x3"
        )
