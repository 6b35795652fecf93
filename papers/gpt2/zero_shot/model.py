"""What the evaluations ask of a network, and the sequences that they give it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from common.contract import UserError

Ids = Int[np.ndarray, "time"]
ROWS = 32  # sequences in a call that returns a row of the vocabulary for each


class Model(NamedTuple):
    """A language model as functions on the host.

    nll: (sequences, contexts) -> for each sequence, -log p in nats of every token after
      its first `context` ones. A context has at least one token, and a sequence at most
      context_length + 1. The function batches and pads.
    next_log_probs: sequences of 1 to context_length tokens -> [rows, vocab], log p of
      each id as the token after the whole sequence.
    continue_: (prompts, length, *, top_k, seed) -> the new text of each prompt, up to
      `length` tokens. A top_k of 1 is greedy.
    encode: text -> ids [time].
    decode: ids -> text.
    end: the id of end-of-text.
    context_length: how many tokens the network reads at once.
    """

    nll: Callable[[Sequence[Ids], Sequence[int]], list[Float[np.ndarray, "time"]]]
    next_log_probs: Callable[[Sequence[Ids]], Float[np.ndarray, "rows vocab"]]
    continue_: Callable[..., list[str]]
    encode: Callable[[str], Ids]
    decode: Callable[[Ids], str]
    end: int
    context_length: int


class Scored(NamedTuple):
    """nll: [items], the sum over each continuation in nats.
    cropped: how many contexts lost their beginning."""

    nll: Float[np.ndarray, "items"]
    cropped: int


def continuations(model: Model, pairs: Sequence[tuple[str, str]]) -> Scored:
    """-log p of the second text of each pair after the first.

    The texts are encoded one by one: cut a text before a space, where tokens end. After
    an empty context the continuation follows end-of-text.
    """
    encoded = [(before(model, first), model.encode(second)) for first, second in pairs]
    fitted = [fit(model, context, rest) for context, rest in encoded]
    lengths = [len(rest) for _, rest in encoded]
    contexts = [len(ids) - n for ids, n in zip(fitted, lengths, strict=True)]
    nll = total_nll(model, fitted, contexts)
    cropped = sum(
        len(ids) < len(context) + len(rest)
        for ids, (context, rest) in zip(fitted, encoded, strict=True)
    )
    return Scored(nll, cropped)


def total_nll(
    model: Model, sequences: Sequence[Ids], contexts: Sequence[int]
) -> Float[np.ndarray, "items"]:
    """The sum of -log p over the tokens after each context, in nats and float64.

    UserError: a probability is no number, of which nothing can be said.
    """
    parts = model.nll(sequences, contexts)
    expected = [
        len(ids) - context for ids, context in zip(sequences, contexts, strict=True)
    ]
    if [len(part) for part in parts] != expected:
        raise ValueError("nll has not given a value for each token after the contexts")
    nll = np.asarray([np.sum(part, dtype=np.float64) for part in parts])
    if np.isnan(nll).any():
        count = int(np.isnan(nll).sum())
        raise UserError(
            f"the network gives no probability in {count} of {len(nll)} texts: it has "
            "diverged; take an earlier checkpoint"
        )
    return nll


def before(model: Model, context: str) -> Ids:
    """The ids of a context: end-of-text where it is empty."""
    ids = np.asarray(model.encode(context), np.int32)
    return ids if len(ids) else np.asarray([model.end], np.int32)


def fit(model: Model, context: Ids, rest: Ids) -> Ids:
    """Both in one sequence of at most context_length + 1 tokens. What does not fit is
    cut from the beginning of the context, of which one token stays.

    UserError: the continuation is empty, or alone longer than the network reads.
    """
    if not 1 <= len(rest) <= model.context_length:
        raise UserError(
            f"a continuation of {len(rest)} tokens cannot be scored: the network reads "
            f"{model.context_length} at once"
        )
    kept = context[-(model.context_length + 1 - len(rest)) :]
    return np.concatenate([kept, rest]).astype(np.int32)


class Prompts(NamedTuple):
    """cropped: how many texts are not whole."""

    texts: list[str]
    cropped: int


def prompts(model: Model, pairs: Sequence[tuple[str, str]], new: int) -> Prompts:
    """`document + rest` for each pair, with the end of the document cut off so that
    `new` more tokens fit in the window; then the beginning of the rest.

    UserError: `new` tokens alone fill the window.
    """
    room = model.context_length - new
    if room < 1:
        raise UserError(
            f"{new} new tokens do not fit in a window of {model.context_length}"
        )
    texts = [_prompt(model, *pair, room) for pair in pairs]
    whole = [document + rest for document, rest in pairs]
    cropped = sum(own != other for own, other in zip(texts, whole, strict=True))
    return Prompts(texts, cropped)


def _prompt(model: Model, document: str, rest: str, room: int) -> str:
    head, tail = model.encode(document), model.encode(rest)
    if len(head) + len(tail) <= room:
        return document + rest
    tail = tail[-room:]
    return model.decode(head[: room - len(tail)]) + model.decode(tail)
