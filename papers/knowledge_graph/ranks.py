"""At which place an embedding ranks the right answer of a question.

A triple asks two questions: which head, and which tail? All entities are scored. The
rank is 1 + those that score better + half of the others that score the same, the mean
of the best and of the worst order of ties: a constant score has the mean rank, not 1.
A filtered rank does not count entities that are known to be right answers too.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from papers.knowledge_graph.config import Model
from papers.knowledge_graph.embeddings import ENTITY_TABLES, Params, relation_rows
from papers.knowledge_graph.scores import distance, project, translation

METRICS = {
    "mr": lambda ranks: ranks,
    "mrr": lambda ranks: 1 / ranks,
    "hits@1": lambda ranks: ranks <= 1,
    "hits@3": lambda ranks: ranks <= 3,
    "hits@10": lambda ranks: ranks <= 10,
}


class Ranks(NamedTuple):
    """Of the head and of the tail of each triple."""

    raw: Float[Array, "triples 2"]
    filtered: Float[Array, "triples 2"]


class Questions(NamedTuple):
    """Triples of one relation, and the known answers, -1 after them."""

    heads: Int[Array, "triples"]
    tails: Int[Array, "triples"]
    known_heads: Int[Array, "triples n"]
    known_tails: Int[Array, "triples m"]


def of_relation(
    model: Model,
    params: Params,
    relation: Int[Array, ""],
    questions: Questions,
    entities: int,
) -> Ranks:
    """The ranks of triples of one relation: all entities are projected once.

    entities: their number. Further rows of the tables are padding.
    """
    own = relation_rows(params, relation)
    tables = {name: params[name] for name in params if name in ENTITY_TABLES}
    candidates = project(model, own, tables)
    r = translation(model, own)
    # ||e + r - t|| of heads e, ||h + r - e|| of tails e: how far e is from a point.
    sides = (
        (candidates[questions.tails] - r, questions.heads, questions.known_heads),
        (candidates[questions.heads] + r, questions.tails, questions.known_tails),
    )
    counted = jnp.arange(len(candidates)) < entities
    ranks = [_ranks(model, candidates, counted, *side) for side in sides]
    raw, filtered = (jnp.stack(pair, axis=-1) for pair in zip(*ranks, strict=True))
    return Ranks(raw, filtered)


def of_batch(
    model: Model, params: Params, batch: dict[str, Array], entities: int
) -> Float[Array, "batch 2"]:
    """Filtered ranks of a batch of triples of any relations."""

    def of_triple(row: dict[str, Array]) -> Float[Array, "2"]:
        names = ("head", "tail", "known_heads", "known_tails")
        one = Questions(*(row[name][None] for name in names))
        return of_relation(model, params, row["relation"], one, entities).filtered[0]

    names = ("head", "relation", "tail", "known_heads", "known_tails")
    return jax.vmap(of_triple)({name: batch[name] for name in names})


def _ranks(
    model: Model,
    candidates: Float[Array, "rows d"],
    counted: Bool[Array, "rows"],
    points: Float[Array, "n d"],
    answers: Int[Array, "n"],
    known: Int[Array, "n m"],
) -> tuple[Float[Array, "n"], Float[Array, "n"]]:
    """Raw and filtered ranks of `answers` by their distances from `points`."""
    scores = distance(points[:, None] - candidates, model.distance)
    own = jnp.take_along_axis(scores, answers[:, None], axis=1)
    better = counted & (scores < own)
    # A nan is neither: it counts as equal, so that it cannot look like an answer.
    rival = counted & ~(scores > own) & (jnp.arange(len(counted)) != answers[:, None])
    known_score = jnp.take_along_axis(scores, jnp.maximum(known, 0), axis=1)
    other = (known >= 0) & (known != answers[:, None])
    better_known = other & (known_score < own)
    rival_known = other & ~(known_score > own)
    first = jnp.sum(better, axis=1)
    last = jnp.sum(rival, axis=1)
    filtered_first = first - jnp.sum(better_known, axis=1)
    filtered_last = last - jnp.sum(rival_known, axis=1)
    return 1 + (first + last) / 2, 1 + (filtered_first + filtered_last) / 2


def measures(ranks: Float[np.ndarray, "*n"]) -> dict[str, float]:
    """{metric: mean} of mean rank, mean reciprocal rank, and hits@1, 3 and 10."""
    return {name: float(np.mean(f(ranks))) for name, f in METRICS.items()}
