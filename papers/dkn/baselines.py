"""The models beside DKN in the paper's table 2, each in its smallest faithful form.

Features of a user are means over the clicked news, padding left out. Where a model is
run without entities, the features of entities are left out: the paper's (-) rows.
"""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from papers.dkn.model import DKN, Scores, Tables, Windows, word_vectors

Batch = Mapping[str, Array]


class KPCNN(DKN):
    """Wang et al. 2017: entities follow the words of a title as pseudo words of Kim's
    convolution. The user is the mean of the clicked titles."""

    def titles(self, batch: Batch, tables: Tables) -> Array:
        words = batch["words"]
        rows = word_vectors(self.config, words)
        exists = words > 0
        if self.config.model.entities:
            rows, exists = _with_entities(rows, exists, batch["entities"], tables)
        windows = Windows(self.config.model, name="windows")
        return windows(rows, jnp.sum(exists, axis=-1))


def _with_entities(rows: Array, exists: Array, entities: Array, tables: Tables):
    """Each mention once, behind the words, without a gap between them."""
    first = jnp.diff(entities, axis=-1, prepend=0) != 0
    vectors = tables["entity"][entities].astype(rows.dtype)
    rows = jnp.concatenate([rows, vectors], axis=-2)
    exists = jnp.concatenate([exists, (entities > 0) & first], axis=-1)
    order = jnp.argsort(~exists, axis=-1, stable=True)
    rows = jnp.where(exists[..., None], rows, 0)
    return jnp.take_along_axis(rows, order[..., None], axis=-2), exists


class Baseline(Scores):
    """Networks on features of the user and of the candidate."""

    @nn.compact
    def __call__(
        self, batch: Batch, tables: Tables, train: bool = False
    ) -> tuple[Float[Array, "rows candidates"], None]:
        return self.logits(batch, tables, train), None

    def logits(
        self, batch: Batch, tables: Tables, train: bool
    ) -> Float[Array, "rows candidates"]:
        """Of every candidate's click. Each baseline has its own."""
        raise NotImplementedError

    def pair(self, batch: Batch, news: Float[Array, "rows news d"]) -> Array:
        """[rows, candidates, 2 d]: the user's mean beside each candidate's."""
        clicks = self.config.data.history
        user = self.mean_click(batch, news)
        candidates = news[:, clicks:]
        user = jnp.broadcast_to(user[:, None], candidates.shape)
        return jnp.concatenate([user, candidates], axis=-1)

    def mean_click(self, batch: Batch, news: Array) -> Float[Array, "rows d"]:
        clicks = self.config.data.history
        exists = (batch["news"][:, :clicks] > 0).astype(news.dtype)
        total = jnp.einsum("rk,rkd->rd", exists, news[:, :clicks])
        return total / jnp.maximum(jnp.sum(exists, axis=-1, keepdims=True), 1)

    def bag(self, batch: Batch, features: int, name: str) -> Array:
        """A linear layer on the TF-IDF vectors of all news: [rows, news, features]."""
        rows = self.config.data.words
        scale = nn.initializers.normal(features**-0.5)
        table = nn.Embed(rows, features, embedding_init=scale, name=name)
        weights = batch["tfidf"][..., None]
        return jnp.sum(table(batch["words"]) * weights, axis=-2)

    def mean_entity(self, batch: Batch, tables: Tables) -> list[Array]:
        """[the mean entity vector of all news], or [] without entities."""
        if not self.config.model.entities:
            return []
        entities = batch["entities"]
        exists = (entities > 0)[..., None].astype(jnp.float32)
        total = jnp.sum(tables["entity"][entities] * exists, axis=-2)
        return [total / jnp.maximum(jnp.sum(exists, axis=-2), 1)]

    def linear(self, batch: Batch, tables: Tables, units: int, name: str) -> Array:
        """A linear layer on the TF-IDF and entity features of user and candidate."""
        parts = []
        for side in ("user", "news"):
            features = [self.bag(batch, units, f"{name}_{side}_words")]
            for x in self.mean_entity(batch, tables):
                layer = self.dense(units, f"{name}_{side}_entity", use_bias=False)
                features.append(layer(x))
            parts.append(sum(features))
        clicks = self.config.data.history
        user = self.mean_click(batch, parts[0])[:, None]
        bias = self.param(f"{name}_bias", nn.initializers.zeros, (units,))
        return user + parts[1][:, clicks:] + bias

    def hidden(self, x: Array, name: str, train: bool) -> Array:
        m = self.config.model
        x = nn.relu(self.dense(m.units, name)(x))
        return nn.Dropout(m.dropout, deterministic=not train)(x)


class LibFM(Baseline):
    """Rendle 2012 with the paper's dimensions {1, 1, 0}: a bias and weights, and no
    factors of pairs."""

    def logits(self, batch: Batch, tables: Tables, train: bool) -> Array:
        return self.linear(batch, tables, 1, "linear")[..., 0]


class DeepWide(Baseline):
    """Cheng et al. 2016: a linear and a deep end, both of `units`, on the same
    features."""

    def logits(self, batch: Batch, tables: Tables, train: bool) -> Array:
        units = self.config.model.units
        wide = self.linear(batch, tables, units, "wide")
        deep = nn.relu(self.linear(batch, tables, units, "deep"))
        deep = self.hidden(deep, "deep_hidden", train)
        return self.dense(1, "out")(jnp.concatenate([wide, deep], axis=-1))[..., 0]


class DeepFM(Baseline):
    """Guo et al. 2017: a factorisation machine, here of dimensions {1, 1, 0}, and a
    deep network on embeddings that both share the features of."""

    def logits(self, batch: Batch, tables: Tables, train: bool) -> Array:
        machine = self.linear(batch, tables, 1, "linear")[..., 0]
        fields = [self.bag(batch, self.config.model.d_word, "embedded")]
        fields += self.mean_entity(batch, tables)
        pair = self.pair(batch, jnp.concatenate(fields, axis=-1))
        deep = self.hidden(pair, "deep1", train)
        deep = self.hidden(deep, "deep2", train)
        return machine + self.dense(1, "out")(deep)[..., 0]


class YouTubeNet(Baseline):
    """Covington et al. 2016, the ranking network: mean embeddings of words and mean
    entity vectors, and two layers of ReLUs."""

    def logits(self, batch: Batch, tables: Tables, train: bool) -> Array:
        words = batch["words"]
        count = jnp.maximum(jnp.sum(words > 0, axis=-1, keepdims=True), 1)
        fields = [jnp.sum(word_vectors(self.config, words), axis=-2) / count]
        fields += self.mean_entity(batch, tables)
        pair = self.pair(batch, jnp.concatenate(fields, axis=-1))
        hidden = self.hidden(self.hidden(pair, "rank1", train), "rank2", train)
        return self.dense(1, "out")(hidden)[..., 0]


class DSSM(Baseline):
    """Huang et al. 2013: titles as bags of hashed letter trigrams, the clicked ones
    together as the query, and the cosine of two semantic vectors."""

    def logits(self, batch: Batch, tables: Tables, train: bool) -> Array:
        m = self.config.model
        letters = batch["letters"]
        scale = nn.initializers.normal(m.units**-0.5)
        table = nn.Embed(1 + m.buckets, m.units, embedding_init=scale, name="trigrams")
        exists = (letters > 0)[..., None].astype(jnp.float32)
        news = jnp.sum(table(letters) * exists, axis=-2)
        for x in self.mean_entity(batch, tables):
            news = news + self.dense(m.units, "entity", use_bias=False)(x)
        query = self._semantic(self.mean_click(batch, news), "query")[:, None]
        found = self._semantic(news[:, self.config.data.history :], "document")
        return self.similarity(query, found)

    def _semantic(self, x: Array, name: str) -> Array:
        bias = self.param(f"{name}_bias", nn.initializers.zeros, (x.shape[-1],))
        return jnp.tanh(self.dense(x.shape[-1], name)(jnp.tanh(x + bias)))

    def similarity(self, a: Array, b: Array) -> Float[Array, "rows candidates"]:
        """A learnt multiple of the cosine, plus a bias: logits."""
        return scaled_cosine(self, a, b)


class DMF(Baseline):
    """Xue et al. 2017: a user is the row of clicks, a news item the column, without
    content. A column has the other users who clicked in training, and so is empty for
    news that training lacks."""

    def logits(self, batch: Batch, tables: Tables, train: bool) -> Array:
        m = self.config.model
        clicks = self.config.data.history
        scale = nn.initializers.normal(m.units**-0.5)
        items = nn.Embed(self.config.data.news, m.units, embedding_init=scale)
        users = nn.Embed(self.config.data.users, m.units, embedding_init=scale)
        user = self.mean_click(batch, items(batch["news"][:, :clicks]))
        column = batch["clickers"]
        others = (column > 0) & (column != batch["user"][:, None, None])
        news = jnp.sum(users(column) * others[..., None], axis=-2)
        user = nn.relu(self.dense(m.units, "row", use_bias=False)(user))[:, None]
        news = nn.relu(self.dense(m.units, "column", use_bias=False)(news))
        return scaled_cosine(self, user, news)


def scaled_cosine(
    net: nn.Module, a: Array, b: Array
) -> Float[Array, "rows candidates"]:
    """s cos(a, b) + bias with learnt s and bias; the cosine with a vector 0 is 0."""
    a = a / jnp.sqrt(jnp.sum(a * a, axis=-1, keepdims=True) + 1e-12)
    b = b / jnp.sqrt(jnp.sum(b * b, axis=-1, keepdims=True) + 1e-12)
    scale = net.param("scale", nn.initializers.constant(5.0), ())
    bias = net.param("bias", nn.initializers.zeros, ())
    return scale * jnp.sum(a * b, axis=-1) + bias


NETWORKS = {
    "dkn": DKN,
    "kpcnn": KPCNN,
    "dssm": DSSM,
    "deepwide": DeepWide,
    "deepfm": DeepFM,
    "libfm": LibFM,
    "youtubenet": YouTubeNet,
    "dmf": DMF,
}
