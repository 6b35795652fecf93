"""Captions of pictures by a trained run: the same for `evaluate` and for `predict`."""

import dataclasses
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, UInt8

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
        images = split_beside(self.params, pictures)
        language = self.params["language"]
        found = _written(self._networks, options, language, self.encoder, images)
        return Written(*to_host(found))

    def draw(
        self, pictures: Pictures, options: Options, temperature: float, seed: int = 0
    ) -> Written:
        """Captions by every seed's model, drawn at random: as `decoding.sampled`."""
        images = split_beside(self.params, pictures)
        language = self.params["language"]
        drawing = temperature, jax.random.key(seed)
        found = _drawn(
            self._networks, options, language, self.encoder, images, *drawing
        )
        return Written(*to_host(found))

    def vectors(self, pictures: Pictures) -> Float[np.ndarray, "images width"]:
        """I of every picture."""
        images = split_beside(self.params, pictures)
        return to_host(_vectors(self._networks, self.encoder, images))

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
    def _networks(self) -> "_Networks":
        return _Networks(self.config)


class _Networks:
    """A config as jit's static argument: what is compiled for it serves every config
    whose networks are the same."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._said = repr((config.model, config.encoder))

    def __hash__(self) -> int:
        return hash(self._said)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Networks) and self._said == other._said


@partial(jax.jit, static_argnums=0)
def _vectors(networks: _Networks, encoder: Any, image: Any):
    return train.vectors(networks.config, encoder, image)


@partial(jax.jit, static_argnums=(0, 1))
def _written(
    networks: _Networks, options: Options, language: Any, encoder: Any, image: Any
):
    """`Written`, as arrays of the devices."""
    config = networks.config
    vectors = train.vectors(config, encoder, image)

    def of_seed(params):
        best = decoding.captions(config.model, params, vectors, options)
        return decoding.words_of(best.tokens), best.log_p

    return jax.vmap(of_seed, out_axes=1)(language)


@partial(jax.jit, static_argnums=(0, 1))
def _drawn(
    networks: _Networks,
    options: Options,
    language: Any,
    encoder: Any,
    image: Any,
    temperature: float,
    key: Key[Array, ""],
):
    """`Written`, as arrays of the devices."""
    config = networks.config
    vectors = train.vectors(config, encoder, image)

    def of_seed(params, key):
        found = decoding.sampled(
            config.model, params, vectors, options, temperature, key
        )
        return decoding.words_of(found.tokens), found.log_p

    seeds = len(jax.tree.leaves(language)[0])
    keys = jax.random.split(key, seeds)
    return jax.vmap(of_seed, out_axes=1)(language, keys)


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
