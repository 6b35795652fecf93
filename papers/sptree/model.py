"""The network of Miwa and Bansal 2016, section 3: words to entities, pairs of entities
to relations, in one program that needs nothing of the host between them.

Axes: rows (sentences), words, labels (`papers.sptree.bilou`), entities, pairs, classes.
Class 0 is no relation; type r has the class 1 + 2 r where its first argument comes
first in the sentence, and 2 + 2 r where it comes last.
"""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from common import recurrent, tree_paths
from papers.sptree import bilou, structures
from papers.sptree.config import Config, Model

Batch = Mapping[str, Array]


class Sizes(NamedTuple):
    """Rows of the tables."""

    words: int
    tags: int
    arcs: int  # without the empty one
    kinds: int
    relations: int

    @property
    def labels(self) -> int:
        return bilou.count(self.kinds)

    @property
    def classes(self) -> int:
        return 1 + 2 * self.relations


@struct.dataclass
class Pairs:
    """All pairs of entities, by their last words; the first comes first."""

    first: Int[Array, "rows pairs"]
    last: Int[Array, "rows pairs"]
    real: Bool[Array, "rows pairs"]  # False where there are fewer entities
    whole: Bool[Array, "rows pairs"]  # whether the path fits in `data.path`
    starts: Int[Array, "rows 2 pairs"]  # first words of both entities
    lost: Int[Array, "rows"]  # entities beyond `data.entities`


@struct.dataclass
class Outputs:
    """What the network says of a batch."""

    labels: Int[Array, "rows words"]  # those that relations are read from
    entity_logits: Float[Array, "rows words labels"] | None
    pairs: Pairs | None
    forward: Float[Array, "rows pairs classes"] | None
    backward: Float[Array, "rows pairs classes"] | None  # of the pair in reverse


class Extractor(nn.Module):
    config: Config
    sizes: Sizes

    def setup(self):
        m = self.config.model
        self.reader = Reader(m, self.sizes)
        relations = self.config.learning.task == "both"
        if m.entities == "predicted" or m.label_embedding:
            self.labels = table(self.sizes.labels, m.d_label)
        if m.entities == "predicted":
            self.entity = EntityLayer(m, self.sizes)
        if relations:
            if not m.shared:
                self.relation_reader = Reader(m, self.sizes)
            self.relation = RelationLayer(self.config, self.sizes)

    def __call__(
        self,
        batch: Batch,
        shown: Bool[Array, "rows words"] | None = None,
        *,
        given: bool = False,
        train: bool = False,
    ) -> Outputs:
        """
        shown: where the gold label is shown in place of the network's own, if it may
            follow the label before; None: nowhere.
        given: relations are of gold entities, whatever the network says of entities.
        """
        m = self.config.model
        mask = jnp.arange(batch["word"].shape[1]) < batch["length"][:, None]
        s = self.reader(batch, mask, train)
        labels, logits = batch["label"], None
        if m.entities == "predicted":
            if shown is None:
                shown = jnp.zeros(mask.shape, bool)
            shown |= given
            vectors = self.labels.embedding
            labels, logits = self.entity(s, vectors, batch, mask, shown, train)
        if self.config.learning.task == "entities":
            return Outputs(labels, logits, None, None, None)
        if not m.shared:
            s = self.relation_reader(batch, mask, train)
        embedded = self.labels(labels) if m.label_embedding else None
        pairs, forward, backward = self.relation(s, labels, embedded, batch, train)
        return Outputs(labels, logits, pairs, forward, backward)


def table(rows: int, d: int, name: str | None = None) -> nn.Embed:
    return nn.Embed(rows, d, embedding_init=structures.draw_kernel, name=name)


class Reader(nn.Module):
    """Words and their tags through a BiLSTM: s of eq. 1, [rows, words, 2 sequence]."""

    model: Model
    sizes: Sizes

    @nn.compact
    def __call__(self, batch: Batch, mask: Array, train: bool) -> Array:
        m = self.model
        drop = nn.Dropout(m.dropout_embedding, deterministic=not train)
        words = drop(table(self.sizes.words, m.d_word, "words")(batch["word"]))
        tags = drop(table(self.sizes.tags, m.d_tag, "tags")(batch["tag"]))
        x = jnp.concatenate([words, tags], -1).astype(m.dtype)
        cell = structures.lstm_cell(m.sequence, m)
        return recurrent.BiLSTM(cell, name="sequence")(x, mask)[0]


class EntityLayer(nn.Module):
    """Section 3.3: labels from left to right, each from its word and the label before.

    h_t = tanh(W [s_t; v_label(t-1)] + b), y_t = softmax(W' h_t + b'). A label is the
    likeliest of those that may follow the one before and leave no entity open.
    """

    model: Model
    sizes: Sizes

    @nn.compact
    def __call__(
        self,
        s: Float[Array, "rows words d"],
        vectors: Float[Array, "labels d_label"],
        batch: Batch,
        mask: Bool[Array, "rows words"],
        shown: Bool[Array, "rows words"],
        train: bool,
    ) -> tuple[Int[Array, "rows words"], Float[Array, "rows words labels"]]:
        """The labels, and the logits of each word after them."""
        m = self.model
        d, d_label = s.shape[-1], vectors.shape[-1]
        kernel, bias = self._layer("hidden", d + d_label, m.entity_units, s.dtype)
        out, out_bias = self._layer("out", m.entity_units, self.sizes.labels, s.dtype)
        # A layer on [word; label] is a layer on each, added.
        z = s @ kernel[:d] + bias
        z_label = vectors.astype(s.dtype) @ kernel[d:]
        keep = nn.Dropout(m.dropout_hidden, deterministic=not train)(jnp.ones_like(z))

        def logits(z: Array, keep: Array, before: Array) -> Array:
            one_hot = jax.nn.one_hot(before, self.sizes.labels, dtype=z.dtype)
            return (jnp.tanh(z + one_hot @ z_label) * keep) @ out + out_bias

        gold = batch["label"]
        labels = greedy(logits, z, keep, gold, shown, mask, self.sizes.kinds)
        labels = lax.stop_gradient(labels)
        before = jnp.pad(labels[:, :-1], ((0, 0), (1, 0)))
        return labels, logits(z, keep, before)

    def _layer(self, name: str, inputs: int, units: int, dtype) -> tuple[Array, Array]:
        kernel = self.param(f"{name}_kernel", structures.draw_kernel, (inputs, units))
        bias = self.param(f"{name}_bias", structures.draw_bias, (units,))
        return kernel.astype(dtype), bias.astype(dtype)


def greedy(
    logits_of,
    z: Float[Array, "rows words units"],
    keep: Float[Array, "rows words units"],
    gold: Int[Array, "rows words"],
    shown: Bool[Array, "rows words"],
    mask: Bool[Array, "rows words"],
    kinds: int,
) -> Int[Array, "rows words"]:
    """Labels from left to right; `logits_of(z, keep, before)` scores one word's."""
    may_follow = jnp.asarray(bilou.successors(kinds))
    may_end = jnp.asarray(bilou.may_end(kinds))
    more = jnp.pad(mask[:, 1:], ((0, 0), (0, 1)))  # whether a word follows

    def step(before, inputs):
        z, keep, gold, shown, here, more = inputs
        allowed = may_follow[before] & (may_end | more[:, None])
        scores = jnp.where(allowed, logits_of(z, keep, before), -jnp.inf)
        told = shown & jnp.take_along_axis(allowed, gold[:, None], 1)[:, 0]
        label = jnp.where(told, gold, jnp.argmax(scores, -1).astype(gold.dtype))
        label = jnp.where(here, label, bilou.OUTSIDE)
        return label, label

    start = jnp.full_like(gold[:, 0], bilou.OUTSIDE)
    by_word = [jnp.swapaxes(x, 0, 1) for x in (z, keep, gold, shown, mask, more)]
    return jnp.swapaxes(lax.scan(step, start, by_word)[1], 0, 1)


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
        hidden = structures.dense(m.relation_units, m, "hidden")
        out = structures.dense(self.sizes.classes, m, "out")
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
    index = np.array([*itertools.combinations(range(most), 2)]).reshape(-1, 2).T
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
