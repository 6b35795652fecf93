"""The four scores beside loops of numpy, and the identities between them. A failure
means that an embedding is not the one of its paper."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers.knowledge_graph.config import Model
from papers.knowledge_graph.scores import (
    PROJECTIONS,
    by_dynamic_matrix,
    distance,
    into_relation_space,
    on_hyperplane,
    score,
    unit,
)

D, WIDTH = 6, 4  # of entities, and of relations where they may differ
DISTANCES = ("l1", "l2", "squared")
ROWS = 5


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def widths(embedding: str) -> tuple[int, int]:
    return (D, WIDTH) if embedding in ("transr", "transd") else (D, D)


def model(embedding: str, distance: str = "l1", normalised: bool = False) -> Model:
    d, width = widths(embedding)
    return Model(embedding, d, width, distance, normalised)


def random_rows(embedding: str, seed: int = 0):
    """Head, relation and tail: a row of every table, for each of ROWS triples."""
    rng = np.random.default_rng(seed)
    d, width = widths(embedding)

    def entity():
        tables = {"entities": rng.normal(size=(ROWS, 1, d))}
        if embedding == "transd":
            tables["entity_projections"] = rng.normal(size=(ROWS, 1, d))
        return tables

    relation = {"relations": rng.normal(size=(ROWS, width))}
    if embedding == "transh":
        relation["normals"] = rng.normal(size=(ROWS, width))
    if embedding == "transr":
        relation["matrices"] = rng.normal(size=(ROWS, d, width))
    if embedding == "transd":
        relation["relation_projections"] = rng.normal(size=(ROWS, width))
    return entity(), relation, entity()


def matrix(embedding: str, entity, relation, row: int) -> np.ndarray:
    """The projection as the matrix [d, width] of the paper, for one entity."""
    if embedding == "transe":
        return np.eye(D)
    if embedding == "transh":
        w = relation["normals"][row]
        w = w / np.linalg.norm(w)
        return np.eye(D) - np.outer(w, w)
    if embedding == "transr":
        return relation["matrices"][row]
    r_p = relation["relation_projections"][row]
    e_p = entity["entity_projections"][row, 0]
    return (np.outer(r_p, e_p) + np.eye(WIDTH, D)).T


def by_hand(embedding, kind, normalised, head, relation, tail) -> list[float]:
    found = []
    for row in range(ROWS):
        h = head["entities"][row, 0] @ matrix(embedding, head, relation, row)
        t = tail["entities"][row, 0] @ matrix(embedding, tail, relation, row)
        r = relation["relations"][row]
        if normalised:
            h, r, t = (x / np.linalg.norm(x) for x in (h, r, t))
        difference = h + r - t
        norms = {
            "l1": np.linalg.norm(difference, 1),
            "l2": np.linalg.norm(difference),
            "squared": np.linalg.norm(difference) ** 2,
        }
        found.append(norms[kind])
    return found


@pytest.mark.parametrize("embedding", PROJECTIONS)
def test_a_score_is_that_of_the_papers_matrices(embedding):
    rows = random_rows(embedding)
    for kind, normalised in itertools.product(DISTANCES, (False, True)):
        found = score(model(embedding, kind, normalised), *rows)
        expected = by_hand(embedding, kind, normalised, *rows)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_hyperplane_takes_a_vector_once():
    head, relation, _ = random_rows("transh")
    once = on_hyperplane(relation, head)
    again = on_hyperplane(relation, {"entities": once})
    np.testing.assert_allclose(again, once, atol=1e-10)
    normal = unit(relation["normals"])
    np.testing.assert_allclose(np.sum(normal * once[:, 0], axis=-1), 0, atol=1e-10)


@pytest.mark.parametrize("wider", ["entities", "relations"])
def test_a_dynamic_matrix_of_either_shape_is_the_papers(wider):
    rng = np.random.default_rng(3)
    d, width = (7, 3) if wider == "entities" else (3, 7)
    e, e_p = rng.normal(size=(2, 1, d))
    r_p = rng.normal(size=width)
    found = by_dynamic_matrix(
        {"relation_projections": r_p}, {"entities": e, "entity_projections": e_p}
    )
    expected = (np.outer(r_p, e_p[0]) + np.eye(width, d)) @ e[0]
    np.testing.assert_allclose(found[0], expected, atol=1e-14)


def test_identity_matrices_make_transr_transe():
    head, relation, tail = random_rows("transe")
    eyes = {**relation, "matrices": np.broadcast_to(np.eye(D), (ROWS, D, D))}
    own = Model("transr", D, D)
    expected = score(model("transe"), head, relation, tail)
    np.testing.assert_allclose(score(own, head, eyes, tail), expected)
    np.testing.assert_allclose(into_relation_space(eyes, head), head["entities"])


def test_a_normal_across_all_vectors_makes_transh_transe():
    head, relation, tail = random_rows("transe")
    for part in (head["entities"], tail["entities"], relation["relations"]):
        part[..., -1] = 0
    across = {**relation, "normals": np.eye(D)[[-1] * ROWS]}
    expected = score(model("transe"), head, relation, tail)
    np.testing.assert_allclose(score(model("transh"), head, across, tail), expected)


@pytest.mark.parametrize("embedding", PROJECTIONS)
def test_a_gradient_is_the_slope(embedding):
    """Central differences along random directions, relative error below 1e-5."""
    rows = random_rows(embedding)
    ways = random_rows(embedding, seed=1)
    for kind in DISTANCES:

        def total(step, kind=kind):
            moved = jax.tree.map(lambda x, way: x + step * way, rows, ways)
            return jnp.sum(score(model(embedding, kind), *moved))

        slope = (total(1e-6) - total(-1e-6)) / 2e-6
        assert jax.grad(total)(0.0) == pytest.approx(float(slope), rel=1e-5)


@pytest.mark.parametrize("kind", DISTANCES)
def test_at_no_distance_there_is_no_slope(kind):
    assert np.all(np.asarray(jax.grad(lambda x: distance(x, kind))(jnp.zeros(4))) == 0)
    jacobian = np.asarray(jax.jacobian(unit)(jnp.zeros(4)))
    assert np.isfinite(jacobian).all()
