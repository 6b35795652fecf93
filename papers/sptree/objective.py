"""What is minimised: sums of cross-entropies over the words and over both directions of
every pair, section 3.6 of Miwa and Bansal 2016."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from common.losses import cross_entropy
from papers.sptree import relations
from papers.sptree.model import Outputs
from papers.sptree.relations import Pairs

Batch = Mapping[str, Array]


def shown_rate(epoch: Float[Array, "*n"] | Int[Array, "*n"], k: float):
    """The probability of the gold label, k / (k + exp(epoch / k)): the inverse sigmoid
    decay of Bengio et al. 2015. 0 where k is 0."""
    if not k:
        return jnp.zeros(jnp.shape(epoch))
    return k / (k + jnp.exp(epoch / k))


def shown(key: Key[Array, ""], batch: Batch, k: float) -> Bool[Array, "rows words"]:
    """Where scheduled sampling shows the gold label. A sentence's draws do not depend
    on the others in its batch."""
    words = batch["word"].shape[1]

    def draw(row: Array) -> Array:
        return jax.random.uniform(jax.random.fold_in(key, row), (words,))

    return jax.vmap(draw)(batch["row"]) < shown_rate(batch["epoch"], k)[:, None]


def losses(
    outputs: Outputs, batch: Batch, wrong_entities: str
) -> dict[str, Float[Array, "rows"]]:
    """Nats of each sentence: "entities", the sum over its words, and "relations", the
    sum over all pairs in both directions. What the network does not predict is 0."""
    found = {"entities": jnp.zeros(batch["length"].shape)}
    found["relations"] = found["entities"]
    if outputs.entity_logits is not None:
        nll = cross_entropy(outputs.entity_logits, batch["label"])
        here = jnp.arange(nll.shape[1]) < batch["length"][:, None]
        found["entities"] = jnp.sum(jnp.where(here, nll, 0), -1)
    if outputs.pairs is not None:
        gold = gold_classes(outputs, batch, wrong_entities)
        nll = cross_entropy(outputs.forward, gold)
        nll += cross_entropy(outputs.backward, relations.reverse(gold))
        found["relations"] = jnp.sum(jnp.where(outputs.pairs.real, nll, 0), -1)
    return found


def gold_classes(
    outputs: Outputs, batch: Batch, wrong_entities: str
) -> Int[Array, "rows pairs"]:
    """The class of each pair's two last words. With "negative", pairs of which an
    entity is wrong have none."""
    pairs = outputs.pairs
    rows = jnp.arange(pairs.first.shape[0])[:, None]
    gold = batch["relation"][rows, pairs.first, pairs.last].astype(jnp.int32)
    if wrong_entities == "cell":
        return gold
    return jnp.where(_right(outputs, pairs, batch["label"]), gold, 0)


def _right(outputs: Outputs, pairs: Pairs, gold: Array) -> Bool[Array, "rows pairs"]:
    """Whether both entities are gold ones: all their labels are."""
    wrong = jnp.cumsum(outputs.labels != gold, -1)
    wrong = jnp.pad(wrong, ((0, 0), (1, 0)))

    def none_wrong(start: Array, end: Array) -> Array:
        count = jnp.take_along_axis(wrong, end + 1, 1)
        return count == jnp.take_along_axis(wrong, start, 1)

    starts = pairs.starts
    return none_wrong(starts[:, 0], pairs.first) & none_wrong(starts[:, 1], pairs.last)
