"""The four scores: how far a triple is from being true.

    TransE   ||h + r - t||                      Bordes et al. 2013
    TransH   ||h' + r - t'||, e' = e - (w e) w  Wang et al. 2014
    TransR   ||h' + r - t'||, e' = e M          Lin et al. 2015
    TransD   ||h' + r - t'||, e' = e + (p e) q  Ji et al. 2015

All translate from h to t, after a projection of both that depends on the relation. So
a projection is a function of the relation's rows and of entities' rows, which are rows
of the tables of `embeddings.py`, by the names of those.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from papers.knowledge_graph.config import Model

Relation = dict[str, Float[Array, "..."]]  # a row of each relation table
Entities = dict[str, Float[Array, "*batch n d"]]  # rows of each entity table
Projected = Float[Array, "*batch n d_relation"]
SMALLEST = 1e-12  # added to squared norms: the gradient at 0 is 0, not nan


def identity(relation: Relation, entities: Entities) -> Projected:
    """TransE: h' = h. Its score is d(h + l, t) of eq. 1 of Bordes et al. 2013."""
    del relation
    return entities["entities"]


def on_hyperplane(relation: Relation, entities: Entities) -> Projected:
    """TransH: e' = e - (w e) w for the unit normal w of the relation's hyperplane, in
    f_r(h, t) = ||(h - w h w) + d_r - (t - w t w)||, "Translating on Hyperplanes" of
    Wang et al. 2014."""
    normal = unit(relation["normals"])[..., None, :]
    e = entities["entities"]
    return e - jnp.sum(normal * e, axis=-1, keepdims=True) * normal


def into_relation_space(relation: Relation, entities: Entities) -> Projected:
    """TransR: e' = e M_r, from entity space to the relation's, in
    f_r(h, t) = ||h M_r + r - t M_r||, "TransR" of Lin et al. 2015."""
    e = entities["entities"]
    return jnp.einsum("...nd,...dr->...nr", e, relation["matrices"])


def by_dynamic_matrix(relation: Relation, entities: Entities) -> Projected:
    """TransD: e' = (r_p e_p^T + I) e = I e + (e_p e) r_p, "TransD" of Ji et al.
    2015. An I that is not square cuts e, or adds zeros. The matrix is never built."""
    e = entities["entities"]
    r_p = relation["relation_projections"][..., None, :]
    dot = jnp.sum(entities["entity_projections"] * e, axis=-1, keepdims=True)
    return _of_width(e, r_p.shape[-1]) + dot * r_p


def _of_width(e: Float[Array, "*batch d"], width: int) -> Float[Array, "*batch width"]:
    missing = max(width - e.shape[-1], 0)
    padding = [(0, 0)] * (e.ndim - 1) + [(0, missing)]
    return jnp.pad(e, padding)[..., :width]


PROJECTIONS = {
    "transe": identity,
    "transh": on_hyperplane,
    "transr": into_relation_space,
    "transd": by_dynamic_matrix,
}


def project(model: Model, relation: Relation, entities: Entities) -> Projected:
    """Entities as the relation sees them: unit vectors where OpenKE's scores are asked
    for."""
    projected = PROJECTIONS[model.embedding](relation, entities)
    return unit(projected) if model.normalised else projected


def translation(model: Model, relation: Relation) -> Float[Array, "*batch d_relation"]:
    """r, from head to tail; a unit vector where OpenKE's scores are asked for."""
    r = relation["relations"]
    return unit(r) if model.normalised else r


def score(
    model: Model, head: Entities, relation: Relation, tail: Entities
) -> Float[Array, "*batch"]:
    """f_r(h, t) of each triple, small where it is true. `head` and `tail`: n = 1."""
    h = project(model, relation, head)[..., 0, :]
    t = project(model, relation, tail)[..., 0, :]
    return distance(h + translation(model, relation) - t, model.distance)


def distance(difference: Float[Array, "*batch d"], kind: str) -> Float[Array, "*batch"]:
    """The L1 norm, the L2 norm, or the square of the L2 norm. The gradient is 0 at 0:
    of the L1 norm it is the sign, of the L2 norm that of sqrt(sum + 1e-12)."""
    if kind == "l1":
        return jnp.sum(_absolute(difference), axis=-1)
    squares = jnp.sum(jnp.square(difference), axis=-1)
    return squares if kind == "squared" else jnp.sqrt(squares + SMALLEST)


@jax.custom_jvp
def _absolute(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """|x|, whose slope at 0 is 0; that of jnp.abs is 1."""
    return jnp.abs(x)


_absolute.defjvps(lambda slope, value, x: slope * jnp.sign(x))


def unit(x: Float[Array, "*batch d"]) -> Float[Array, "*batch d"]:
    """x / ||x||; 0 stays 0."""
    squares = jnp.sum(jnp.square(x), axis=-1, keepdims=True)
    return x * jax.lax.rsqrt(squares + SMALLEST)
