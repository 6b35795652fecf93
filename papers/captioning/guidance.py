"""The guidance g_t: what the image says to the LSTM at each step, given the words.

    bilinear   g_t^i = Φ(Σ_jk W_ijk I^j S_t^k + b^i)
    factored   g_t   = Φ(I ⊙ W_c S_t)            W_ijk = δ_ij W_c[k, j], b = 0

I is the image's vector. S_t is the mean of the one-hot words that the step knows: the
current input word (1-gram), the last n (n-gram) or all since START (sentence). The
factored form reads one row of W_c a word, the bilinear one a matrix a word.

The guidance of a whole caption needs no loop: running sums of the rows give every mean.
Decoding takes one word at a time and carries a memory instead; both give the same g_t.

Axes: time, width (of I and g), row (what the tables hold for a word).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

Rows = Float[Array, "*batch time row"]
Row = Float[Array, "*batch row"]
Vectors = Float[Array, "*batch width"]


def scaled_softmax(x: Vectors) -> Vectors:
    """softmax times its width: the mean is 1, as W_c's is. A plain softmax over 512
    dimensions would leave a guidance of 1/512."""
    return jax.nn.softmax(x, axis=-1) * x.shape[-1]


PHI: dict[str, Callable[[Array], Array]] = {
    "tanh": jnp.tanh,
    "identity": lambda x: x,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "softmax": scaled_softmax,
}


def factored(image: Vectors, text: Vectors, phi: str) -> Vectors:
    """Φ(I ⊙ W_c S_t): `text` is W_c S_t."""
    return PHI[phi](image * text)


def bilinear(
    image: Vectors,
    text: Float[Array, "*batch width*width"],
    bias: Float[Array, "width"],
    phi: str,
) -> Vectors:
    """Φ(Σ_j (W S_t)_ij I^j + b^i): `text` is W S_t, flat, i before j."""
    width = image.shape[-1]
    matrix = text.reshape(*text.shape[:-1], width, width)
    return PHI[phi](jnp.einsum("...ij,...j->...i", matrix, image) + bias)


def factored_as_bilinear(
    table: Float[Array, "words width"],
) -> Float[Array, "words width*width"]:
    """The bilinear table that equals W_c: W_ijk = δ_ij W_c[k, j]."""
    words, width = table.shape
    return (table[:, :, None] * jnp.eye(width)).reshape(words, width * width)


@struct.dataclass
class Memory:
    """The rows of the words so far, as decoding carries them. Leaves [*batch, ...]."""

    rows: Float[Array, "*batch n row"]  # the last n rows, or one: the sum of all
    count: Int[Array, "*batch"]  # words so far


class Context(Protocol):
    """Which words S_t is the mean of."""

    def means(self, rows: Rows) -> Rows:
        """W S_t at every step, from the rows of the input words."""

    def start(self, batch: tuple[int, ...], width: int) -> Memory:
        """The memory before the first word."""

    def step(self, memory: Memory, row: Row) -> tuple[Memory, Row]:
        """The memory with one more word, and W S_t."""


@dataclass(frozen=True)
class Sentence:
    """The mean over all words since START."""

    def means(self, rows: Rows) -> Rows:
        steps = jnp.arange(1, rows.shape[-2] + 1, dtype=rows.dtype)
        return jnp.cumsum(rows, axis=-2) / steps[:, None]

    def start(self, batch: tuple[int, ...], width: int) -> Memory:
        return Memory(jnp.zeros((*batch, 1, width)), jnp.zeros(batch, jnp.int32))

    def step(self, memory: Memory, row: Row) -> tuple[Memory, Row]:
        new = Memory(memory.rows + row[..., None, :], memory.count + 1)
        return new, new.rows[..., 0, :] / new.count[..., None]


@dataclass(frozen=True)
class NGram:
    """The mean over the last n words, or over those there are."""

    n: int

    def means(self, rows: Rows) -> Rows:
        time = rows.shape[-2]
        if self.n == 1:
            return rows
        if self.n >= time:
            return Sentence().means(rows)
        padding = [(0, 0)] * (rows.ndim - 2) + [(self.n - 1, 0), (0, 0)]
        padded = jnp.pad(rows, padding)
        # n is small: adding n shifted arrays loses no digits, differences of sums do.
        total = sum(padded[..., i : i + time, :] for i in range(self.n))
        steps = jnp.arange(1, time + 1)
        return total / jnp.minimum(steps, self.n).astype(rows.dtype)[:, None]

    def start(self, batch: tuple[int, ...], width: int) -> Memory:
        return Memory(jnp.zeros((*batch, self.n, width)), jnp.zeros(batch, jnp.int32))

    def step(self, memory: Memory, row: Row) -> tuple[Memory, Row]:
        rows = jnp.concatenate([memory.rows[..., 1:, :], row[..., None, :]], axis=-2)
        new = Memory(rows, memory.count + 1)
        seen = jnp.minimum(new.count, self.n)[..., None]
        return new, jnp.sum(rows, axis=-2) / seen


def context(n: int) -> Context:
    """The last n words; 0: the whole sentence."""
    return NGram(n) if n else Sentence()
