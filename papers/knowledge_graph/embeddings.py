"""The tables that are learnt: their shapes, their rows, and what a step may touch."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from common import rng
from papers.knowledge_graph.config import Model

Params = dict[str, Float[Array, "rows ..."]]
ENTITY_TABLES = ("entities", "entity_projections")
# Entity tables are split by rows, as far as these divide: a device has whole vectors.
SHARDING = (("entities|entity_projections", (0, 1)),)


def shapes(model: Model, entities: int, relations: int) -> dict[str, tuple[int, ...]]:
    """{table: its shape}. The rows of entity tables come before padding."""
    e = math.ceil(entities / model.pad_rows) * model.pad_rows
    own = {
        "transe": {},
        "transh": {"normals": (relations, model.d_entity)},
        "transr": {"matrices": (relations, model.d_entity, model.d_relation)},
        "transd": {
            "entity_projections": (e, model.d_entity),
            "relation_projections": (relations, model.d_relation),
        },
    }
    return {
        "entities": (e, model.d_entity),
        "relations": (relations, model.d_relation),
        **own[model.embedding],
    }


def random(
    model: Model, key: Key[Array, ""], entities: int, relations: int
) -> dict[str, Float[Array, "rows ..."]]:
    """Tables before training. TransR's matrices are identities, as in section
    "Experiments" of Lin et al. 2015."""

    def table(name: str, shape: tuple[int, ...]) -> Array:
        if name == "matrices":
            return jnp.broadcast_to(jnp.eye(*shape[1:]), shape)
        bound = 6 / math.sqrt(shape[-1])
        if model.init == "xavier":
            bound = math.sqrt(6 / (shape[0] + shape[-1]))
        own = rng.stream(key, 0, name)
        return jax.random.uniform(own, shape, minval=-bound, maxval=bound)

    sizes = shapes(model, entities, relations)
    return {name: table(name, shape) for name, shape in sizes.items()}


def entity_rows(params: Params, ids: Int[Array, "*n"]) -> dict[str, Array]:
    """The rows `ids` of every entity table."""
    return {name: params[name][ids] for name in params if name in ENTITY_TABLES}


def relation_rows(params: Params, ids: Int[Array, "*n"]) -> dict[str, Array]:
    """The rows `ids` of every relation table."""
    return {name: params[name][ids] for name in params if name not in ENTITY_TABLES}


def row_ids(
    params: Params, entities: Int[Array, "*n"], relations: Int[Array, "*m"]
) -> dict[str, Array]:
    """{table: the ids of its rows}, of entity or of relation tables."""
    return {name: entities if name in ENTITY_TABLES else relations for name in params}
