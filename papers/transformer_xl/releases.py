"""The names under which the released codes keep their weights.

TensorFlow and PyTorch are the two of github.com/kimiyoung/transformer-xl, Hugging Face
is the library transformers with its `transfo-xl-wt103`. They differ in four habits:

- PyTorch's matrices are [outputs, inputs], TensorFlow's and ours [inputs, outputs].
- The logit of tail bin i is the head's column shortlist + i - 1 here, in TensorFlow and
  at Hugging Face. PyTorch counts the tail bins' columns from the end.
- Where u and v belong to a layer, TensorFlow stacks those of all layers, and Hugging
  Face has them in the layers. PyTorch has one pair for all.
- PyTorch's files name a tied array twice.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from papers.transformer_xl.config import Model

Shape = tuple[int, ...]


def _same(x: Any) -> Any:
    return x


def _from_the_end(x: np.ndarray) -> np.ndarray:
    return x[::-1]


def _one_row(shape: Shape) -> Shape:
    return 1, *shape


def _join_first(shape: Shape) -> Shape:
    """[a, b, c] -> [a * b, c]"""
    return shape[0] * shape[1], shape[2]


def _join_last(shape: Shape) -> Shape:
    """[a, b, c] -> [a, b * c]"""
    return shape[0], shape[1] * shape[2]


class Place(NamedTuple):
    """Where a release keeps a part of our parameters.

    Parts of the same name are one array. It is the parts side by side along `axis`, in
    the order of the table, and then turned.
    """

    name: str
    shape: Callable[[Shape], Shape] = _same  # the part's, given its shape here
    turned: Callable[[np.ndarray], np.ndarray] = _same  # twice: as it was
    axis: int = -1
    others: tuple[str, ...] = ()  # more names of the same array


class Release(NamedTuple):
    """A code that has released weights, or saves its own."""

    title: str
    begins: re.Pattern  # a name of it; the first release with one in a file has it
    needs: Mapping[str, Any]  # fields of the config that it has no choice of
    places: Callable[[Model], dict[str, Place]]  # of every part that a config may have
    constants: Callable[[Model], dict[str, np.ndarray]]  # its arrays that never change


# Our parameter of a layer: its shape there, TensorFlow's name, PyTorch's.
LAYER = {
    "attention/query/kernel": (_join_last, "rel_attn/qkv/kernel", "dec_attn.qkv_net"),
    "attention/key/kernel": (_join_last, "rel_attn/qkv/kernel", "dec_attn.qkv_net"),
    "attention/value/kernel": (_join_last, "rel_attn/qkv/kernel", "dec_attn.qkv_net"),
    "attention/position/kernel": (_join_last, "rel_attn/r/kernel", "dec_attn.r_net"),
    "attention/output/kernel": (_join_first, "rel_attn/o/kernel", "dec_attn.o_net"),
    "attention_norm/scale": (_same, "rel_attn/LayerNorm/gamma", "dec_attn.layer_norm"),
    "attention_norm/bias": (_same, "rel_attn/LayerNorm/beta", "dec_attn.layer_norm"),
    "ff_1/kernel": (_same, "ff/layer_1/kernel", "pos_ff.CoreNet.0"),
    "ff_1/bias": (_same, "ff/layer_1/bias", "pos_ff.CoreNet.0"),
    "ff_2/kernel": (_same, "ff/layer_2/kernel", "pos_ff.CoreNet.3"),
    "ff_2/bias": (_same, "ff/layer_2/bias", "pos_ff.CoreNet.3"),
    "ff_norm/scale": (_same, "ff/LayerNorm/gamma", "pos_ff.layer_norm"),
    "ff_norm/bias": (_same, "ff/LayerNorm/beta", "pos_ff.layer_norm"),
}
BIASES = {"u": "r_w_bias", "v": "r_r_bias"}


def _tensorflow(config: Model) -> dict[str, Place]:
    """Without cutoffs there is at most one projection, tied_projections=(True,)."""
    table = {}
    for ours, theirs in BIASES.items():
        for row in range(config.n_layers if config.untied_biases else 1):
            shape = _one_row if config.untied_biases else _same
            table[f"{ours}/{row}"] = Place(theirs, shape, axis=0)
    for i in range(config.n_layers):
        for ours, (shape, theirs, _) in LAYER.items():
            table[f"layers_{i}/{ours}"] = Place(f"layer_{i}/{theirs}", shape)
    for i in range(len(config.cutoffs) + 1):
        cutoff = f"/cutoff_{i}" if config.div_value > 1 else ""
        inputs, outputs = f"adaptive_embed{cutoff}", f"adaptive_softmax/cutoff_{i}"
        bias = f"{outputs}/b" if config.cutoffs else "adaptive_softmax/bias"
        table |= {
            f"vocabulary/table_{i}": Place(f"{inputs}/lookup_table"),
            f"vocabulary/in_projection_{i}": Place(f"{inputs}/proj_W"),
            f"vocabulary/out_projection_{i}": Place(f"{outputs}/proj"),
            f"vocabulary/bias_{i}": Place(bias),
        }
    head = "adaptive_softmax/cutoff_0"
    table["vocabulary/cluster_table"] = Place(f"{head}/cluster_W")
    table["vocabulary/cluster_bias"] = Place(f"{head}/cluster_b")
    return {
        ours: place._replace(name=f"transformer/{place.name}")
        for ours, place in table.items()
    }


def _pytorch(config: Model) -> dict[str, Place]:
    table = {f"{ours}/0": Place(theirs) for ours, theirs in BIASES.items()}
    return table | _layers("", config) | _vocabulary("", config, _from_the_end)


def _hugging_face(config: Model) -> dict[str, Place]:
    table = {}
    for ours, theirs in BIASES.items():
        names = [f"layers.{i}.dec_attn.{theirs}" for i in range(config.n_layers)]
        names = [f"transformer.{name}" for name in names]
        if config.untied_biases:
            table |= {f"{ours}/{i}": Place(name) for i, name in enumerate(names)}
        else:
            table[f"{ours}/0"] = Place(f"transformer.{theirs}", others=tuple(names))
    prefix = "transformer."
    return table | _layers(prefix, config) | _vocabulary(prefix, config, _same)


def _layers(prefix: str, config: Model) -> dict[str, Place]:
    table = {}
    for i in range(config.n_layers):
        for ours, (shape, _, module) in LAYER.items():
            name = f"{prefix}layers.{i}.{module}"
            leaf = "bias" if ours.endswith("bias") else "weight"
            turned = np.transpose if ours.endswith("kernel") else _same
            table[f"layers_{i}/{ours}"] = Place(f"{name}.{leaf}", shape, turned)
    return table


def _vocabulary(prefix: str, config: Model, turned: Callable) -> dict[str, Place]:
    """`turned` puts the tail bins' columns of the head into the release's order."""
    one_table = config.div_value == 1
    tied = [i for i, same in enumerate(config.tied_projections) if same]
    table = {
        "vocabulary/cluster_table": Place("crit.cluster_weight", turned=turned),
        "vocabulary/cluster_bias": Place("crit.cluster_bias", turned=turned),
    }
    for i in range(len(config.cutoffs) + 1):
        users = tied if one_table else [i] if i in tied else []
        table |= {
            f"vocabulary/table_{i}": Place(
                f"{prefix}word_emb.emb_layers.{i}.weight",
                others=(f"crit.out_layers.{i}.weight",),
            ),
            f"vocabulary/in_projection_{i}": Place(
                f"{prefix}word_emb.emb_projs.{i}",
                turned=np.transpose,
                others=tuple(f"crit.out_projs.{user}" for user in users),
            ),
            f"vocabulary/out_projection_{i}": Place(
                f"crit.out_projs.{i}", turned=np.transpose
            ),
            f"vocabulary/bias_{i}": Place(
                f"crit.out_layers.{0 if one_table else i}.bias"
            ),
        }
    return table


def _frequencies(prefix: str, config: Model) -> dict[str, np.ndarray]:
    """The sines' angles a token, which PyTorch keeps beside the weights."""
    even = np.arange(0, config.d_model, 2)
    frequencies = 10000.0 ** -(even / config.d_model)
    return {f"{prefix}pos_emb.inv_freq": frequencies.astype(np.float32)}


RELEASES = {
    "tensorflow": Release(
        "TensorFlow",
        re.compile(r"transformer/"),
        {"attention": "relative", "pre_norm": False},
        _tensorflow,
        lambda config: {},
    ),
    "hugging_face": Release(
        "Hugging Face",
        re.compile(r"transformer\."),
        {"attention": "relative"},
        _hugging_face,
        partial(_frequencies, "transformer."),
    ),
    "pytorch": Release(
        "PyTorch",
        re.compile(r"(layers|word_emb|crit)\."),
        {"attention": "relative", "untied_biases": False},
        _pytorch,
        partial(_frequencies, ""),
    ),
}
# Names in a file that are no weights: the optimiser's, the step, the sines' angles.
NO_WEIGHTS = re.compile(
    r"(^|/)(global_step|Adam|Adam_1|beta1_power|beta2_power)$|(^|\.)pos_emb\.inv_freq$"
)
