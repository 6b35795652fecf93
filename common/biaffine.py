"""A biaffine parser of dependency trees: Dozat and Manning 2017, arXiv:1611.01734.

A BiLSTM reads the words of a sentence after a root. Each word has a vector as a
dependent and one as a head; the score of an arc and of each of its labels is a product
of the two with a matrix between them. Training takes each word's head by itself; the
tree is found afterwards, `common.arborescence`.

Axes: rows (sentences), words (of a sentence, the root first), pieces (of a word's
spelling), heads (as words), arcs (labels).
"""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from common.losses import cross_entropy
from common.recurrent import Cell, StackedLSTM

Batch = Mapping[str, Array]
NEVER = -1e9  # the score of a head that is not there


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Rows of the tables, and features. The paper has d_word 100, sequence 400, depth
    3, d_arc 500, d_label 100: ten times as many parameters, for a treebank as much
    larger."""

    words: int
    tags: int
    pieces: int
    arcs: int
    d_word: int = 100
    d_tag: int = 50
    sequence: int = 128  # of each direction
    depth: int = 2
    d_arc: int = 128
    d_label: int = 32
    dropout: float = 0.33


class Scores(NamedTuple):
    """arc: of each head for each word. dependents, heads: the two sides of a label's
    score, which `labels` multiplies where it is asked for."""

    arc: Float[Array, "rows words heads"]
    dependents: Float[Array, "rows words arcs features"]
    heads: Float[Array, "rows heads features"]


class Parser(nn.Module):
    """Scores of all arcs of a batch of sentences."""

    sizes: Sizes

    @nn.compact
    def __call__(self, batch: Batch, train: bool = False) -> Scores:
        s = self.sizes
        mask = jnp.arange(batch["word"].shape[1]) < batch["length"][:, None]
        x = self._read(batch, train)
        cell = Cell(s.sequence, forget_bias=1.0)
        lstm = StackedLSTM(cell, s.depth, bidirectional=True, dropout=s.dropout)
        x, _ = lstm(x, mask, train=train)
        drop = nn.Dropout(s.dropout, deterministic=not train)
        x = drop(x)

        def hidden(name: str, features: int) -> Float[Array, "rows words features"]:
            return drop(nn.leaky_relu(nn.Dense(features, name=name)(x), 0.1))

        zeros = nn.initializers.zeros
        weights = self.param("arc", zeros, (s.d_arc + 1, s.d_arc))
        dependents = with_one(hidden("arc_dependent", s.d_arc)) @ weights
        arc = jnp.einsum("rdf,rhf->rdh", dependents, hidden("arc_head", s.d_arc))
        itself = jnp.eye(mask.shape[1], dtype=bool)
        weights = self.param("label", zeros, (s.d_label + 1, s.arcs, s.d_label + 1))
        label = with_one(hidden("label_dependent", s.d_label))
        return Scores(
            arc=jnp.where(mask[:, None] & ~itself, arc, NEVER),
            dependents=jnp.einsum("rdf,fao->rdao", label, weights),
            heads=with_one(hidden("label_head", s.d_label)),
        )

    def _read(self, batch: Batch, train: bool) -> Float[Array, "rows words features"]:
        """Each word's vectors: of the word and the pieces of its spelling, and of its
        tag. In training either is left out now and then, and what stays is enlarged,
        so that the network learns of words that it does not know."""
        s = self.sizes
        init = nn.initializers.normal(0.1)
        tables = {
            "words": nn.Embed(s.words, s.d_word, embedding_init=init, name="words"),
            "pieces": nn.Embed(s.pieces, s.d_word, embedding_init=init, name="pieces"),
            "tags": nn.Embed(s.tags, s.d_tag, embedding_init=init, name="tags"),
        }
        whole_word = nn.Dropout(s.dropout, broadcast_dims=(2,), deterministic=not train)
        word = whole_word(tables["words"](batch["word"]))
        spelling = jnp.sum(tables["pieces"](batch["piece"]), -2)
        tag = whole_word(tables["tags"](batch["tag"]))
        return jnp.concatenate([word + whole_word(spelling), tag], -1)


def with_one(x: Float[Array, "*batch features"]) -> Float[Array, "*batch features+1"]:
    """The features and a 1: in [x; 1]^T W y (eq. 3) it adds what speaks for a head
    whatever hangs on it."""
    return jnp.concatenate([x, jnp.ones((*x.shape[:-1], 1), x.dtype)], -1)


def losses(scores: Scores, batch: Batch) -> dict[str, Float[Array, "rows words"]]:
    """Nats of each word's head, "arc", and of its label given its head, "label"."""
    heads = jnp.take_along_axis(scores.heads, batch["head"][..., None], 1)
    labels = jnp.einsum("rdaf,rdf->rda", scores.dependents, heads)
    return {
        "arc": cross_entropy(scores.arc, batch["head"]),
        "label": cross_entropy(labels, batch["arc"]),
    }


def real_words(batch: Batch) -> Bool[Array, "rows words"]:
    """The words of the sentences, without the root."""
    place = jnp.arange(batch["word"].shape[1])
    return (place > 0) & (place < batch["length"][:, None])


class Decoded(NamedTuple):
    arc: Float[Array, "rows words heads"]  # log p of each head
    label: Int[Array, "rows words heads"]  # the likeliest label of each arc


def decoded(scores: Scores) -> Decoded:
    """What the search for a tree needs."""
    labels = jnp.einsum("rdaf,rhf->rdha", scores.dependents, scores.heads)
    return Decoded(jax.nn.log_softmax(scores.arc), jnp.argmax(labels, -1))
