"""Pictures of a trained network: what its layers attend to, and how far they reach."""

import dataclasses
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from common.attention import causal_mask, relative_terms
from common.contract import Table
from common.host import to_host
from common.text.vocab import Vocab
from papers.transformer_xl.config import Config
from papers.transformer_xl.memory import empty_memory
from papers.transformer_xl.model import TransformerXL

REACH = 16  # tokens of a segment, and of the memory, when the reach is measured


def pictures(
    config: Config, params: Any, tokens: Int[np.ndarray, "stream"], vocab: Vocab
) -> Iterator[tuple[str, Any]]:
    """Yields the table of attention terms, an attention map, and the reach. Reads the
    first `tokens_needed` tokens."""
    from common import figures

    layers = attention(config, params, tokens)
    yield "What the layers attend to", _terms(config, layers)
    time, memory = config.data.length, config.model.mem_len
    weights = layers[-1]["weights"][0].mean(0)  # time key
    end = _segments(config) * time
    letters = [_letter(vocab.decode([t])) for t in tokens[end - time - memory : end]]
    yield (
        "Attention map of the last layer, mean of its heads",
        figures.heatmap(
            np.sqrt(weights),
            f"read: {memory} tokens of memory, then the segment",
            "predicting after",
            colour_label="attention, square root",
            x_ticks=letters,
            y_ticks=letters[-time:],
        ),
    )
    earliest = reach(config, params, tokens)
    positions = np.arange(earliest.shape[1])
    curves = {f"layer {n}": (positions, row) for n, row in enumerate(earliest, 1)}
    yield (
        "Figure 2, measured: the earliest token that reaches each position, with "
        f"segments and memory of {REACH}",
        figures.curves(curves, "position", "earliest token that changes its state"),
    )


def _letter(token: str) -> str:
    """A token as one visible character for the axis."""
    return {" ": "␣", "\n": "↵", "\t": "→"}.get(
        token, token if token.isprintable() else "·"
    )


def tokens_needed(config: Config) -> int:
    """Tokens that `pictures` reads."""
    reached = (config.model.n_layers + 3) * REACH
    return max(_segments(config) * config.data.length, reached)


def _segments(config: Config) -> int:
    """How many segments fill the memory, and one more."""
    return -(-config.model.mem_len // config.data.length) + 1


def attention(
    config: Config, params: Any, tokens: Int[np.ndarray, "stream"]
) -> list[dict[str, Any]]:
    """For each layer, in the first segment with a full memory: "weights" [1, heads,
    time, key], and "scored", the (q, k, W_r R, u, v) that they are computed from."""
    # A loop over the layers keeps no intermediates.
    model = TransformerXL(dataclasses.replace(config.model, scan=False))
    time = config.data.length

    @jax.jit
    def segment(params, inputs, memory):
        return model.apply(
            {"params": params}, inputs, memory, mutable=["intermediates"]
        )

    memory = empty_memory(config.model, 1, config.model.mem_len)
    for i in range(_segments(config)):
        inputs = jnp.asarray(tokens[None, i * time : (i + 1) * time])
        (_, memory), kept = segment(params, inputs, memory)
    kept = to_host(kept["intermediates"])
    layers = [kept[f"layers_{n}"] for n in range(config.model.n_layers)]
    return [
        {name: values[0] for name, values in layer["attention"].items()}
        for layer in layers
    ]


def _terms(config: Config, layers: list[dict[str, Any]]) -> Table:
    """How much of the attention falls on the memory, and how large each of the four
    terms of the score is."""
    memory = config.model.mem_len
    mask = np.asarray(causal_mask(config.data.length, memory + config.data.length))
    rows, names = [], ()
    for n, layer in enumerate(layers, 1):
        on_memory = float(layer["weights"][..., :memory].sum(-1).mean())
        terms = relative_terms(*layer["scored"])
        names = tuple(terms)
        sizes = [float(np.std(np.asarray(x)[..., mask])) for x in terms.values()]
        rows.append([n, on_memory, *sizes])
    note = (
        "share of attention on the memory; standard deviation of each of the four "
        "terms of the score over all visible cells"
    )
    return Table(("layer", "on memory", *names), rows, note)


def reach(
    config: Config, params: Any, tokens: Int[np.ndarray, "stream"]
) -> Int[np.ndarray, "layers position"]:
    """For each layer's output at each position, the earliest token that changes it when
    the token itself changes: figure 2 of the paper, measured.

    One row of a batch holds the text, and each other row the text with one token
    changed. The memory carries the changes from segment to segment.
    """
    c = dataclasses.replace(config.model, mem_len=REACH, window=0, clamp_len=0)
    size = (c.n_layers + 3) * REACH
    text = np.tile(tokens[:size], (size + 1, 1))
    changed = np.arange(size)
    text[changed + 1, changed] = (text[0] + 1) % c.vocab_size
    states = to_host(jax.jit(partial(_states, c))(params, text))
    differs = (states[1:] != states[:1]).any(-1)  # token layers position
    return np.where(differs.any(0), differs.argmax(0), np.arange(size))


def _states(
    config: Any, params: Any, tokens: Int[np.ndarray, "batch stream"]
) -> Float[np.ndarray, "batch layers stream d_model"]:
    """Every layer's output at every position, read in segments of REACH."""
    memory = empty_memory(config, tokens.shape[0], REACH)
    outputs = []
    for start in range(0, tokens.shape[1], REACH):
        hidden, memory = TransformerXL(config).apply(
            {"params": params}, tokens[:, start : start + REACH], memory
        )
        outputs.append(jnp.stack([*memory.layers[1:], hidden], axis=1))
    return jnp.concatenate(outputs, axis=2)
