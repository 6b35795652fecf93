"""Captions for image vectors, by greedy choice or by beams.

A beam carries the LSTM's state and what its words have given the guidance, so that both
follow it when beams change places. Every caption ends: after `length` words END is all
that is left, and its log p counts.

Axes: images, beams, steps = length + 1.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from common import beams as beam_search
from common.beams import Beams
from papers.captioning.config import Model
from papers.captioning.model import END, Captioner, Progress

Features = Float[Array, "images width"]


@dataclass(frozen=True)
class Options:
    """How captions are searched."""

    length: int  # most words
    beams: int = 1
    least: int = 0  # least words
    alpha: float = 0.0  # beams are ranked by log p / length^alpha, END in the length
    no_repeat: int = 0  # no n-gram of so many words twice; 0: any


@struct.dataclass
class Carried:
    """The state of a search. Leaves [images, beams, ...]."""

    progress: Progress
    words: Int[Array, "images beams steps"]  # those so far
    count: Int[Array, "images beams"]  # how many


def captions(config: Model, params: Any, image: Features, options: Options) -> Beams:
    """The best captions of each image: `Beams.tokens` [images, beams, length + 1] has
    0 from END on."""
    step, start = _search(config, params, image, options)
    return beam_search.search(
        step,
        start,
        jnp.full(image.shape[0], END),
        beams=options.beams,
        steps=options.length + 1,
        end=END,
        size=config.symbols,
        alpha=options.alpha,
    )


def sampled(
    config: Model,
    params: Any,
    image: Features,
    options: Options,
    temperature: float,
    key: Key[Array, ""],
) -> Beams:
    """As many captions of each image as there are beams, each word drawn with
    probabilities p^(1 / temperature), normalised. The likeliest stand first; log p is
    the network's own."""
    step, start = _search(config, params, image, options)
    rows = image.shape[0], options.beams

    def draw(carry, key):
        carried, last, ended, total = carry
        log_p, carried = step(last, carried)
        drawn = jax.random.categorical(key, log_p / temperature)
        word = jnp.where(ended, END, drawn)
        own = jnp.take_along_axis(log_p, word[..., None], axis=-1)[..., 0]
        total += jnp.where(ended, 0.0, own)
        return (carried, word, ended | (word == END), total), word

    ends = jnp.full(rows, END), jnp.zeros(rows, bool), jnp.zeros(rows)
    keys = jax.random.split(key, options.length + 1)
    (*_, log_p), words = jax.lax.scan(draw, (start, *ends), keys)
    tokens = jnp.moveaxis(words, 0, -1)
    order = jnp.argsort(-log_p, axis=1)
    length = jnp.argmax(tokens == END, axis=-1) + 1
    return beam_search.follow(Beams(tokens, log_p, length), order)


def _search(config: Model, params: Any, image: Features, options: Options):
    """A step, log p of the symbols that may come next, and the state it starts from."""
    net = Captioner(config)

    def step(last, carried):
        logits, progress = net.apply(
            {"params": params}, image, last, carried.progress, method="step"
        )
        log_p = jax.nn.log_softmax(logits.astype(jnp.float32))
        new = _with_word(carried, last).replace(progress=progress)
        return jnp.where(_allowed(new, config.symbols, options), log_p, -jnp.inf), new

    shape = image.shape[0], options.beams
    start = Carried(
        progress=net.apply({"params": params}, image, options.beams, method="start"),
        words=jnp.zeros((*shape, options.length + 1), jnp.int32),
        count=jnp.full(shape, -1),  # START is read first, and is no word
    )
    return step, start


def _with_word(carried: Carried, last: Int[Array, "images beams"]) -> Carried:
    place = jnp.arange(carried.words.shape[-1]) == carried.count[..., None]
    words = jnp.where(place, last[..., None], carried.words)
    return carried.replace(words=words, count=carried.count + 1)


def _allowed(
    carried: Carried, symbols: int, options: Options
) -> Bool[Array, "images beams symbols"]:
    """Which symbols may come next."""
    symbol = jnp.arange(symbols)
    count = carried.count[..., None]
    allowed = (symbol == END) | (count < options.length)
    allowed &= (symbol != END) | (count >= options.least)
    if options.no_repeat:
        allowed &= (symbol == END) | ~_repeats(carried, symbols, options.no_repeat)
    # The last way out: END, where repetition forbids all words.
    none = ~jnp.any(allowed, axis=-1, keepdims=True)
    return allowed | (none & (symbol == END))


def _repeats(
    carried: Carried, symbols: int, n: int
) -> Bool[Array, "images beams symbols"]:
    """Whether a word would complete an n-gram that the caption has already."""
    words, count = carried.words, carried.count
    steps = words.shape[-1]
    starts = jnp.arange(max(steps - n + 1, 1))
    inside = starts + n - 1 < count[..., None]
    same = jnp.broadcast_to(inside, inside.shape)
    for i in range(n - 1):
        place = jnp.clip(count - (n - 1) + i, 0)[..., None]
        recent = jnp.take_along_axis(words, place, axis=-1)
        same &= words[..., starts + i] == recent
    completed = jnp.where(same, words[..., jnp.clip(starts + n - 1, 0, steps - 1)], END)
    return jnp.any(completed[..., None] == jnp.arange(symbols), axis=-2)


def words_of(
    tokens: Int[Array, "*batch steps"],
) -> Int[Array, "*batch length"]:
    """The tokens as captions: without the place of the last END."""
    return tokens[..., :-1]
