"""The released TensorFlow weights, to and from this package's parameters.

A weights file is TensorFlow's own checkpoint, `model.ckpt-0.index` and
`model.ckpt-0.data-00000-of-00001`, or an .npz or .safetensors of its arrays by their
TensorFlow names. TensorFlow is not needed.

Some habits of the original are flags, not weights. LayerNorm's epsilon is
`--config.model.norm_epsilon=1e-12`. WikiText-103 and LM1B have `untied_biases`. The
original's `same_length` is a window of mem_len + 1. The original starts a text with a
memory of zeros and attends to it: `--config.eval.count_zeros=true`.

The logit of tail bin i is the head's column shortlist + i - 1, in TensorFlow as here.
The PyTorch code has the columns of the tail bins in reverse.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from common.contract import UserError
from common.files import weights
from common.files.tensorflow_checkpoint import BOOKKEEPING
from papers.transformer_xl.config import Model

Shape = tuple[int, ...]


def _same(shape: Shape) -> Shape:
    return shape


def _join_first(shape: Shape) -> Shape:
    """[a, b, c] -> [a * b, c]"""
    return shape[0] * shape[1], shape[2]


def _join_last(shape: Shape) -> Shape:
    """[a, b, c] -> [a, b * c]"""
    return shape[0], shape[1] * shape[2]


LAYER = {
    "attention/query/kernel": ("rel_attn/qkv/kernel", _join_last),
    "attention/key/kernel": ("rel_attn/qkv/kernel", _join_last),
    "attention/value/kernel": ("rel_attn/qkv/kernel", _join_last),
    "attention/position/kernel": ("rel_attn/r/kernel", _join_last),
    "attention/output/kernel": ("rel_attn/o/kernel", _join_first),
    "attention_norm/scale": ("rel_attn/LayerNorm/gamma", _same),
    "attention_norm/bias": ("rel_attn/LayerNorm/beta", _same),
    "ff_1/kernel": ("ff/layer_1/kernel", _same),
    "ff_1/bias": ("ff/layer_1/bias", _same),
    "ff_2/kernel": ("ff/layer_2/kernel", _same),
    "ff_2/bias": ("ff/layer_2/bias", _same),
    "ff_norm/scale": ("ff/LayerNorm/gamma", _same),
    "ff_norm/bias": ("ff/LayerNorm/beta", _same),
}


def names(config: Model) -> dict[str, tuple[str, Callable[[Shape], Shape]]]:
    """Our parameter -> (its TensorFlow name, its shape there given its shape here).

    Parameters with the same TensorFlow name are the columns of that array, side by side
    in this order. A projection that is tied, or that the sizes make needless, exists
    neither here nor there. Without cutoffs the original has at most one projection,
    which is this package's tied_projections=(True,).
    """
    pair = _same if config.untied_biases else _join_first  # [1, heads, d_head] here
    table = {"u": ("r_w_bias", pair), "v": ("r_r_bias", pair)}
    for i in range(config.n_layers):
        for ours, (theirs, shape) in LAYER.items():
            table[f"layers_{i}/{ours}"] = f"layer_{i}/{theirs}", shape
    for i in range(len(config.cutoffs) + 1):
        cutoff = f"/cutoff_{i}" if config.div_value > 1 else ""
        inputs, outputs = f"adaptive_embed{cutoff}", f"adaptive_softmax/cutoff_{i}"
        bias = f"{outputs}/b" if config.cutoffs else "adaptive_softmax/bias"
        table |= {
            f"vocabulary/table_{i}": (f"{inputs}/lookup_table", _same),
            f"vocabulary/in_projection_{i}": (f"{inputs}/proj_W", _same),
            f"vocabulary/out_projection_{i}": (f"{outputs}/proj", _same),
            f"vocabulary/bias_{i}": (bias, _same),
        }
    table["vocabulary/cluster_table"] = "adaptive_softmax/cutoff_0/cluster_W", _same
    table["vocabulary/cluster_bias"] = "adaptive_softmax/cutoff_0/cluster_b", _same
    return {ours: (f"transformer/{name}", to) for ours, (name, to) in table.items()}


def load(path: str, config: Model, like: Mapping[str, Any]) -> dict:
    """The parameters in a weights file. `like`: a tree of the right shapes. UserError
    if the file cannot be read, or does not hold exactly this model's arrays."""
    # The optimiser's arrays are two thirds of a checkpoint.
    arrays = weights.read(path, lambda name: not BOOKKEEPING.search(name))
    return from_tensorflow(arrays, config, like)


def from_tensorflow(
    arrays: Mapping[str, np.ndarray], config: Model, like: Mapping[str, Any]
) -> dict:
    """Arrays by TensorFlow name -> float32 parameters, in the structure of `like`."""
    layout = _layout(config, like)
    _refuse_differences(layout, arrays)
    flat = {}
    for name, parts in layout.items():
        columns = np.split(np.asarray(arrays[name]), len(parts), axis=-1)
        flat |= dict(zip(parts, columns, strict=True))
    for ours, leaf in flatten_dict(like, sep="/").items():
        flat[ours] = jnp.array(flat[ours], jnp.float32).reshape(leaf.shape)
    return unflatten_dict(flat, sep="/")


def to_tensorflow(params: Mapping[str, Any], config: Model) -> dict[str, np.ndarray]:
    """The inverse: parameters -> arrays by TensorFlow name, for `np.savez`."""
    flat, arrays = flatten_dict(params, sep="/"), {}
    for name, parts in _layout(config, params).items():
        columns = [np.asarray(flat[ours]).reshape(to) for ours, to in parts.items()]
        arrays[name] = np.concatenate(columns, axis=-1)
    return arrays


def _layout(config: Model, like: Mapping[str, Any]) -> dict[str, dict[str, Shape]]:
    """TensorFlow name -> its columns: our parameter -> shape there."""
    if config.attention != "relative" or config.pre_norm:
        raise UserError(
            "TensorFlow weights need config.model.attention='relative', pre_norm=False"
        )
    flat, layout = flatten_dict(like, sep="/"), {}
    for ours, (name, to) in names(config).items():
        if ours in flat:
            layout.setdefault(name, {})[ours] = to(flat[ours].shape)
    return layout


def _refuse_differences(layout: Mapping, arrays: Mapping[str, np.ndarray]) -> None:
    expected = {}
    for name, parts in layout.items():
        *rest, width = next(iter(parts.values()))
        expected[name] = *rest, width * len(parts)
    # Without the optimiser's arrays.
    found = {n: a for n, a in arrays.items() if not BOOKKEEPING.search(n)}
    weights.refuse_differences(expected, found)
