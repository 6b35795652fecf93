"""PyTorch weights of ESPCN, to and from parameters.

A weights file, .safetensors or .npz, holds the arrays under PyTorch's usual names. They
are those of a network of two sequences: feature_maps (convolution, tanh, convolution,
tanh) and sub_pixel (convolution, shuffle). This writes one, where torch is installed:

    from safetensors.torch import save_file
    loaded = torch.load(path, map_location="cpu")
    save_file(loaded.get("state_dict", loaded), "espcn.safetensors")
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from common.contract import UserError
from common.files import weights
from papers.espcn.config import Model

PLACES = {"layer1": "feature_maps.0", "layer2": "feature_maps.2"}
PLACES["layer3"] = "sub_pixel.0"
LEAVES = {"kernel": "weight", "bias": "bias"}


def torch_name(path: str) -> str:
    """ "layer3/kernel" -> "sub_pixel.0.weight"."""
    layer, leaf = path.split("/")
    return f"{PLACES[layer]}.{LEAVES[leaf]}"


def load(path: str, model: Model, like: Any) -> Any:
    """The parameters in a weights file.

    like: parameters in the right shapes. UserError: the file cannot be read, or its
    arrays are not exactly those of this network.
    """
    return from_torch(weights.read(path), model, like)


def from_torch(arrays: Mapping[str, np.ndarray], model: Model, like: Any) -> Any:
    """Arrays by PyTorch's names -> float32 parameters, in the shapes of `like`."""
    _refuse_others(model)
    flat = flatten_dict(like, sep="/")
    shapes = {
        torch_name(path): _to_torch(np.empty(leaf.shape, np.uint8)).shape
        for path, leaf in flat.items()
    }
    weights.refuse_differences(shapes, arrays)
    params = {path: _from_torch(arrays[torch_name(path)]) for path in flat}
    return unflatten_dict(params, sep="/")


def to_torch(model: Model, params: Any) -> dict[str, np.ndarray]:
    """Parameters -> arrays by PyTorch's names, the inverse of `from_torch`."""
    _refuse_others(model)
    flat = flatten_dict(params, sep="/")
    return {torch_name(path): _to_torch(np.asarray(x)) for path, x in flat.items()}


def save(path: str, model: Model, params: Any) -> None:
    """Writes a file that `load` reads, and safetensors.torch.load_file."""
    weights.write(path, to_torch(model, params))


def _to_torch(array: np.ndarray) -> np.ndarray:
    """HWIO -> OIHW."""
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array


def _from_torch(array: np.ndarray) -> jax.Array:
    array = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
    return jnp.asarray(array, jnp.float32)


def _refuse_others(model: Model) -> None:
    if model.upscaling != "last" or len(model.kernels) != 3:
        raise UserError("weights files are of an ESPCN of three layers")
