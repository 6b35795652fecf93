"""DKN: news vectors by KCNN, a user's vector by attention over the clicks, the
probability of a click. Equations of Wang et al. 2018, section 4.

A title is `words` ids of words and as many of entities; id 0 is none. `tables` are
{"entity": [entities, d_entity], "context": ...}, constants beside the parameters.
"""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from papers.dkn.config import Config, Model

Tables = Mapping[str, Float[Array, "entities d_entity"]]
CHANNELS = ("entity", "context")


class Scores(nn.Module):
    """What every network of this package is: logits of candidates, and the share of
    each click in the user's vector, where the network has such."""

    config: Config

    def dense(self, units: int, name: str, **more: Any) -> nn.Dense:
        return nn.Dense(units, name=name, dtype=self.config.model.dtype, **more)


class DKN(Scores):
    """The whole network; with another encoder of titles, a baseline."""

    def titles(self, batch: Mapping[str, Array], tables: Tables) -> Array:
        """News vectors [rows, clicks + candidates, d]."""
        return KCNN(self.config, name="kcnn")(batch["words"], batch["entities"], tables)

    @nn.compact
    def __call__(
        self, batch: Mapping[str, Array], tables: Tables, train: bool = False
    ) -> tuple[Float[Array, "rows candidates"], Float[Array, "rows candidates clicks"]]:
        m = self.config.model
        clicks = self.config.data.history
        news = self.titles(batch, tables)
        news = nn.Dropout(m.dropout, deterministic=not train)(news)
        clicked = news[:, :clicks]
        candidates = news[:, clicks:]
        mask = batch["news"][:, None, :clicks] > 0
        weights = attention_weights(self._affinity(clicked, candidates), mask)
        user = jnp.einsum("rck,rkd->rcd", weights, clicked)
        return self._score(user, candidates), weights

    def _affinity(self, clicked: Array, candidates: Array) -> Array:
        """H of eq. 10 for every candidate and click: [rows, candidates, clicks]."""
        m = self.config.model
        if m.attention == "none" or m.network != "dkn":  # the mean over the clicks
            return jnp.zeros((*candidates.shape[:2], clicked.shape[1]), m.dtype)
        if m.attention == "dot":
            return jnp.einsum("rcd,rkd->rck", candidates, clicked)
        # A layer on [click; candidate] is a layer on each, added.
        of_click = self.dense(m.attention_units, "attend_click")(clicked)
        of_candidate = self.dense(
            m.attention_units, "attend_candidate", use_bias=False
        )(candidates)
        hidden = nn.relu(of_click[:, None] + of_candidate[:, :, None])
        # No bias: the softmax would not see it.
        return self.dense(1, "attend", use_bias=False)(hidden)[..., 0]

    def _score(self, user: Array, candidates: Array) -> Array:
        """G of eq. 12: logits [rows, candidates]."""
        m = self.config.model
        if m.score == "dot":
            return jnp.sum(user * candidates, axis=-1)
        both = jnp.concatenate([user, candidates], axis=-1)
        hidden = nn.relu(self.dense(m.units, "score_hidden")(both))
        return self.dense(1, "score")(hidden)[..., 0]


class KCNN(nn.Module):
    """Section 4.2: words, entities and their contexts as channels of one convolution.
    A news vector has a number for each filter of each window."""

    config: Config

    @nn.compact
    def __call__(
        self,
        words: Int[Array, "*titles words"],
        entities: Int[Array, "*titles words"],
        tables: Tables,
    ) -> Float[Array, "*titles filters"]:
        m = self.config.model
        channels = [word_vectors(self.config, words)]
        for name in channels_of(m):
            vectors = tables[name][entities].astype(m.dtype)
            # No entity is a vector of zeros; tanh(b), which g makes of it, is not.
            channels.append(EntityMap(m, name=name)(vectors) * _exists(entities, m))
        stacked = jnp.concatenate(channels, axis=-1)
        return Windows(m, name="windows")(stacked, jnp.sum(words > 0, axis=-1))


class EntityMap(nn.Module):
    """g of eq. 6 and 7: entity vectors in the space of words."""

    model: Model

    @nn.compact
    def __call__(self, vectors: Float[Array, "*n d_entity"]) -> Float[Array, "*n d"]:
        m = self.model
        if m.mapping == "none":
            return vectors
        if m.mapping == "linear":  # g(e) = M e
            return nn.Dense(m.d_word, use_bias=False, dtype=m.dtype, name="m")(vectors)
        return jnp.tanh(nn.Dense(m.d_word, dtype=m.dtype, name="m")(vectors))


class Windows(nn.Module):
    """Eq. 8 and 9: filters over windows of words, ReLU, the maximum over the title.

    A window that reaches beyond the title does not count, or the bias would leak out of
    the padding. A title shorter than the window has one window; one without any word
    has the vector 0.
    """

    model: Model

    @nn.compact
    def __call__(
        self, rows: Float[Array, "*titles words d"], lengths: Int[Array, "*titles"]
    ) -> Float[Array, "*titles filters"]:
        words, d = rows.shape[-2:]
        at = [rows[..., i, :] for i in range(words)]
        parts = []
        for size in self.model.windows:
            shape = (size * d, self.model.filters)
            kernel = self.param(f"kernel{size}", nn.initializers.lecun_normal(), shape)
            bias = self.param(f"bias{size}", nn.initializers.zeros, shape[1:])
            kernel = kernel.astype(rows.dtype)
            valid = jnp.where(lengths > 0, jnp.maximum(lengths - size + 1, 1), 0)
            best = jnp.full((*lengths.shape, self.model.filters), -jnp.inf, rows.dtype)
            # A product for each place: a third of the time of a convolution on a CPU.
            for i in range(words - size + 1):
                window = jnp.concatenate(at[i : i + size], axis=-1) @ kernel
                inside = (i < valid)[..., None]
                best = jnp.maximum(best, jnp.where(inside, window, -jnp.inf))
            # Adding the bias and ReLU keep the order, so that they follow the maximum.
            parts.append(nn.relu(best + bias.astype(rows.dtype)))
        return jnp.concatenate(parts, axis=-1)


def word_vectors(
    config: Config, words: Int[Array, "*titles words"]
) -> Float[Array, "*titles words d_word"]:
    """Rows of the table of words; zeros where there is none."""
    m = config.model
    scale = nn.initializers.normal(m.d_word**-0.5)
    table = nn.Embed(config.data.words, m.d_word, embedding_init=scale, name="words")
    return table(words).astype(m.dtype) * _exists(words, m)


def _exists(ids: Int[Array, "*n"], model: Model) -> Float[Array, "*n 1"]:
    return (ids > 0)[..., None].astype(model.dtype)


def channels_of(model: Model) -> tuple[str, ...]:
    """The channels besides the words."""
    used = model.entities, model.contexts and model.network == "dkn"
    return tuple(name for name, on in zip(CHANNELS, used, strict=True) if on)


def attention_weights(
    affinity: Float[Array, "*rows clicks"], mask: Bool[Array, "*#rows clicks"]
) -> Float[Array, "*rows clicks"]:
    """Eq. 10: the softmax over the clicks. A click that is padding has weight 0, and
    where there is none, all have: the user's vector is then 0."""
    low = jnp.finfo(affinity.dtype).min
    shifted = jnp.where(mask, affinity, low)
    shifted -= jax.lax.stop_gradient(jnp.max(shifted, axis=-1, keepdims=True))
    weights = jnp.where(mask, jnp.exp(shifted), 0)
    return weights / jnp.maximum(jnp.sum(weights, axis=-1, keepdims=True), 1e-30)
