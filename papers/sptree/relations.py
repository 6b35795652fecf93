"""The relation layer: sections 3.4 and 3.5 of Miwa and Bansal 2016.

Axes: rows (sentences), words, pairs, classes. Class 0 is no relation; type r has the
class 1 + 2 r where its first argument comes first in the sentence, and 2 + 2 r where it
comes last.
"""

import itertools
from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from common import tree_paths
from papers.sptree import bilou, layers, structures
from papers.sptree.config import Config
from papers.sptree.layers import table
from papers.sptree.vocabulary import Sizes

Batch = Mapping[str, Array]


@struct.dataclass
class Pairs:
    """All pairs of entities, by their last words; the first comes first."""

    first: Int[Array, "rows pairs"]
    last: Int[Array, "rows pairs"]
    real: Bool[Array, "rows pairs"]  # False where there are fewer entities
    whole: Bool[Array, "rows pairs"]  # whether the path fits in `data.path`
    starts: Int[Array, "rows 2 pairs"]  # first words of both entities
    lost: Int[Array, "rows"]  # entities beyond `data.entities`


class RelationLayer(nn.Module):
    """Sections 3.4 and 3.5: the vector of a pair by the tree between its last words,
    beside the means of its entities' words; a hidden layer; the classes."""

    config: Config
    sizes: Sizes

    @nn.compact
    def __call__(
        self,
        s: Float[Array, "rows words d"],
        labels: Int[Array, "rows words"],
        embedded: Float[Array, "rows words d_label"] | None,
        batch: Batch,
        train: bool,
    ) -> tuple[Pairs, Array, Array]:
        m = self.config.model
        drop = nn.Dropout(m.dropout_embedding, deterministic=not train)
        if embedded is None:
            embedded = jnp.zeros((*labels.shape, 0), s.dtype)
        embedded = drop(embedded).astype(s.dtype)
        pairs, way = pairs_of(self.config, labels, batch["parent"])
        words = structures.Words(
            jnp.concatenate([s, embedded], -1),
            embedded,
            *self._arcs(batch["arc"], drop),
            batch["parent"],
        )
        between = structures.structure(m, self.config.data.levels, "tree")
        vectors = between(words, way)
        if m.structure != "none":  # no path is a vector of zeros
            vectors = [jnp.where(way.whole[..., None], x, 0) for x in vectors]
        spans = span_vectors(s, pairs, m.span)
        hidden = layers.dense(m.relation_units, m, "hidden")
        out = layers.dense(self.sizes.classes, m, "out")
        drop = nn.Dropout(m.dropout_hidden, deterministic=not train)

        def logits(between: Array, first: Array, last: Array) -> Array:
            joined = jnp.concatenate([between, first, last], -1)
            return out(drop(jnp.tanh(hidden(joined))))

        forward = logits(vectors[0], *spans)
        return pairs, forward, logits(vectors[1], *spans[::-1])

    def _arcs(self, arc: Array, drop: nn.Module) -> tuple[Array, Array]:
        """Vectors of the words' arcs, and of none."""
        m = self.config.model
        if m.structure == "none":
            return jnp.zeros((*arc.shape, 0), m.dtype), jnp.zeros(0, m.dtype)
        arcs = table(self.sizes.arcs + 1, m.d_arc, "arcs")
        none = arcs(jnp.full(1, self.sizes.arcs))
        return drop(arcs(arc)).astype(m.dtype), drop(none)[0].astype(m.dtype)


def pairs_of(
    config: Config, labels: Int[Array, "rows words"], parent: Int[Array, "rows words"]
) -> tuple[Pairs, tree_paths.Paths]:
    """All pairs of the first `data.entities` entities of each sentence."""
    words = labels.shape[1]
    most = min(config.data.entities, words)
    place = jnp.arange(words, dtype=jnp.int32)
    is_last = bilou.is_last(labels)
    ends = jnp.sort(jnp.where(is_last, place, words), -1)[:, :most]
    count = jnp.sum(is_last, -1)
    starts = lax.cummax(jnp.where(bilou.is_first(labels), place, 0), axis=1)
    every = [*itertools.combinations(range(most), 2)]
    index = np.array(every, np.int32).reshape(-1, 2).T  # one word makes no pair
    real = index[1] < jnp.minimum(count, most)[:, None]
    first, last = (jnp.minimum(ends[:, i], words - 1) for i in index)
    way = tree_paths.paths(parent, first, last, config.data.path)
    begun = [jnp.take_along_axis(starts, x, 1) for x in (first, last)]
    lost = jnp.maximum(count - most, 0)
    pairs = Pairs(first, last, real, way.whole, jnp.stack(begun, 1), lost)
    return pairs, way


def span_vectors(
    s: Float[Array, "rows words d"], pairs: Pairs, how: str
) -> list[Float[Array, "rows pairs d"]]:
    """Vectors of both entities of each pair: means of s, or s of the last word."""
    ends = (pairs.first, pairs.last)
    if how == "last":
        return [tree_paths.at(s, end) for end in ends]
    sums = jnp.pad(jnp.cumsum(s, 1), ((0, 0), (1, 0), (0, 0)))
    found = []
    for side, end in enumerate(ends):
        start = pairs.starts[:, side]
        total = tree_paths.at(sums, end + 1) - tree_paths.at(sums, start)
        found.append(total / (end + 1 - start)[..., None].astype(s.dtype))
    return found


def reverse(classes: Int[Array, "*n"]) -> Int[Array, "*n"]:
    """The classes of the pairs in the other order."""
    other = jnp.where(classes % 2 == 1, classes + 1, classes - 1)
    return jnp.where(classes == 0, 0, other)


def decide(
    forward: Float[Array, "*n classes"], backward: Float[Array, "*n classes"]
) -> Int[Array, "*n"]:
    """One class for both directions: where they differ, the one that is a relation; of
    two relations the one with the higher logit."""
    ahead = jnp.argmax(forward, -1)
    behind = reverse(jnp.argmax(backward, -1))
    higher = jnp.max(forward, -1) >= jnp.max(backward, -1)
    forward_wins = (behind == 0) | ((ahead != 0) & higher)
    return jnp.where(forward_wins, ahead, behind)


def confidence(
    forward: Float[Array, "*n classes"],
    backward: Float[Array, "*n classes"],
    classes: Int[Array, "*n"],
) -> Float[Array, "*n"]:
    """The probability of a class, the mean over both directions."""

    def of(logits: Array, index: Array) -> Array:
        p = jax.nn.softmax(logits.astype(jnp.float32), -1)
        return jnp.take_along_axis(p, index[..., None], -1)[..., 0]

    return (of(forward, classes) + of(backward, reverse(classes))) / 2
