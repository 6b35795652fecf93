"""The margin loss over triples and their corruptions."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from common.metrics import Mean
from papers.knowledge_graph.config import Config
from papers.knowledge_graph.scores import (
    Entities,
    Relation,
    distance,
    project,
    translation,
    unit,
)

Batch = dict[str, Array]


def margin_loss(
    positive: Float[Array, "batch"], negative: Float[Array, "batch k"], margin: float
) -> Float[Array, "batch k"]:
    """[margin + d(h + l, t) - d(h' + l, t')]_+, eq. 1 of Bordes et al. 2013."""
    return jnp.maximum(0.0, margin + positive[:, None] - negative)


def positive_and_negative(
    config: Config, relation: Relation, entities: Entities, batch: Batch
) -> tuple[Float[Array, "batch"], Float[Array, "batch k"]]:
    """The scores of triples and of their corruptions.

    entities: rows [batch, 2 + k, ...]: the head, the tail, and the entities that
      replace one of them, as of `batch_ids`. Each is projected once.
    """
    model = config.model
    projected = project(model, relation, entities)
    head = projected[:, :1]
    tail = projected[:, 1:2]
    wrong = projected[:, 2:]
    r = translation(model, relation)[:, None]
    positive = distance(head + r - tail, model.distance)[:, 0]
    # ||wrong + r - t|| or ||h + r - wrong||.
    rest = jnp.where(batch["replaces_head"][..., None], r - tail, -(head + r))
    return positive, distance(wrong + rest, model.distance)


def off_hyperplane(relation: Relation, epsilon: float) -> Float[Array, "batch"]:
    """[(w d_r)^2 / ||d_r||^2 - epsilon^2]_+, the last term of eq. 4 of Wang et al.
    2014: how far a translation points out of its hyperplane."""
    direction = unit(relation["relations"])
    cosine = jnp.sum(unit(relation["normals"]) * direction, axis=-1)
    return jnp.maximum(0.0, jnp.square(cosine) - epsilon**2)


def losses(
    config: Config, relation: Relation, entities: Entities, batch: Batch
) -> tuple[Mean, dict[str, Mean]]:
    """The loss of the negatives of a batch, and "violations": the share of them that
    are within the margin."""
    positive, negative = positive_and_negative(config, relation, entities, batch)
    hinge = margin_loss(positive, negative, config.each.margin[0])
    violations = Mean.of(hinge > 0, batch["valid"])
    if config.loss.orthogonality and config.model.embedding == "transh":
        penalty = off_hyperplane(relation, config.loss.epsilon)
        hinge = hinge + config.loss.orthogonality * penalty[:, None]
    return Mean.of(hinge, batch["valid"]), {"violations": violations}


def entity_ids(batch: Batch) -> Array:
    """[batch, 2 + k]: heads, tails, and the entities that replace them."""
    return jnp.concatenate(
        [batch["head"][:, None], batch["tail"][:, None], batch["wrong"]], axis=1
    )
