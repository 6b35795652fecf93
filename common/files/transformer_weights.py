"""The parameters of `common.transformer` in the files of other programs.

OpenAI's `model/h0/attn/c_attn/w` and Hugging Face's `h.0.attn.c_attn.weight` are
`blocks_0/attention/qkv/kernel` here. All three multiply rows from the left: a kernel is
[in, out], or [1, in, out] at OpenAI, and none is transposed.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from common.contract import UserError
from common.files import storage, weights
from common.files.tensorflow_checkpoint import BOOKKEEPING
from common.transformer import Decoder

Shape = tuple[int, ...]
# Our parameter -> its name in a file, and its shape there given its shape here.
Names = dict[str, tuple[str, Callable[[Shape], Shape]]]


def same(shape: Shape) -> Shape:
    return shape


def _one_first(shape: Shape) -> Shape:
    """[in, out] -> [1, in, out]"""
    return 1, *shape


BLOCK = {
    "attention/qkv": "attn/c_attn",
    "attention/output": "attn/c_proj",
    "attention_norm": "ln_1",
    "mlp/up": "mlp/c_fc",
    "mlp/down": "mlp/c_proj",
    "mlp_norm": "ln_2",
}
OPENAI_LEAVES = {"embedding": "", "kernel": "/w", "scale": "/g", "bias": "/b"}
CONFIG = "config.json"  # Hugging Face's, beside the weights
PREFIX = "transformer."  # of Hugging Face's names, where a head stands beside
TIED_HEAD = "lm_head.weight"
# Hugging Face's masks and position ids: constants, in files of older versions.
BUFFERS = re.compile(r"(^|\.)(h\.\d+\.attn\.(bias|masked_bias)|position_ids)$")


def openai_names(like: Mapping[str, Any], outside: Mapping[str, str]) -> Names:
    """outside: the names of the modules that are in no block."""
    names = {}
    for ours in flatten_dict(like, sep="/"):
        module, leaf = _module(ours, outside)
        shape = openai_shape(ours)
        names[ours] = f"model/{module}{OPENAI_LEAVES[leaf]}", shape
    return names


def openai_shape(ours: str) -> Callable[[Shape], Shape]:
    return _one_first if ours.endswith("/kernel") else same


def huggingface_names(like: Mapping[str, Any], outside: Mapping[str, str]) -> Names:
    """The same at Hugging Face, without prefix."""
    names = {}
    for ours in flatten_dict(like, sep="/"):
        module, leaf = _module(ours, outside)
        module = re.sub(r"^h(\d+)/", r"h.\1.", module).replace("/", ".")
        leaf = "bias" if leaf == "bias" else "weight"
        names[ours] = f"{module}.{leaf}", same
    return names


def _module(ours: str, outside: Mapping[str, str]) -> tuple[str, str]:
    """ "blocks_0/mlp/up/kernel" -> ("h0/mlp/c_fc", "kernel")."""
    module, leaf = ours.rsplit("/", 1)
    if module in outside:
        return outside[module], leaf
    block, module = module.split("/", 1)
    return f"h{block.removeprefix('blocks_')}/{BLOCK[module]}", leaf


def fill(
    names: Names, arrays: Mapping[str, np.ndarray], like: Mapping[str, Any]
) -> dict:
    """float32 parameters in the structure and the shapes of `like`; those without a
    name are its own. UserError: the arrays are not exactly those that have names.
    """
    flat = flatten_dict(like, sep="/")
    expected = {name: to(flat[ours].shape) for ours, (name, to) in names.items()}
    weights.refuse_differences(expected, arrays)
    for ours, (name, _) in names.items():
        array = jnp.array(arrays[name], jnp.float32)
        flat[ours] = array.reshape(flat[ours].shape)
    return unflatten_dict(flat, sep="/")


def named(names: Names, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The inverse of `fill`: the parameters that have names, by name."""
    flat = flatten_dict(params, sep="/")
    arrays = {}
    for ours, (name, to) in names.items():
        array = np.asarray(flat[ours])
        arrays[name] = array.reshape(to(array.shape))
    return arrays


def is_weight(name: str) -> bool:
    """Whether a file's array is a parameter, or Hugging Face's copy of one."""
    return not BUFFERS.search(name) and not BOOKKEEPING.search(name)


def without_tied_head(
    arrays: Mapping[str, np.ndarray], table: str
) -> dict[str, np.ndarray]:
    """Hugging Face's arrays without prefix, and without the output's matrix, which must
    be the table of embeddings. A file may have the two under either name alone.
    UserError: they are two, or a name has two arrays."""
    prefixed = len(arrays)
    arrays = {name.removeprefix(PREFIX): array for name, array in arrays.items()}
    if len(arrays) < prefixed:
        raise UserError(f"the weights have a name both with and without {PREFIX}")
    if TIED_HEAD in arrays:
        head = arrays.pop(TIED_HEAD)
        if not np.array_equal(head, arrays.setdefault(table, head)):
            raise UserError(
                f"{TIED_HEAD} is not {table}: here the output multiplies with the "
                "table of embeddings, and has no matrix of its own"
            )
    return arrays


def refuse_other_settings(
    path: str | Path, file: str, ours: Mapping[str, tuple[str, Any]]
) -> None:
    """UserError: the JSON file beside the weights contradicts the config.

    ours: {name in the file: (field of ours or "", our value)}. Weights whose shapes fit
    would give other outputs, for example with another number of heads.
    """
    theirs = weights.settings_beside(path, file)
    for name, (field, value) in ours.items():
        if theirs.get(name, value) != value:
            right = f"set {field}={theirs[name]}" if field else "not written here"
            raise UserError(
                f"{file} beside the weights has {name}={theirs[name]}, not {value}: "
                f"{right}"
            )


def refuse_other_layers(params: Mapping[str, Any], whose: str) -> None:
    """UserError: an MLP is not four times as wide as the model, or there are no biases,
    neither of which their code can be told."""
    up = params["blocks_0"]["mlp"]["up"]
    width, inner = up["kernel"].shape
    if inner != 4 * width:
        raise UserError(f"{whose} has an MLP of 4 * d_model={4 * width}, not {inner}")
    if "bias" not in up:
        raise UserError(
            f"{whose} has biases: it cannot be told config.model.bias=False"
        )


def sizes(params: Mapping[str, Any], config: Decoder) -> dict[str, int]:
    """A model's sizes by Hugging Face's names."""
    vocab_size, width = params["tokens"]["embedding"].shape
    return {
        "vocab_size": vocab_size,
        "n_positions": params["positions"]["embedding"].shape[0],
        "n_embd": width,
        "n_layer": sum(name.startswith("blocks_") for name in params),
        "n_head": config.n_heads,
    }


def dropout(config: Decoder) -> dict[str, float]:
    """The rates by Hugging Face's names."""
    return {
        "embd_pdrop": config.dropout,
        "resid_pdrop": config.dropout,
        "attn_pdrop": config.attention_dropout,
    }


def save_huggingface(
    path: str, arrays: Mapping[str, np.ndarray], settings: Mapping[str, Any]
) -> None:
    """Writes model.safetensors and config.json into a folder."""
    folder = storage.path(path)
    folder.mkdir(parents=True, exist_ok=True)
    weights.write(folder / "model.safetensors", arrays)
    weights.write_settings(folder / CONFIG, settings)
