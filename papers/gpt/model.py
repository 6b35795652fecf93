"""The GPT network (Radford et al. 2018, section 3.1), and an LSTM to take its place.

Axes: batch, choice (inputs of one example), row (batch · choice), time, slots (of a
cache), d_model, vocab.

The released code keeps one table: a row for each token, then for each special token,
then for each position. Dropout drops entries of that table, and the products with the
same dropped table are the logits.
"""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from common.losses import cross_entropy, tied_logits
from common.recurrent import LSTM, Cell
from common.repeat import draw_at_once, repeat
from common.sharding import whole
from common.transformer import (
    Block,
    Caches,
    Hidden,
    Tokens,
    norm,
    seen_through_cache,
)
from papers.gpt.config import Model

SPECIALS = ("start", "delimiter", "extract")  # the tokens vocab, vocab + 1, vocab + 2
Table = Float[Array, "rows d_model"]


class GPT(nn.Module):
    """Tokens in, hidden states out.

    outputs: of the head that reads the Extract token's state; 0: no head and no special
        tokens, as in pre-training.
    """

    config: Model
    outputs: int = 0

    def setup(self):
        c = self.config
        normal = nn.initializers.normal
        std = c.init_std
        self.tokens = nn.Embed(c.vocab_size, c.d_model, embedding_init=normal(std))
        if c.network == "lstm":
            self.lstm = LSTM(Cell(c.lstm_units, forget_bias=1.0, dtype=c.dtype))
            self.output = nn.Dense(c.d_model, dtype=c.dtype)
            self.norm = norm(c)
        else:
            self.positions = nn.Embed(c.context, c.d_model, embedding_init=normal(std))
            self.blocks = [Block(c, False, std) for _ in range(c.n_layers)]
        if self.outputs:
            self.specials = self.param(
                "specials", normal(std), (len(SPECIALS), c.d_model)
            )
            self.head = nn.Dense(self.outputs, kernel_init=normal(std))
        self.dropout = nn.Dropout(c.dropout)
        self.head_dropout = nn.Dropout(c.head_dropout)

    def table(self, time: int, train: bool = False) -> Table:
        """The rows of tokens, specials and the first `time` positions, after dropout.
        An LSTM counts by itself: it has no positions."""
        rows = [self.tokens.embedding]
        if self.outputs:
            rows.append(self.specials)
        if self.config.network == "transformer":
            rows.append(self.positions.embedding[:time])
        table = whole(jnp.concatenate(rows))
        return self.dropout(table, deterministic=not train)

    def __call__(self, tokens: Tokens, train: bool = False) -> Hidden:
        return self.read(tokens, self.table(tokens.shape[1], train), train)

    def read(self, tokens: Tokens, table: Table, train: bool) -> Hidden:
        """The hidden states under a table of `self.table`."""
        c = self.config
        time = tokens.shape[1]
        h = self._embedded(tokens, table, jnp.arange(time))
        if c.network == "lstm":
            h, _ = self.lstm(self.dropout(h, deterministic=not train))
            return self.norm(self.output(self.dropout(h, deterministic=not train)))

        if self.is_initializing():
            draw_at_once(self.blocks, h)

        def run(block, h, _):
            return block(h, train), None

        h, _ = repeat(run, self.blocks, h, loop=c.scan, remat=c.remat)
        return h

    def _embedded(self, tokens: Tokens, table: Table, positions: Array) -> Hidden:
        h = table[tokens]
        if self.config.network == "transformer":
            h = h + table[self._before_positions + positions]
        return h.astype(self.config.dtype)

    @property
    def _before_positions(self) -> int:
        """Rows of the table ahead of those of the positions."""
        return self.config.vocab_size + (len(SPECIALS) if self.outputs else 0)

    def logits(
        self, hidden: Hidden, table: Table | None = None
    ) -> Float[Array, "batch time rows"]:
        """The products with the rows of tokens and specials, or with all of the table
        that the network read."""
        table = self.table(hidden.shape[1]) if table is None else table
        if self.config.softmax_over == "vocab":
            table = table[: self._before_positions]
        return tied_logits(hidden, table)

    def nll(
        self, tokens: Tokens, targets: Tokens, train: bool = False
    ) -> Float[Array, "batch time"]:
        """-log p(target) in nats."""
        table = self.table(tokens.shape[1], train)
        hidden = self.read(tokens, table, train)
        return cross_entropy(self.logits(hidden, table), targets)

    def task(
        self,
        tokens: Int[Array, "batch choice time"],
        extract: Int[Array, "batch choice"],
        form: str,
        *,
        lm: bool = True,
        train: bool = False,
    ) -> tuple[
        Float[Array, "batch outputs"], Float[Array, "batch choice time-1"] | None
    ]:
        """The head's logits, and -log p in nats of every token but the first; None
        instead without `lm`.

        extract: the position of each input's Extract token, whose state the head reads.
        form: "choice" gives each input a logit; "similarity" adds the states of both
            orders before the head; the others have one input.
        """
        batch, choice, time = tokens.shape
        rows = tokens.reshape(-1, time)
        table = self.table(time, train)
        hidden = self.read(rows, table, train)
        at = extract.reshape(-1, 1, 1)
        state = jnp.take_along_axis(hidden, at, axis=1).reshape(batch, choice, -1)
        logits = self._head(state, form, train)
        if not lm:
            return logits, None
        nll = cross_entropy(self.logits(hidden[:, :-1], table), rows[:, 1:])
        return logits, nll.reshape(batch, choice, -1)

    def _head(
        self, state: Float[Array, "batch choice d_model"], form: str, train: bool
    ) -> Float[Array, "batch outputs"]:
        """Dropout drops the same features of all inputs of an example."""
        keep = self.head_dropout(jnp.ones_like(state[:, :1]), deterministic=not train)
        state = (state * keep).astype(jnp.float32)
        if form == "choice":
            return self.head(state)[..., 0]
        return self.head(state.sum(axis=1))

    def cached(
        self, tokens: Tokens, caches: Caches, start: Int[Array, "batch"]
    ) -> tuple[Hidden, Caches]:
        """As `__call__`, for tokens that stand at the positions from start[b] on in row
        b, and follow those in the caches."""
        time = tokens.shape[1]
        seen = seen_through_cache(start, time, caches[0].key.shape[2])
        positions = start[:, None] + jnp.arange(time)
        h = self._embedded(tokens, self.table(self.config.context), positions)
        new = []
        for block, cache in zip(self.blocks, caches, strict=True):
            h, cache = block.cached(h, cache, start, seen)
            new.append(cache)
        return h, tuple(new)
