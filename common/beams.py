"""Beam search: the likeliest sequences of a network, several kept at every step.

All shapes are fixed, so that a search compiles once: a beam that has ended stays among
the others and repeats its end at log p 0. The search is over when every beam has ended,
or after `steps` tokens.

Axes: batch, beams, vocab, steps.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

Step = Callable[
    [Int[Array, "batch beams"], Any], tuple[Float[Array, "batch beams vocab"], Any]
]


class Beams(NamedTuple):
    """What a search has found, the best beam of a row first.

    tokens: behind a sequence that has ended, its end is repeated.
    log_p: of the whole sequence, in nats; -inf where fewer sequences exist than beams.
    length: tokens of the sequence; the end is one of them.
    """

    tokens: Int[Array, "batch beams steps"]
    log_p: Float[Array, "batch beams"]
    length: Int[Array, "batch beams"]


def search(
    step: Step,
    state: Any,
    first_token: Int[Array, "batch"],
    *,
    beams: int,
    steps: int,
    end: int,
    size: int,
    alpha: float = 0.0,
) -> Beams:
    """The best sequences by log p / length**alpha, among those that the beams meet.

    With one beam the search is greedy. With as many beams as sequences exist, it is
    exhaustive.

    Args:
      step: reads the last token of each beam and gives log p of the next one, in nats,
        and the state after it.
      state: what `step` carries. Every leaf begins with the axes batch and beams, and
        follows its beam: see `repeated`.
      first_token: what `step` reads first. It is no part of the result.
      steps: a sequence that has not ended after so many tokens is cut there.
      end: the token that ends a sequence.
      size: tokens that may be chosen, the first ones; a network may have more.
      alpha: 0 ranks by log p, which prefers short sequences; 1 by log p a token.
    """
    batch = first_token.shape[0]
    found = Beams(
        tokens=jnp.full((batch, beams, steps), end, jnp.int32),
        log_p=jnp.full((batch, beams), -jnp.inf).at[:, 0].set(0),
        length=jnp.zeros((batch, beams), jnp.int32),
    )
    last = jnp.broadcast_to(first_token[:, None], (batch, beams)).astype(jnp.int32)
    ended = jnp.zeros((batch, beams), bool)

    def going(carry):
        i, *_, ended, found = carry
        # A beam at -inf is no sequence: nothing waits for its end.
        return (i < steps) & (~ended & (found.log_p > -jnp.inf)).any()

    def one_more(carry):
        i, state, last, ended, found = carry
        log_p, state = step(last, state)
        log_p = _with_ends(log_p[..., :size].astype(jnp.float32), ended, end)
        log_p = found.log_p[..., None] + log_p
        length = found.length + ~ended
        scores = log_p / (length[..., None] ** alpha)
        _, best = lax.top_k(scores.reshape(batch, -1), beams)
        parent, token = best // size, best % size
        state, ended, tokens, length = follow(
            (state, ended, found.tokens, length), parent
        )
        found = Beams(
            tokens=tokens.at[:, :, i].set(token),
            log_p=jnp.take_along_axis(log_p.reshape(batch, -1), best, 1),
            length=length,
        )
        return i + 1, state, token, ended | (token == end), found

    *_, found = lax.while_loop(going, one_more, (0, state, last, ended, found))
    return found


def repeated(tree: Any, beams: int) -> Any:
    """Leaves of [batch, ...] as [batch, beams, ...], every beam the same."""

    def repeat(x: Array) -> Array:
        return jnp.broadcast_to(x[:, None], (x.shape[0], beams, *x.shape[1:]))

    return jax.tree.map(repeat, tree)


def follow(tree: Any, parent: Int[Array, "batch beams"]) -> Any:
    """Every leaf [batch, beams, ...] with the beams that `parent` names."""
    return jax.tree.map(lambda x: jax.vmap(lambda row, i: row[i])(x, parent), tree)


def _with_ends(
    log_p: Float[Array, "batch beams size"], ended: Array, end: int
) -> Float[Array, "batch beams size"]:
    """Log p of the next token, where a beam that has ended can only end again."""
    again = jnp.where(jnp.arange(log_p.shape[-1]) == end, 0.0, -jnp.inf)
    return jnp.where(ended[..., None], again, log_p)
