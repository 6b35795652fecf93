"""Captions of pictures by a trained run: the same for `evaluate` and for `predict`."""

import dataclasses
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, UInt8

from common.contract import UserError
from common.host import to_host
from common.optim import ema_params
from common.rows import split_beside
from papers.captioning import decoding, objective, train
from papers.captioning.config import Config
from papers.captioning.decoding import Options
from papers.captioning.model import Captioner

Pictures = UInt8[np.ndarray, "images size size 3"]


class Written(NamedTuple):
    """What beams have found, the best of an image first."""

    tokens: Int[np.ndarray, "images seeds beams length"]  # 0 from END on
    log_p: Float[np.ndarray, "images seeds beams"]  # of the caption and END, in nats


@dataclasses.dataclass(frozen=True)
class Writer:
    """A trained run as a writer of captions."""

    config: Config
    params: Any  # {"language": leaves [seeds, ...], ...}
    encoder: Any  # its variables

    @classmethod
    def of(cls, config: Config, state: Any) -> "Writer":
        """UserError: the run is a stage before the captions."""
        if config.task != "caption":
            raise UserError("the run writes no captions: use one that does")
        params = ema_params(state.opt_state, state.params)
        return cls(config, params, train.encoder_variables(params, state.encoder))

    def write(self, pictures: Pictures, options: Options) -> Written:
        """Captions by every seed."""
        run = _program("write", self._key, options)
        images = split_beside(self.params, pictures)
        return Written(*to_host(run(self.params["language"], self.encoder, images)))

    def draw(
        self, pictures: Pictures, options: Options, temperature: float, seed: int = 0
    ) -> Written:
        """Captions by every seed's model, drawn at random: as `decoding.sampled`."""
        run = _program("drawn", self._key, options)
        images = split_beside(self.params, pictures)
        key = jax.random.key(seed)
        given = self.params["language"], self.encoder, images, temperature, key
        return Written(*to_host(run(*given)))

    def vectors(self, pictures: Pictures) -> Float[np.ndarray, "images width"]:
        """I of every picture."""
        run = _program("vectors", self._key, None)
        images = split_beside(self.params, pictures)
        return to_host(run(self.params["language"], self.encoder, images))

    def guidances(
        self, image: Float[np.ndarray, "width"], words: Int[np.ndarray, "length"]
    ) -> Float[np.ndarray, "time width"]:
        """g_t of the first seed along one caption, the one of START first."""
        first = jax.tree.map(lambda x: x[0], self.params["language"])
        net = Captioner(self.config.model)
        found = net.apply(
            {"params": first}, image[None], words[None, None], method="guidances"
        )
        return to_host(found)[0, 0]

    def guidances_of_words(
        self, image: Float[np.ndarray, "width"], words: Int[np.ndarray, "words"]
    ) -> Float[np.ndarray, "words width"]:
        """The guidance that each word alone would give, by the first seed."""
        first = jax.tree.map(lambda x: x[0], self.params["language"])
        net = Captioner(self.config.model)
        found = net.apply({"params": first}, image, words, method="alone")
        return to_host(found)

    def score(
        self,
        image: Float[np.ndarray, "images width"],
        words: Int[np.ndarray, "images captions length"],
    ) -> Float[np.ndarray, "images captions"]:
        """log p of given captions and END by the first seed, from scratch."""
        first = jax.tree.map(lambda x: x[0], self.params["language"])
        logits = Captioner(self.config.model).apply({"params": first}, image, words)
        return to_host(objective.log_probabilities(logits, jnp.asarray(words)))

    def texts(self) -> Float[np.ndarray, "symbols width"] | None:
        """W_c of the first seed; None: the guidance has none, or a full tensor."""
        if self.config.model.guidance != "text":
            return None
        return to_host(self.params["language"]["text"])[0]

    @property
    def _key(self) -> "_Key":
        return _Key(self.config)


class _Key:
    """A config that is equal to another by what the networks read of it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._said = repr((config.model, config.encoder))

    def __hash__(self) -> int:
        return hash(self._said)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._said == other._said


_PROGRAMS: dict = {}


def _program(name: str, key: _Key, options: Options | None) -> Any:
    """The compiled program, made once a process for each config and way to search."""
    place = name, key, options
    if place not in _PROGRAMS:
        function = {"write": _written, "drawn": _drawn, "vectors": _vectors}[name]
        _PROGRAMS[place] = jax.jit(partial(function, key.config, options))
    return _PROGRAMS[place]


def _vectors(config: Config, options: None, language: Any, encoder: Any, image: Any):
    del options, language
    return train.vectors(config, encoder, image)


def _written(config: Config, options: Options, language: Any, encoder: Any, image: Any):
    vectors = train.vectors(config, encoder, image)

    def of_seed(params):
        best = decoding.captions(config.model, params, vectors, options)
        return decoding.words_of(best.tokens), best.log_p

    tokens, log_p = jax.vmap(of_seed)(language)
    return jnp.moveaxis(tokens, 0, 1), jnp.moveaxis(log_p, 0, 1)


def _drawn(
    config: Config, options: Options, language, encoder, image, temperature, key
):
    vectors = train.vectors(config, encoder, image)

    def of_seed(params, key):
        found = decoding.sampled(
            config.model, params, vectors, options, temperature, key
        )
        return decoding.words_of(found.tokens), found.log_p

    keys = jax.random.split(key, config.seeds)
    tokens, log_p = jax.vmap(of_seed)(language, keys)
    return jnp.moveaxis(tokens, 0, 1), jnp.moveaxis(log_p, 0, 1)


def padded(pictures: Iterable[Any], rows: int) -> Iterator[tuple[list, Pictures]]:
    """Yields (names, pictures) of `rows` at a time, the last ones with black behind.

    pictures: (name, pixels) pairs of one size.
    """
    names: list = []
    waiting: list = []
    for name, picture in pictures:
        names.append(name)
        waiting.append(picture)
        if len(waiting) == rows:
            yield names, np.stack(waiting)
            names, waiting = [], []
    if waiting:
        blank = [np.zeros_like(waiting[0])] * (rows - len(waiting))
        yield names, np.stack(waiting + blank)
