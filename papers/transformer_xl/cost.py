"""What a predicted token costs in seconds: the table behind "1,874 times faster".

The vanilla Transformer reads its whole window anew for each token; Transformer-XL reads
each token once. Every way of predicting below reads one stream, and sees `keys` tokens
for each prediction.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from common.contract import Table
from common.timing import median_seconds
from papers.transformer_xl.config import Config
from papers.transformer_xl.decode import empty_decoder, read
from papers.transformer_xl.memory import empty_memory, projected_memory
from papers.transformer_xl.model import TransformerXL

SEGMENT = 256  # tokens of a Transformer-XL segment
REPEATS = 5  # timed calls, after one that compiles
# Attention length -> how many times faster the paper is than vanilla, on one GPU.
PAPER = {800: 363, 1800: 773, 2800: 1409, 3800: 1874}


def speed_table(
    xl: Config, xl_params: Any, vanilla: Config, vanilla_params: Any
) -> Table:
    """Milliseconds a token for each way of predicting, and how many times faster than
    the vanilla Transformer it is."""
    lengths = xl.eval.attention_lengths + ((1800, 2800, 3800) if xl.eval.long else ())
    rows = []
    for keys in lengths:
        slow = _seconds(_sliding(vanilla, vanilla_params, keys), tokens=1)
        ways = [way(xl, xl_params, keys) for way in (_segments, _cached, _ring)]
        fast = [_seconds(way, tokens=SEGMENT) for way in ways]
        milliseconds = [1e3 * seconds for seconds in (slow, *fast)]
        ratios = [slow / seconds for seconds in fast]
        rows.append([keys, *milliseconds, *ratios, PAPER.get(keys)])
    columns = (
        "attention length", "vanilla ms", "segments ms", "cached ms", "ring ms",
        "segments x", "cached x", "ring x", "paper x",
    )  # fmt: skip
    note = (
        "ms: for one predicted token, one stream; x: how many times faster than "
        "vanilla, whose window slides by one token. segments: "
        f"{SEGMENT} tokens at once with a memory of hidden states. cached: the same "
        "with keys, values and W_r R kept. ring: token by token from a ring of keys "
        "and values. The paper names neither model nor segment length for its figures."
    )
    return Table(columns, rows, note)


Timed = tuple[Callable[..., Any], tuple]  # a function and what it is called with


def _seconds(timed: Timed, *, tokens: int) -> float:
    """Median seconds for each predicted token, of a call that predicts `tokens`."""
    run, arguments = timed
    return median_seconds(partial(jax.jit(run), *arguments), REPEATS) / tokens


def _tokens(config: Config, count: int) -> Int[Array, "batch time"]:
    return jnp.arange(count)[None] % config.model.vocab_size


def _sliding(config: Config, params: Any, keys: int) -> Timed:
    arguments = params, _tokens(config, keys), empty_memory(config.model, 1, 0)
    return _applied(config, "last_log_probs"), arguments


def _segments(config: Config, params: Any, keys: int) -> Timed:
    arguments = params, _tokens(config, SEGMENT), empty_memory(config.model, 1, keys)
    return _applied(config, "log_probs"), arguments


def _cached(config: Config, params: Any, keys: int) -> Timed:
    positions = TransformerXL(config.model).apply(
        {"params": params}, keys + SEGMENT, method="project_positions"
    )
    memory = projected_memory(config.model, 1, keys)
    arguments = params, _tokens(config, SEGMENT), memory, positions
    return _applied(config, "cached_log_probs"), arguments


def _applied(config: Config, method: str) -> Callable[..., Any]:
    model = TransformerXL(config.model)
    return lambda params, *inputs: model.apply(
        {"params": params}, *inputs, method=method
    )


def _ring(config: Config, params: Any, keys: int) -> Timed:
    def decode(params, decoder, tokens):
        return jax.lax.scan(partial(read, config.model, params), decoder, tokens)

    decoder = empty_decoder(config.model, params, 1, keys)
    return decode, (params, decoder, _tokens(config, SEGMENT).T)
