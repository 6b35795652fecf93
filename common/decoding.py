"""Continuing texts token by token, each block with a cache of keys and values.

Rows are independent: what row b becomes depends on its own prompt and key alone. They
may have prompts of unequal lengths, stand at different positions, and end at different
times. A row whose context is full goes on from the last part of what it has: that part
is read anew, at the positions from 0 on, because a learned position belongs to a place
in the context and cannot move with its token.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from common.host import to_host
from common.sampling import sample
from common.transformer import Caches, Decoder, empty_caches

CHUNK = 16  # tokens drawn on the device before the host sees them
SMALLEST = 16  # tokens of the smallest window


@dataclasses.dataclass(frozen=True)
class Draw:
    """How the next token is drawn. See `common.sampling.sample`.

    size: ids that may be drawn; the network may have more.
    end: the id after which a row has ended; None: no id ends it.
    """

    size: int
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    end: int | None = None


@struct.dataclass
class Rows:
    """Texts that are being continued. Each row's last token is drawn and not yet read.

    length: tokens of the row that its caches hold.
    drawn: tokens that were drawn for the row; their number tells the next draw's key.
    """

    token: Int[Array, "batch"]
    length: Int[Array, "batch"]
    drawn: Int[Array, "batch"]
    ended: Bool[Array, "batch"]
    key: Key[Array, "batch"]

    @classmethod
    def unread(cls, keys: Key[Array, "batch"]) -> "Rows":
        none = jnp.zeros(len(keys), jnp.int32)
        return cls(token=none, length=none, drawn=none, ended=none > 0, key=keys)

    def lack(self, most: int | Int[Array, ""]) -> Bool[Array, "batch"]:
        """Where a row has neither ended nor `most` tokens."""
        return ~self.ended & (self.drawn < most)


class Network(Protocol):
    """A Linen module of blocks with caches."""

    config: Decoder

    def cached(
        self,
        tokens: Int[Array, "batch time"],
        caches: Caches,
        start: Int[Array, "batch"],
    ) -> tuple[Float[Array, "batch time d_model"], Caches]: ...

    def logits(
        self, hidden: Float[Array, "batch time d_model"]
    ) -> Float[Array, "batch time vocab"]: ...


class Generator:
    """Continues texts. Its programs are compiled once for each shape.

    keep: the share of a full context that is read anew. With 1 a context stays full,
        and every token costs a whole one.
    """

    def __init__(self, network: Network, params: Any, draw: Draw, keep: float = 0.5):
        self.config = network.config
        self.params = params
        self._kept = max(1, round(keep * self.config.context))
        self._read = jax.jit(partial(_read, network, draw), donate_argnums=1)
        self._write = jax.jit(partial(_write, network, draw), donate_argnums=1)

    def __call__(
        self, prompts: Sequence[np.ndarray], keys: Key[Array, "batch"], length: int
    ) -> Iterator[np.ndarray]:
        """Continues every prompt by `length` tokens.

        Args:
          prompts: a row each, of one token or more. Of one that is longer than the
            context the end is read.
          keys: a row each. Equal keys and prompts give equal rows, whatever the others
            of the batch are.

        Yields:
          [batch, n] tokens as they come; -1 where a row has none.
        """
        texts = [np.asarray(prompt, np.int32) for prompt in prompts]
        slots = min(bucket(max(map(len, texts)) + length), self.config.context)
        caches = empty_caches(self.config, len(texts), slots)
        rows = Rows.unread(keys)
        most = self.config.context
        while (reading := to_host(rows.lack(length))).any():
            window = _windows(texts, most, slots)
            caches, rows = self._read(self.params, caches, rows, *window, reading)
            new = np.where(reading, to_host(rows.token), -1)[:, None]
            while (new >= 0).any():
                yield new
                texts = [
                    np.append(text, row[row >= 0])
                    for text, row in zip(texts, new, strict=True)
                ]
                caches, rows, new = self._write(self.params, caches, rows, length)
                new = to_host(new)
            most = self._kept


def bucket(size: int) -> int:
    """The power of two at or above `size`, so that few shapes are compiled."""
    return 1 << max(size - 1, SMALLEST - 1).bit_length()


def _windows(
    texts: Sequence[np.ndarray], most: int, slots: int
) -> tuple[np.ndarray, np.ndarray]:
    """The last `most` tokens of each text, from the left, [batch, time], and how many
    they are, [batch]."""
    texts = [text[-most:] for text in texts]
    lengths = np.array([len(text) for text in texts], np.int32)
    window = np.zeros((len(texts), min(bucket(max(map(len, texts))), slots)), np.int32)
    for row, text in zip(window, texts, strict=True):
        row[: len(text)] = text
    return window, lengths


def _read(
    network: Network,
    draw: Draw,
    params: Any,
    caches: Caches,
    rows: Rows,
    window: Int[Array, "batch time"],
    lengths: Int[Array, "batch"],
    reading: Bool[Array, "batch"],
) -> tuple[Caches, Rows]:
    """Where `reading`: reads a row's window from position 0 on, and draws a token."""
    start = jnp.zeros_like(lengths)
    hidden, read = network.apply(
        {"params": params}, window, caches, start, method="cached"
    )
    last = jnp.take_along_axis(hidden, (lengths - 1)[:, None, None], axis=1)
    new = _drawn(network, draw, params, rows, last).replace(length=lengths)
    return _where(reading, read, caches), _where(reading, new, rows)


def _write(
    network: Network,
    draw: Draw,
    params: Any,
    caches: Caches,
    rows: Rows,
    most: Int[Array, ""],
) -> tuple[Caches, Rows, Int[Array, "batch chunk"]]:
    """Reads each row's last token and draws the next, up to `CHUNK` times. A row stops
    where it has ended, has `most` tokens, or is full; its tokens are -1 from there on.
    """

    def going(rows):
        return rows.lack(most) & (rows.length < network.config.context)

    def proceed(carry):
        i, _, rows, _ = carry
        return (i < CHUNK) & going(rows).any()

    def one_more(carry):
        i, caches, rows, tokens = carry
        # Rows that have stopped are written to as well: they are done, or read anew.
        hidden, caches = network.apply(
            {"params": params},
            rows.token[:, None],
            caches,
            rows.length,
            method="cached",
        )
        new = _drawn(network, draw, params, rows, hidden)
        new = new.replace(length=rows.length + 1)
        tokens = tokens.at[:, i].set(jnp.where(going(rows), new.token, -1))
        return i + 1, caches, _where(going(rows), new, rows), tokens

    tokens = jnp.full((len(rows.token), CHUNK), -1, jnp.int32)
    carry = 0, caches, rows, tokens
    _, caches, rows, tokens = jax.lax.while_loop(proceed, one_more, carry)
    return caches, rows, tokens


def _drawn(
    network: Network,
    draw: Draw,
    params: Any,
    rows: Rows,
    hidden: Float[Array, "batch 1 d_model"],
) -> Rows:
    """The rows with a new token each, drawn after `hidden`."""
    logits = network.apply({"params": params}, hidden, method="logits")[:, 0]
    draw_one = partial(
        sample, temperature=draw.temperature, top_k=draw.top_k, top_p=draw.top_p
    )
    keys = jax.vmap(jax.random.fold_in)(rows.key, rows.drawn)
    token = jax.vmap(draw_one)(keys, logits[:, : draw.size]).astype(jnp.int32)
    ended = token == (-1 if draw.end is None else draw.end)
    return rows.replace(token=token, drawn=rows.drawn + 1, ended=ended)


def _where(mask: Bool[Array, "batch"], new: Any, old: Any) -> Any:
    """The rows of `new` where the mask is True, and else those of `old`."""

    def choose(new, old):
        return jnp.where(mask.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    return jax.tree.map(choose, new, old)
