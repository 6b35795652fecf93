"""The network of Miwa and Bansal 2016, section 3: words to entities, pairs of entities
to relations, in one program that needs nothing of the host between them.

Axes: rows (sentences), words, labels (`papers.sptree.bilou`), pairs, classes.
"""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jaxtyping import Array, Bool, Float, Int, Key

from common import recurrent
from common.text import spelling
from papers.sptree import layers
from papers.sptree.config import Config, Model
from papers.sptree.entities import EntityLayer
from papers.sptree.layers import table
from papers.sptree.relations import Pairs, RelationLayer
from papers.sptree.vocabulary import UNKNOWN, Sizes

Batch = Mapping[str, Array]


@struct.dataclass
class Outputs:
    """What the network says of a batch."""

    labels: Int[Array, "rows words"]  # those that relations are read from
    entity_logits: Float[Array, "rows words labels"] | None
    pairs: Pairs | None
    forward: Float[Array, "rows pairs classes"] | None
    backward: Float[Array, "rows pairs classes"] | None  # of the pair in reverse


class Extractor(nn.Module):
    """Entities and relations of a batch of sentences, end to end: a reader, labels of
    words one after the other, a tree LSTM over each pair (figure 1)."""

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


class Reader(nn.Module):
    """Words and their tags through a BiLSTM: s of eq. 1, [rows, words, 2 sequence].

    The paper's words are rows of a table, and those that training had not are one row.
    With `d_piece` the sum of the vectors of a word's pieces stands beside its row."""

    model: Model
    sizes: Sizes

    @nn.compact
    def __call__(self, batch: Batch, mask: Array, train: bool) -> Array:
        m = self.model
        drop = nn.Dropout(m.dropout_embedding, deterministic=not train)
        word = self._shown(batch["word"], train)
        parts = [table(self.sizes.words, m.d_word, "words")(word)]
        if m.d_piece:
            pieces = table(spelling.ROWS, m.d_piece, "pieces")(batch["piece"])
            parts.append(jnp.sum(pieces, -2))
        parts.append(table(self.sizes.tags, m.d_tag, "tags")(batch["tag"]))
        x = jnp.concatenate([drop(part) for part in parts], -1).astype(m.dtype)
        cell = layers.lstm_cell(m.sequence, m)
        s = recurrent.BiLSTM(cell, name="sequence")(x, mask)[0]
        return nn.Dropout(m.dropout_sequence, deterministic=not train)(s)

    def _shown(
        self, word: Int[Array, "rows words"], train: bool
    ) -> Int[Array, "rows words"]:
        """The words, some of which are unknown ones in training."""
        share = self.model.dropout_word
        if not train or not share:
            return word
        lost = jax.random.bernoulli(self.make_rng("dropout"), share, word.shape)
        return jnp.where(lost, UNKNOWN, word)


def initial(net: Extractor, key: Key[Array, ""], batch: Batch) -> Any:
    """The parameters before training: uniform between -limit and limit, where the
    limit is that of each matrix, sqrt(6 / (inputs + outputs)), and of each bias.

    All numbers are one draw: a draw for each array takes ten seconds to compile."""
    limits = net.init(key, batch)["params"]
    leaves, tree = jax.tree.flatten(limits)
    ends = np.cumsum([leaf.size for leaf in leaves])
    drawn = jax.random.uniform(key, (ends[-1],), minval=-1.0, maxval=1.0)
    parts = jnp.split(drawn, ends[:-1])
    found = [
        part.reshape(leaf.shape) * leaf
        for part, leaf in zip(parts, leaves, strict=True)
    ]
    return jax.tree.unflatten(tree, found)
