"""Writes huggingface_logits.npz: logits of transformers' openai-gpt on random weights.

    python -m tests.papers.gpt.huggingface_logits      # needs torch and transformers

The weights are not stored: both sides draw them from one numpy seed, in the order of
their sorted names. PyTorch computes in float64.
"""

from pathlib import Path

import numpy as np

SEED = 0
VOCAB = 97
CONTEXT = 16
WIDTH = 32
HEADS = 4
LAYERS = 2
HEAD = "multiple_choice_head.summary"

Arrays = dict[str, np.ndarray]


def block_shapes() -> dict[str, tuple[int, ...]]:
    """Of all blocks; GPT and GPT-2 have the same."""
    shapes = {}
    for i in range(LAYERS):
        for name, n_in, n_out in (
            ("attn.c_attn", WIDTH, 3 * WIDTH), ("attn.c_proj", WIDTH, WIDTH),
            ("mlp.c_fc", WIDTH, 4 * WIDTH), ("mlp.c_proj", 4 * WIDTH, WIDTH),
        ):  # fmt: skip
            shapes[f"h.{i}.{name}.weight"] = n_in, n_out
            shapes[f"h.{i}.{name}.bias"] = (n_out,)
        for name in ("ln_1", "ln_2"):
            shapes[f"h.{i}.{name}.weight"] = (WIDTH,)
            shapes[f"h.{i}.{name}.bias"] = (WIDTH,)
    return shapes


def draw(shapes: dict[str, tuple[int, ...]]) -> Arrays:
    """Arrays by name, float32, with which every one of them changes the logits."""
    rng = np.random.default_rng(SEED)
    arrays = {}
    for name, shape in sorted(shapes.items()):
        values = 0.2 * rng.standard_normal(shape)
        gain = "ln_" in name and name.endswith("weight")
        arrays[name] = (np.exp(values) if gain else values).astype(np.float32)
    return arrays


def arrays() -> Arrays:
    """By Hugging Face's names without prefix."""
    outside = {
        "tokens_embed.weight": (VOCAB, WIDTH),
        "positions_embed.weight": (CONTEXT, WIDTH),
    }
    return draw(block_shapes() | outside)


def head() -> Arrays:
    """The head of OpenAIGPTDoubleHeadsModel."""
    return draw({f"{HEAD}.weight": (1, WIDTH), f"{HEAD}.bias": (1,)})


def tokens() -> np.ndarray:
    """[2, CONTEXT]"""
    return np.random.default_rng(SEED + 1).integers(0, VOCAB, (2, CONTEXT))


def filled(model, arrays: Arrays):
    """A network of transformers' with these weights, in float64."""
    import torch

    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected
    assert set(missing) <= {"lm_head.weight"}
    model.tie_weights()
    return model.eval().double()


def write() -> None:
    import torch
    from transformers import OpenAIGPTConfig, OpenAIGPTDoubleHeadsModel

    config = OpenAIGPTConfig(
        vocab_size=VOCAB, n_positions=CONTEXT, n_embd=WIDTH, n_layer=LAYERS,
        n_head=HEADS,
    )  # fmt: skip
    prefixed = {f"transformer.{name}": array for name, array in arrays().items()}
    model = filled(OpenAIGPTDoubleHeadsModel(config), prefixed | head())
    rows = torch.from_numpy(tokens())
    with torch.no_grad():
        # A choice is scored at its last token.
        out = model(rows[None], mc_token_ids=torch.full((1, 2), CONTEXT - 1))
    np.savez_compressed(
        Path(__file__).with_suffix(".npz"),
        logits=out.logits[0].numpy().astype(np.float32),
        choices=out.mc_logits[0].numpy().astype(np.float32),
    )


if __name__ == "__main__":
    write()
