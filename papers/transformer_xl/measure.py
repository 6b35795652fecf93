"""The loss of every single token, under each way of reading a text."""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from common.data.streams import stretches
from common.host import to_host
from common.rows import split_beside
from papers.transformer_xl.config import Config
from papers.transformer_xl.memory import empty_memory
from papers.transformer_xl.model import TransformerXL
from papers.transformer_xl.train import stream_nll

WINDOWS = 64  # windows of a sliding evaluation that are computed at once


def attending(config: Config, keys: int, length: int | None = None) -> Config:
    """The config with an attention length: every token attends to `keys` tokens, itself
    included. `length`: tokens of a segment, if they change."""
    model = dataclasses.replace(config.model, mem_len=keys, window=keys)
    data = dataclasses.replace(config.data, length=length or config.data.length)
    return dataclasses.replace(config, model=model, data=data)


def by_segments(
    config: Config, params: Any, tokens: Int[np.ndarray, "stream"]
) -> Float[np.ndarray, "characters"]:
    """-log p in nats of every token but the first. The text is cut into
    `eval.batch_size` streams, which are read side by side in segments of
    `config.data.length`, with memory."""
    rows = config.eval.batch_size
    batch = stretches(tokens, rows=rows, length=config.data.length)
    nll = _nll(config, params, batch["inputs"], batch["targets"])
    return nll[batch["mask"] > 0]


def _nll(
    config: Config,
    params: Any,
    inputs: Int[np.ndarray, "batch stream"],
    targets: Int[np.ndarray, "batch stream"],
) -> Float[np.ndarray, "batch stream"]:
    """`stream_nll`, its rows split over the devices that hold the parameters."""
    rows = (split_beside(params, x) for x in (inputs, targets))
    return to_host(jax.jit(partial(stream_nll, config))(params, *rows))


def sliding(
    config: Config, params: Any, tokens: Int[np.ndarray, "stream"], keys: int
) -> Float[np.ndarray, "characters"]:
    """As `by_segments`, but a window of `keys` tokens moves on by one token for each
    prediction and is read anew each time. The first `keys` tokens are one segment."""
    alone = attending(config, 0, keys)
    alone = dataclasses.replace(
        alone,
        data=dataclasses.replace(alone.data, ext_len=0),
        eval=dataclasses.replace(alone.eval, batch_size=1),
    )
    first = by_segments(alone, params, tokens[: keys + 1])
    ends = np.arange(keys, len(tokens) - 1)
    return np.concatenate([first, last_nll(config, params, tokens, ends, keys)])


def last_nll(
    config: Config,
    params: Any,
    tokens: Int[np.ndarray, "stream"],
    ends: Int[np.ndarray, "window"],
    keys: int,
) -> Float[np.ndarray, "window"]:
    """-log p in nats of tokens[end + 1] after the `keys` tokens up to tokens[end], read
    as one segment without memory."""
    padded = np.resize(ends, -(-len(ends) // WINDOWS) * WINDOWS).reshape(-1, WINDOWS)
    windows = split_beside(params, padded, axis=1)
    run = jax.jit(partial(_last_nll, config, keys))
    nll = run(params, jnp.asarray(tokens), windows)
    return to_host(nll).reshape(-1)[: len(ends)]


def _last_nll(config, keys, params, tokens, ends) -> Float[Array, "group window"]:
    model = TransformerXL(config.model)

    def group(ends):
        inputs = tokens[ends[:, None] + jnp.arange(1 - keys, 1)]
        memory = empty_memory(config.model, len(ends), 0)
        log_probs = model.apply(
            {"params": params}, inputs, memory, method="last_log_probs"
        )
        return -jnp.take_along_axis(log_probs, tokens[ends + 1][:, None], 1)[:, 0]

    return jax.lax.map(group, ends)


def after_context(
    config: Config,
    params: Any,
    tokens: Int[np.ndarray, "stream"],
    ends: Int[np.ndarray, "position"],
    context: int,
) -> Float[np.ndarray, "position"]:
    """-log p in nats of tokens[end + 1] after the `context` tokens up to tokens[end]:
    l(c, t) of the relative effective context length.

    A model with recurrence reads the context in segments of `data.length`, which must
    divide it. A model without sees at most the length of its training segments.
    """
    if not config.model.mem_len:
        longest = config.data.length + config.data.ext_len
        return last_nll(config, params, tokens, ends, min(context, longest))
    inputs = tokens[ends[:, None] + np.arange(1 - context, 1)]
    targets = tokens[ends[:, None] + np.arange(2 - context, 2)]
    return _nll(config, params, inputs, targets)[:, -1]
