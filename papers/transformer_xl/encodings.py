"""How attention knows the order of tokens: the paper's relative encoding, and the three
that table 6 compares with it.

Each layer's attention holds an encoding, which computes the scores of queries and keys.
Arrays that the layers share (sines of distances), or that the network stores for them
(u and v), reach a layer's encoding as `given`, a dict by name.

Axes: batch, time (queries), past (the memory), key = past + time, heads, d_head,
d_model.
"""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from common.attention import relative_scores, relative_shift, sinusoids
from papers.transformer_xl.config import Model

Query = Float[Array, "batch time heads d_head"]
Key = Float[Array, "batch key heads d_head"]
Scores = Float[Array, "batch heads time key"]
Past = Float[Array, "batch past d_model"]
Segment = Float[Array, "batch time d_model"]
Given = dict[str, Array]


def to_heads(config: Model) -> nn.DenseGeneral:
    """A linear map from d_model features to n_heads of d_head, without bias."""
    return nn.DenseGeneral(
        (config.n_heads, config.d_head),
        use_bias=False,
        kernel_init=nn.initializers.normal(config.init_std),
        dtype=config.dtype,
    )


class Encoding(nn.Module):
    """Attention without positions. Each encoding below overrides what it changes.

    Its parameters are in the scope of the layer's attention.
    """

    config: Model

    @classmethod
    def tables(cls, config: Model) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the parameters that the network stores. The first axis
        has a row for each layer, or one for all; each layer is given its row."""
        return {}

    @classmethod
    def shared(cls, config: Model, keys: int) -> Given:
        """What all layers are given alike, for so many keys."""
        return {}

    @classmethod
    def embedded(cls, h: Segment) -> Segment:
        """The embeddings of the segment's tokens, with or without their positions."""
        return h

    def inputs(self, past: Past, h: Segment, given: Given) -> tuple[Past, Segment]:
        """The layer's inputs in memory and segment, with or without positions."""
        return past, h

    def scores(self, query: Query, key: Key, given: Given) -> Scores:
        """q k / sqrt(d_head)."""
        return jnp.einsum("bthd,bkhd->bhtk", query, key) * self.config.d_head**-0.5


class Relative(Encoding):
    """The paper's encoding (section 3.3): keys W_r R for distances, and biases u and v.

    `given` has "sines", which is R for distances key - 1 ... 0 [key, d_model], and "u"
    and "v" [heads, d_head].
    """

    @classmethod
    def tables(cls, config: Model) -> dict[str, tuple[int, ...]]:
        return {"u": _biases(config), "v": _biases(config)}

    @classmethod
    def shared(cls, config: Model, keys: int) -> Given:
        return {"sines": distance_sines(config, keys)}

    def setup(self):
        self.position = to_heads(self.config)  # W_r

    def scores(self, query: Query, key: Key, given: Given) -> Scores:
        terms = query, key, self.position(given["sines"]), given["u"], given["v"]
        # Kept only if the caller asks for intermediates.
        self.sow("intermediates", "scored", terms)
        return relative_scores(*terms)


class Shaw(Encoding):
    """Shaw et al. 2018, as in the released code: a learned key and a learned bias for
    each of the nearest clamp_len distances, and the bias u. Farther keys share the
    farthest of these. `given` has "u" [heads, d_head]."""

    @classmethod
    def tables(cls, config: Model) -> dict[str, tuple[int, ...]]:
        return {"u": _biases(config)}

    def setup(self):
        c = self.config
        init = nn.initializers.normal(c.init_std)
        shape = (c.max_keys, c.n_heads)
        self.r_embedding = self.param("r_embedding", init, (*shape, c.d_head))
        self.r_bias = self.param("r_bias", nn.initializers.zeros_init(), shape)

    def scores(self, query: Query, key: Key, given: Given) -> Scores:
        n = key.shape[1]
        by_key = jnp.einsum("bthd,bkhd->bhtk", query + given["u"], key)
        nearest = slice(-self.config.clamp_len or None, None)  # clamp_len 0: all
        position = newest(self.r_embedding[nearest], n)
        bias = newest(self.r_bias[nearest], n)
        by_distance = jnp.einsum("bthd,khd->bhtk", query, position) + bias.T[:, None]
        return (by_key + relative_shift(by_distance)) * self.config.d_head**-0.5


class Vaswani(Encoding):
    """Vaswani et al. 2017: sines of a token's place in its segment, added to its
    embedding. With a memory, one place stands for several tokens."""

    @classmethod
    def embedded(cls, h: Segment) -> Segment:
        place = jnp.arange(h.shape[1], dtype=jnp.float32)
        return h + sinusoids(place, h.shape[2])


class AlRfou(Encoding):
    """Al-Rfou et al. 2018: a learned vector for each place, added to every layer's
    inputs. `given` has "position_table" [max_keys, d_model], from far to near."""

    @classmethod
    def tables(cls, config: Model) -> dict[str, tuple[int, ...]]:
        return {"position_table": (config.n_layers, config.max_keys, config.d_model)}

    def inputs(self, past: Past, h: Segment, given: Given) -> tuple[Past, Segment]:
        n = past.shape[1]
        vectors = newest(given["position_table"], n + h.shape[1])
        return past + vectors[:n], h + vectors[n:]


ENCODINGS: dict[str, type[Encoding]] = {
    "relative": Relative,
    "shaw": Shaw,
    "vaswani": Vaswani,
    "al_rfou": AlRfou,
}


def distance_sines(config: Model, keys: int) -> Float[Array, "key d_model"]:
    """R for distances keys - 1 ... 0; those above clamp_len count as clamp_len."""
    distance = jnp.arange(keys - 1, -1, -1, dtype=jnp.float32)
    if config.clamp_len:
        distance = jnp.minimum(distance, config.clamp_len)
    return sinusoids(distance, config.d_model).astype(config.dtype)


def newest(
    table: Float[Array, "size *features"], n: int
) -> Float[Array, "n *features"]:
    """The last n rows of a table that goes from far to near. Beyond its far end, the
    first row is repeated."""
    rows = jnp.arange(n) + table.shape[0] - n
    return table[jnp.maximum(rows, 0)]


def _biases(config: Model) -> tuple[int, ...]:
    """The shape of u, and of v: a row for each layer, or one for all."""
    rows = config.n_layers if config.untied_biases else 1
    return rows, config.n_heads, config.d_head
