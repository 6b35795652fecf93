"""GPT-2's weights: OpenAI's and Hugging Face's, to and from this package's parameters.

`--config.weights` takes OpenAI's folder (checkpoint, model.ckpt.index and
model.ckpt.data-00000-of-00001, which TensorFlow is not needed for), Hugging Face's
model.safetensors, whole or in shards, or its folder, and an .npz of either's names. A
table of embeddings that is longer than the vocabulary, as nanoGPT pads it, is refused.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from common.files import storage, transformer_weights, weights
from common.transformer import Decoder

# The modules outside blocks: embeddings of tokens and positions, and the last norm.
OUTSIDE = {"tokens": "wte", "positions": "wpe", "norm": "ln_f"}
TABLE = "wte.weight"
HPARAMS = "hparams.json"  # OpenAI's sizes, beside its checkpoint
END = {50257: 50256}  # of the released vocabulary: <|endoftext|>


def load(path: str, config: Decoder, like: Mapping[str, Any]) -> dict:
    """The parameters that a path holds. `like`: a tree of the right shapes.

    UserError: the path cannot be read, does not hold exactly this model's arrays, or
    the settings beside it are not the config's.
    """
    heads = {"n_head": ("config.model.n_heads", config.n_heads)}
    transformer_weights.refuse_other_settings(path, HPARAMS, heads)
    transformer_weights.refuse_other_settings(
        path, transformer_weights.CONFIG, _settings(config)
    )
    arrays = weights.read(path, transformer_weights.is_weight)
    if any(name.startswith("model/") for name in arrays):
        return from_openai(arrays, like)
    return from_huggingface(arrays, like)


def from_openai(arrays: Mapping[str, np.ndarray], like: Mapping[str, Any]) -> dict:
    """Arrays by OpenAI's names -> float32 parameters in the structure of `like`."""
    names = transformer_weights.openai_names(like, OUTSIDE)
    return transformer_weights.fill(names, arrays, like)


def from_huggingface(arrays: Mapping[str, np.ndarray], like: Mapping[str, Any]) -> dict:
    """The same by Hugging Face's names, with or without `transformer.` before them."""
    names = transformer_weights.huggingface_names(like, OUTSIDE)
    arrays = transformer_weights.without_tied_head(arrays, TABLE)
    return transformer_weights.fill(names, arrays, like)


def to_openai(params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The inverse of `from_openai`."""
    names = transformer_weights.openai_names(params, OUTSIDE)
    return transformer_weights.named(names, params)


def to_huggingface(params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The inverse of `from_huggingface`, with the prefix."""
    names = transformer_weights.huggingface_names(params, OUTSIDE)
    arrays = transformer_weights.named(names, params)
    return {f"{transformer_weights.PREFIX}{name}": a for name, a in arrays.items()}


def save_openai(path: str, params: Mapping[str, Any], config: Decoder) -> None:
    """Writes a folder that OpenAI's code reads: a checkpoint and hparams.json.
    UserError: that code has no such model."""
    transformer_weights.refuse_other_layers(params, "OpenAI's code")
    folder = storage.path(path)
    folder.mkdir(parents=True, exist_ok=True)
    weights.write(folder / "model.ckpt", to_openai(params))
    sizes = transformer_weights.sizes(params, config)
    hparams = {"n_vocab": sizes.pop("vocab_size"), "n_ctx": sizes.pop("n_positions")}
    weights.write_settings(folder / HPARAMS, hparams | sizes)


def save_huggingface(path: str, params: Mapping[str, Any], config: Decoder) -> None:
    """Writes a folder that `GPT2LMHeadModel.from_pretrained` reads."""
    sizes = transformer_weights.sizes(params, config)
    end = END.get(sizes["vocab_size"])
    settings = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        **sizes,
        "n_inner": params["blocks_0"]["mlp"]["up"]["kernel"].shape[1],
        **{name: value for name, (_, value) in _settings(config).items()},
        "bos_token_id": end,
        "eos_token_id": end,
    }
    transformer_weights.save_huggingface(
        path, to_huggingface(params), settings | transformer_weights.dropout(config)
    )


def _settings(config: Decoder) -> dict[str, tuple[str, Any]]:
    """Hugging Face's settings on which outputs depend: (our field, our value)."""
    return {
        "n_head": ("config.model.n_heads", config.n_heads),
        "layer_norm_epsilon": ("config.model.norm_epsilon", config.norm_epsilon),
        "activation_function": ("", "gelu_new"),
        "scale_attn_weights": ("", True),
        "scale_attn_by_inverse_layer_idx": ("", False),
    }
