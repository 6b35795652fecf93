"""log p of given texts under a network of `common.decoding.Network`.

Texts of unequal lengths are padded at their ends, which a causal network does not see.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from common.data.streams import windows
from common.decoding import Network, bucket
from common.host import to_host
from common.losses import cross_entropy
from common.rows import split_beside

Ids = Int[np.ndarray, "time"]


class Scorer:
    """Scores texts, `rows` at a time. Its programs are compiled once for each length.

    size: how many of the network's ids the vocabulary has; the others get no
        probability. None: all.
    """

    def __init__(
        self, network: Network, params: Any, rows: int, size: int | None = None
    ) -> None:
        self.context = network.config.context
        self.params = params
        self.rows = rows
        size = size or network.config.vocab_size

        def logits(params, hidden):
            return network.apply({"params": params}, hidden, method="logits")[
                ..., :size
            ]

        def nll(params, inputs, targets):
            hidden = network.apply({"params": params}, inputs)
            return cross_entropy(logits(params, hidden), targets)

        def last(params, inputs, lengths):
            hidden = network.apply({"params": params}, inputs)
            at = (lengths - 1)[:, None, None]
            hidden = jnp.take_along_axis(hidden, at, axis=1)
            return jax.nn.log_softmax(logits(params, hidden)[:, 0])

        self._nll = jax.jit(nll)
        self._last = jax.jit(last)

    def nll(
        self, sequences: Sequence[Ids], contexts: Sequence[int]
    ) -> list[Float[np.ndarray, "time"]]:
        """For each sequence, -log p in nats of every token after its first `context`
        ones. A sequence has `self.context` + 1 tokens at most, a context one at least.
        """
        found = [np.zeros(0)] * len(sequences)
        for chosen, padded, _ in self._groups([text[:-1] for text in sequences]):
            targets = np.zeros_like(padded)
            for row, i in zip(targets, chosen, strict=False):
                row[: len(sequences[i]) - 1] = sequences[i][1:]
            nll = self._rows(self._nll, padded, targets)
            for row, i in zip(nll, chosen, strict=False):
                found[i] = row[contexts[i] - 1 : len(sequences[i]) - 1]
        return found

    def next_log_probs(
        self, sequences: Sequence[Ids]
    ) -> Float[np.ndarray, "texts vocab"]:
        """log p of every id as the token after each sequence."""
        found = [np.zeros(0)] * len(sequences)
        for chosen, padded, lengths in self._groups(sequences):
            last = self._rows(self._last, padded, lengths)
            for row, i in zip(last, chosen, strict=False):
                found[i] = row
        return np.stack(found)

    def text_nll(
        self, tokens: Ids, length: int, stride: int
    ) -> Float[np.ndarray, "time"]:
        """-log p in nats of every token of a text but the first, in windows that move
        by `stride`: each token sees length - stride tokens at least, but in the first.
        """
        cut = windows(tokens, length, stride)
        found = []
        for start in range(0, len(cut["inputs"]), self.rows):
            part = {name: a[start : start + self.rows] for name, a in cut.items()}
            filled = map(self._filled, (part["inputs"], part["targets"]))
            nll = self._rows(self._nll, *filled)
            found.append(nll[: len(part["mask"])][part["mask"] > 0])
        return np.concatenate(found)

    def _groups(
        self, texts: Sequence[Ids]
    ) -> Iterator[tuple[list[int], np.ndarray, np.ndarray]]:
        """(which texts, their padded tokens [rows, time], their lengths [rows]), the
        short ones first. Rows that no text fills have length 1."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), self.rows):
            chosen = order[start : start + self.rows]
            longest = len(texts[chosen[-1]])
            time = min(bucket(longest), max(self.context, longest))
            padded = np.zeros((self.rows, time), np.int32)
            lengths = np.ones(self.rows, np.int32)
            for row, i in enumerate(chosen):
                padded[row, : len(texts[i])] = texts[i]
                lengths[row] = len(texts[i])
            yield chosen, padded, lengths

    def _rows(self, program: Callable, *arrays: np.ndarray) -> np.ndarray:
        """What the program makes of rows, which are split over the devices that hold
        the parameters."""
        rows = (split_beside(self.params, x) for x in arrays)
        return to_host(program(self.params, *rows))

    def _filled(self, part: np.ndarray) -> np.ndarray:
        return np.pad(part, [(0, self.rows - len(part)), (0, 0)])
