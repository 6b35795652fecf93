"""GPT's weights: OpenAI's and Hugging Face's, to and from this package's parameters.

`--config.weights` takes OpenAI's folder (params_shapes.json, params_0.npy ...
params_9.npy), and Hugging Face's model.safetensors, whole or in shards, or its folder.
Both norms of a block stand after what they normalise: ln_1 is attention_norm.

A fine-tuned model has parameters besides. `specials` are the rows of the tokens start,
delimiter and extract; Hugging Face has them at the end of the table of tokens. `head`
is Hugging Face's multiple_choice_head. OpenAI released neither.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict

from common.contract import UserError
from common.files import numbered_arrays, storage, transformer_weights, weights
from common.transformer import Decoder

OUTSIDE = {"tokens": "tokens_embed", "positions": "positions_embed"}
TABLE = "tokens_embed.weight"
SPECIALS = "specials"
HEAD = {
    "head/kernel": "multiple_choice_head.summary.weight",  # [out, in] there
    "head/bias": "multiple_choice_head.summary.bias",
}
# The order of OpenAI's arrays: positions, tokens, and these of each block.
BLOCK_ORDER = (
    "attention/qkv/kernel", "attention/qkv/bias",
    "attention/output/kernel", "attention/output/bias",
    "attention_norm/scale", "attention_norm/bias",
    "mlp/up/kernel", "mlp/up/bias",
    "mlp/down/kernel", "mlp/down/bias",
    "mlp_norm/scale", "mlp_norm/bias",
)  # fmt: skip


def load(path: str, config: Decoder, like: Mapping[str, Any]) -> dict:
    """The parameters that a path holds.

    like: parameters of the right shapes. They give what the path lacks of the
        fine-tuned model's own: specials, head.

    UserError: the path cannot be read, does not hold exactly this model's arrays, or
    the settings beside it are not the config's.
    """
    transformer_weights.refuse_other_settings(
        path, transformer_weights.CONFIG, _settings(config)
    )
    arrays = weights.read(path, transformer_weights.is_weight)
    if all(map(str.isdigit, arrays)):
        return from_openai([arrays[str(i)] for i in range(len(arrays))], like)
    return from_huggingface(arrays, like)


def from_openai(arrays: list[np.ndarray], like: Mapping[str, Any]) -> dict:
    """OpenAI's arrays in order -> float32 parameters in the structure of `like`."""
    names = _openai_names(like)
    labels = [name for name, _ in names.values()]
    labels += [f"array {i}" for i in range(len(labels), len(arrays))]
    found = dict(zip(labels, arrays, strict=False))
    return transformer_weights.fill(names, found, like)


def from_huggingface(arrays: Mapping[str, np.ndarray], like: Mapping[str, Any]) -> dict:
    """Hugging Face's, with or without `transformer.` before their names."""
    arrays = transformer_weights.without_tied_head(arrays, TABLE)
    names = _huggingface_names(like)
    flat = flatten_dict(like, sep="/")
    rows = flat["tokens/embedding"].shape[0]
    if (
        SPECIALS in flat
        and len(arrays.get(TABLE, ())) == rows + flat[SPECIALS].shape[0]
    ):
        names[SPECIALS] = SPECIALS, transformer_weights.same
        arrays[TABLE], arrays[SPECIALS] = np.split(arrays[TABLE], [rows])
    for ours, name in HEAD.items():
        if ours in flat and name in arrays:
            names[ours] = name, transformer_weights.same
            arrays[name] = arrays[name].T
    return transformer_weights.fill(names, arrays, like)


def to_openai(params: Mapping[str, Any]) -> list[np.ndarray]:
    """The inverse of `from_openai`. UserError: the model has parameters besides."""
    if besides := sorted(params.keys() - _pretrained(params).keys()):
        raise UserError(f"OpenAI's files have no place for {' and '.join(besides)}")
    return [*transformer_weights.named(_openai_names(params), params).values()]


def to_huggingface(params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The inverse of `from_huggingface`, with the prefix."""
    names = _huggingface_names(params)
    arrays = transformer_weights.named(names, params)
    if SPECIALS in params:
        arrays[TABLE] = np.concatenate([arrays[TABLE], params[SPECIALS]])
    arrays = {f"{transformer_weights.PREFIX}{name}": a for name, a in arrays.items()}
    flat = flatten_dict(params, sep="/")
    return arrays | {n: np.asarray(flat[p]).T for p, n in HEAD.items() if p in flat}


def save_openai(path: str, params: Mapping[str, Any]) -> None:
    """Writes the folder of shapes and numbers that OpenAI's code reads. UserError: that
    code has no such model."""
    arrays = to_openai(params)
    transformer_weights.refuse_other_layers(params, "OpenAI's code")
    folder = storage.path(path)
    folder.mkdir(parents=True, exist_ok=True)
    numbered_arrays.write(folder / f"params{numbered_arrays.SHAPES}", arrays)


def save_huggingface(path: str, params: Mapping[str, Any], config: Decoder) -> None:
    """Writes a folder that `OpenAIGPTLMHeadModel.from_pretrained` reads, and
    `OpenAIGPTDoubleHeadsModel` where the head has one output. UserError: they have no
    such model."""
    arrays = to_huggingface(params)
    transformer_weights.refuse_other_layers(params, "Hugging Face's openai-gpt")
    kind = "DoubleHeads" if "head" in params else "LMHead"
    settings = {
        "architectures": [f"OpenAIGPT{kind}Model"],
        "model_type": "openai-gpt",
        **transformer_weights.sizes(params, config),
        "vocab_size": len(arrays[f"{transformer_weights.PREFIX}{TABLE}"]),
        **{name: value for name, (_, value) in _settings(config).items()},
    }
    transformer_weights.save_huggingface(
        path, arrays, settings | transformer_weights.dropout(config)
    )


def _pretrained(params: Mapping[str, Any]) -> dict[str, Any]:
    """Those that the model has before it is fine-tuned."""
    return {name: p for name, p in params.items() if name not in (SPECIALS, "head")}


def _refuse_other_networks(params: Mapping[str, Any]) -> None:
    if "blocks_0" not in params:
        raise UserError(
            "the released weights are a Transformer's: set config.model.network="
            "transformer"
        )


def _huggingface_names(like: Mapping[str, Any]) -> transformer_weights.Names:
    _refuse_other_networks(like)
    return transformer_weights.huggingface_names(_pretrained(like), OUTSIDE)


def _openai_names(like: Mapping[str, Any]) -> transformer_weights.Names:
    """In OpenAI's order. The arrays have no names: these say which one is meant."""
    _refuse_other_networks(like)
    blocks = sum(name.startswith("blocks_") for name in like)
    order = ["positions/embedding", "tokens/embedding"]
    order += [f"blocks_{i}/{ours}" for i in range(blocks) for ours in BLOCK_ORDER]
    return {
        ours: (f"array {i} ({ours})", transformer_weights.openai_shape(ours))
        for i, ours in enumerate(order)
    }


def _settings(config: Decoder) -> dict[str, tuple[str, Any]]:
    """Hugging Face's settings on which outputs depend: (our field, our value)."""
    return {
        "n_head": ("config.model.n_heads", config.n_heads),
        "layer_norm_epsilon": ("config.model.norm_epsilon", config.norm_epsilon),
        "afn": ("", "gelu"),  # its tanh form, for this model
    }
