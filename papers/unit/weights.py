"""The released PyTorch weights of encoders and generators, to and from parameters.

A weights file, .safetensors or .npz, holds the arrays under PyTorch's names. This
writes one, where torch is installed, from a checkpoint of the paper's code, family
"shared", or of the later code, family "separate":

    from safetensors.torch import save_file
    state = torch.load(path, map_location="cpu")
    if "a" in state:  # the later code's: the networks of a, and those of b
        state = {f"{d}.{n}": x for d in "ab" for n, x in state[d].items()}
    save_file({n: x.contiguous() for n, x in state.items()}, "unit.safetensors")

The running statistics of instance norms are left out, for nothing reads them.
"""

import re
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from common.contract import UserError
from common.files import weights
from papers.unit.config import Config, Model

# Names in the paper's code. In the later code E_a is "a.enc" and G_a is "a.dec".
PARTS = {
    "enc_a": "encode_A", "enc_b": "encode_B", "enc_shared": "enc_shared",
    "gen_a": "decode_A", "gen_b": "decode_B", "gen_shared": "dec_shared",
}  # fmt: skip
LEAVES = {"kernel": "weight", "bias": "bias"}
NORM_LEAVES = {"scale": "gamma", "bias": "beta"}
UNREAD = ("running_mean", "running_var", "num_batches_tracked")


def torch_name(model: Model, path: str) -> str:
    """ "enc_a/conv0/conv/kernel" -> "encode_A.0.model.0.weight"."""
    part, *place, leaf = (s for s in path.split("/") if s not in ("blocks", "conv"))
    if model.family == "shared":
        return f"{_paper_place(model, part, *place)}.{LEAVES[leaf]}"
    if place[0].startswith("norm"):
        return f"{_later_place(model, part, *place)}.norm.{NORM_LEAVES[leaf]}"
    return f"{_later_place(model, part, *place)}.conv.{LEAVES[leaf]}"


def _paper_place(model: Model, part: str, layer: str, inner: str = "") -> str:
    """The paper's code has one sequence a part: in E layers and then blocks, in G
    blocks and then layers."""
    own_encoder = part in ("enc_a", "enc_b")
    if inner:  # convolution, norm, rectifier, convolution, norm
        first = model.halvings + 1 if own_encoder else 0
        within = {"conv1": 0, "conv2": 3}[inner]
        return f"{PARTS[part]}.{first + _number(layer)}.model.{within}"
    if layer == "out":
        return f"{PARTS[part]}.{model.private_blocks + model.halvings}"
    first = 0 if own_encoder else model.private_blocks - 1
    return f"{PARTS[part]}.{first + _number(layer)}.model.0"


def _later_place(model: Model, part: str, layer: str, inner: str = "") -> str:
    """The later code has one sequence a network. All its blocks together are one entry,
    and in G the enlargement before each layer is one too."""
    encoder = part.startswith("enc")
    domain = part[-1]
    network = f"{domain}.{'enc' if encoder else 'dec'}.model"
    if inner:
        before = {"enc_last": model.private_blocks, "gen": model.shared_blocks}
        block = before.get(part[:-2], 0) + _number(layer)
        entry = model.halvings + 1 if encoder else 0
        return f"{network}.{entry}.model.{block}.model.{_number(inner) - 1}"
    if layer == "out":
        return f"{network}.{2 * model.halvings + 1}"
    return f"{network}.{_number(layer) * (1 if encoder else 2)}"


def _number(name: str) -> int:
    """ "block3" -> 3."""
    return int(re.sub(r"\D", "", name))


def load(config: Config, like: Any) -> Any:
    """Parameters of encoders and generators from the file `config.weights`.

    like: parameters in the right shapes. UserError: the file cannot be read, or its
    arrays are not exactly those of these networks.
    """
    _refuse_others(config.model)
    return from_torch(config, weights.read(config.weights), like)


def from_torch(config: Config, arrays: Mapping[str, np.ndarray], like: Any) -> Any:
    """Arrays by PyTorch's names -> float32 parameters, in the shapes of `like`."""
    model = config.model
    _refuse_others(model)
    arrays = {n: a for n, a in arrays.items() if not n.endswith(UNREAD)}
    flat = flatten_dict(like, sep="/")
    shapes = {
        torch_name(model, path): _to_torch(
            model, path, np.empty(x.shape, np.uint8)
        ).shape
        for path, x in flat.items()
    }
    weights.refuse_differences(shapes, arrays)
    params = {
        path: _from_torch(model, path, arrays[torch_name(model, path)]) for path in flat
    }
    return unflatten_dict(params, sep="/")


def to_torch(config: Config, params: Any) -> dict[str, np.ndarray]:
    """Parameters -> arrays by PyTorch's names, the inverse of `from_torch`."""
    model = config.model
    _refuse_others(model)
    return {
        torch_name(model, path): _to_torch(model, path, np.asarray(x))
        for path, x in flatten_dict(params, sep="/").items()
    }


def save(path: str, config: Config, params: Any) -> None:
    """Writes a file that `load` reads, and safetensors.torch.load_file."""
    weights.write(path, to_torch(config, params))


def _to_torch(model: Model, path: str, array: np.ndarray) -> np.ndarray:
    """HWIO -> OIHW, or a transposed convolution's HWOI -> IOHW: the same axes."""
    if array.ndim != 4:
        return array
    return array.transpose((2, 3, 0, 1) if _turned(model, path) else (3, 2, 0, 1))


def _from_torch(model: Model, path: str, array: np.ndarray) -> jax.Array:
    if array.ndim == 4:
        array = array.transpose((2, 3, 0, 1) if _turned(model, path) else (2, 3, 1, 0))
    return jnp.asarray(array, jnp.float32)


def _turned(model: Model, path: str) -> bool:
    """Whether PyTorch's layer is transposed and ours is not: the paper's last layer,
    which is 1 x 1."""
    return model.family == "shared" and path.split("/")[1] == "out"


def _refuse_others(model: Model) -> None:
    if (model.family, model.share) not in (("shared", True), ("separate", False)):
        raise UserError(
            "config.weights: files are of family shared with share=True, or of family "
            f"separate with share=False, not {model.family} with share={model.share}"
        )
