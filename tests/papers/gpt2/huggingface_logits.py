"""Writes huggingface_logits.npz: logits of transformers' gpt2 on random weights.

    python -m tests.papers.gpt2.huggingface_logits      # needs torch and transformers

The weights are not stored: both sides draw them from one numpy seed, in the order of
their sorted names. PyTorch computes in float64.
"""

from pathlib import Path

import numpy as np

from tests.papers.gpt.huggingface_logits import (
    CONTEXT,
    HEADS,
    LAYERS,
    VOCAB,
    WIDTH,
    Arrays,
    block_shapes,
    draw,
    filled,
    tokens,
)


def arrays() -> Arrays:
    """By Hugging Face's names without prefix."""
    outside = {
        "wte.weight": (VOCAB, WIDTH),
        "wpe.weight": (CONTEXT, WIDTH),
        "ln_f.weight": (WIDTH,),
        "ln_f.bias": (WIDTH,),
    }
    return draw(block_shapes() | outside)


def write() -> None:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=VOCAB, n_positions=CONTEXT, n_embd=WIDTH, n_layer=LAYERS,
        n_head=HEADS, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    prefixed = {f"transformer.{name}": array for name, array in arrays().items()}
    model = filled(GPT2LMHeadModel(config), prefixed)
    with torch.no_grad():
        logits = model(torch.from_numpy(tokens())).logits
    path = Path(__file__).with_suffix(".npz")
    np.savez_compressed(path, logits=logits.numpy().astype(np.float32))


if __name__ == "__main__":
    write()
