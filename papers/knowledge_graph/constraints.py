"""Which norms the embeddings keep, and the projection that restores them after a step.

TransE    ||e|| = 1                        sphere, algorithm 1 of Bordes et al. 2013
TransH    ||e|| <= 1, ||w|| = 1            eqs. 1 and 3 of Wang et al. 2014
TransR    ||e||, ||r||, ||e M|| <= 1       "TransR" of Lin et al. 2015
TransD    ||e||, ||r||, ||e'|| <= 1        "TransD" of Ji et al. 2015
"""

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from papers.knowledge_graph.config import Model
from papers.knowledge_graph.embeddings import (
    Params,
    entity_rows,
    relation_rows,
    row_ids,
)
from papers.knowledge_graph.scores import PROJECTIONS, unit

PROJECTED = ("transr", "transd")  # whose projected entities are bounded too


def bounded(x: Float[Array, "*batch d"]) -> Float[Array, "*batch d"]:
    """x / max(1, ||x||): the nearest vector of the unit ball."""
    return x * _shrinking(x)[..., None]


def _shrinking(x: Float[Array, "*batch d"]) -> Float[Array, "*batch"]:
    """min(1, 1 / ||x||)."""
    squares = jnp.sum(jnp.square(x), axis=-1)
    return 1 / jnp.sqrt(jnp.maximum(squares, 1.0))


def _rule(model: Model, name: str):
    """What a table's rows go through, or None."""
    if model.constraint == "none":
        return None
    if name == "entities":
        return unit if model.constraint == "sphere" else bounded
    if name == "normals":
        return unit
    if name == "relations" and model.embedding in PROJECTED:
        return bounded
    return None


def of_tables(model: Model, params: Params) -> Params:
    """All rows of all tables, projected."""
    rules = {name: _rule(model, name) for name in params}
    return {name: rules[name](x) if rules[name] else x for name, x in params.items()}


def of_rows(
    model: Model,
    params: Params,
    relations: Int[Array, "batch"],
    entities: Int[Array, "batch n"],
) -> Params:
    """The rows that a batch names, projected. The others are not read: the time does
    not depend on the size of the tables."""
    ids = row_ids(params, entities.ravel(), relations)
    projected = dict(params)
    for name, table in params.items():
        if rule := _rule(model, name):
            rows = rule(table[ids[name]])
            projected[name] = table.at[ids[name]].set(rows)  # equal ids, equal rows
    return projected


def of_projected(
    model: Model,
    params: Params,
    relations: Int[Array, "batch"],
    entities: Int[Array, "batch n"],
) -> Params:
    """Shrinks the entities of a batch until all their projections there have a norm of
    at most 1. A projection is linear in the entity's vector."""
    if model.constraint == "none" or model.embedding not in PROJECTED:
        return params
    project = PROJECTIONS[model.embedding]
    rows = project(relation_rows(params, relations), entity_rows(params, entities))
    table = params["entities"]
    # An entity may occur beside several relations: the least factor counts.
    least = jnp.ones(table.shape[:1], table.dtype).at[entities].min(_shrinking(rows))
    ids = entities.ravel()
    shrunk = table[ids] * least[ids][:, None]
    return {**params, "entities": table.at[ids].set(shrunk)}


def transform(model: Model) -> optax.GradientTransformation:
    """`of_tables` as the last transform of an optimiser that moves all rows."""

    def update(updates, state, params):
        moved = optax.apply_updates(params, updates)
        kept = of_tables(model, moved)
        return {name: kept[name] - params[name] for name in params}, state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)
