"""What a generated token costs in seconds, with and without the cache."""

import jax
import jax.numpy as jnp
import numpy as np

from common.contract import Table
from common.decoding import Draw, Generator
from common.timing import median_seconds
from papers.gpt2.measure import Reader
from papers.gpt2.model import GPT2

REPEATS = 3  # timed calls, after one that compiles
PROMPT = 8  # tokens


def speed_table(reader: Reader) -> Table:
    """Tokens a second of one row and of eight, filling a context."""
    context = reader.config.model.context
    rows = []
    for batch in (1, 8):
        cached = batch * (context - PROMPT) / _cached(reader, batch)
        anew = batch / _anew(reader, batch)
        rows.append([reader.width, batch, cached, anew, cached / anew])
    columns = ("layers x width", "rows", "cached, tokens/s", "uncached", "times faster")
    note = (
        f"cached: a context of {context} tokens is filled token by token. uncached: "
        "the whole context is read anew for each token"
    )
    return Table(columns, rows, note)


def _cached(reader: Reader, batch: int) -> float:
    """Seconds to fill a context."""
    network = GPT2(reader.config.model)
    write = Generator(network, reader.params, Draw(reader.vocab.size))
    keys = jax.random.split(jax.random.key(0), batch)
    prompts = [np.zeros(PROMPT, np.int32)] * batch
    length = reader.config.model.context - PROMPT
    return median_seconds(lambda: [*write(prompts, keys, length)][-1], REPEATS)


def _anew(reader: Reader, batch: int) -> float:
    """Seconds of a token."""
    network = GPT2(reader.config.model)

    @jax.jit
    def last(params, tokens):
        hidden = network.apply({"params": params}, tokens)
        logits = network.apply({"params": params}, hidden[:, -1:], method="logits")
        return jnp.argmax(logits, axis=-1)

    tokens = jnp.zeros((batch, reader.config.model.context), jnp.int32)
    return median_seconds(lambda: last(reader.params, tokens), REPEATS)
