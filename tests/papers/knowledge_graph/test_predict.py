"""Questions of a user, and tables as files. A failure means a wrong answer, or vectors
that come back otherwise than they left."""

import jax
import numpy as np
import pytest

from common.config import changed
from common.contract import Table, UserError
from papers import knowledge_graph as kg
from papers.knowledge_graph import measure, weights
from tests.papers.knowledge_graph import graphs


@pytest.fixture(scope="module")
def asked():
    config = graphs.config("transd")
    return config, graphs.state(config)


def answers(config, state, question) -> Table:
    ((_, table),) = kg.predict(config, state, question)
    return table


def test_the_answers_are_the_smallest_distances(asked):
    config, state = asked
    everyone = changed(config, {"predict.top": graphs.ENTITIES})
    columns = {"e3 | r1 | ?": 2, "? | r1 | e3": 0}
    known = {tuple(t) for t in kg.graph(config).all.tolist()}
    for question, column in columns.items():
        triples = np.full((graphs.ENTITIES, 3), (3, 1, 3))
        triples[:, column] = np.arange(graphs.ENTITIES)
        scores = measure.scores(config, state, triples)
        rows = answers(everyone, state, question).rows
        order = [int(name[1:]) for name, _, _ in rows]
        np.testing.assert_allclose([d for _, d, _ in rows], scores[order], rtol=1e-5)
        assert np.all(np.diff(scores[order]) >= -1e-5)
        for entity, (_, _, said) in zip(order, rows, strict=True):
            assert (tuple(triples[entity].tolist()) in known) == (said == "yes")


def test_neighbours_are_the_largest_cosines_and_never_the_entity(asked):
    config, state = asked
    rows = answers(changed(config, {"predict.top": 99}), state, "E3").rows
    vectors = np.asarray(state.params["entities"])
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = np.delete(vectors @ vectors[3], 3)
    np.testing.assert_allclose([c for _, c in rows], -np.sort(-cosines), atol=1e-5)
    assert "e3" not in [name for name, _ in rows]


def test_a_file_of_questions_is_read_by_lines(asked, tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text("e1\n\ne2 | r0 | ?\n", encoding="utf-8")
    assert [name for name, _ in kg.predict(*asked, str(path))] == ["e1", "e2 | r0 | ?"]


@pytest.mark.parametrize(
    ("question", "wrong"),
    [
        ("", "--input='' asks nothing"),
        (" ; ", "--input=' ; ' asks nothing"),
        ("e99", "no entity 'e99'; nearest: e9"),
        ("e1 | r9 | ?", "no relation 'r9'"),
        ("e1 | r1 | e2", "write an entity"),
        ("? | r1 | ?", "write an entity"),
        ("e1 | ?", "write an entity"),
    ],
)
def test_a_question_without_an_answer_is_refused_in_a_line(asked, question, wrong):
    with pytest.raises(UserError, match=r"^[^\n]*$") as error:
        list(kg.predict(*asked, question))
    assert wrong in str(error.value)


@pytest.mark.parametrize("name", ["tables", "tables.safetensors", "tables.vec"])
def test_tables_come_back_from_their_files(asked, tmp_path, name):
    """Padding stays out of the file, and a .vec has the entities alone."""
    config, state = asked
    config = changed(config, {"model.pad_rows": 10})
    state = graphs.state(config, seed=7)
    path = str(tmp_path / name)
    written = kg.predict(changed(config, {"predict.out": path}), state, "")
    assert dict(written) == {"Tables": tmp_path / name}
    graph = kg.graph(config)
    arrays = weights.read(path, graph)
    assert len(arrays["entities"]) == graphs.ENTITIES
    again = kg.init(changed(config, {"weights": path}), jax.random.key(0))
    for table in arrays:
        rows = slice(graphs.ENTITIES if "entit" in table else None)
        np.testing.assert_allclose(
            again.params[table][rows], state.params[table][rows], rtol=1e-6
        )
    assert {*arrays} == ({"entities"} if name.endswith(".vec") else {*state.params})
    if name == "tables":
        names = (tmp_path / name / "entities.txt").read_text("utf-8").splitlines()
        assert names == [*graph.entities]


def test_a_folder_is_read_by_the_names_in_it(asked, tmp_path):
    config, state = asked
    graph = kg.graph(config)
    path = tmp_path / "tables"
    list(kg.predict(changed(config, {"predict.out": str(path)}), state, ""))
    vectors = np.load(path / "entities.npy")
    names = (path / "entities.txt").read_text("utf-8").splitlines()
    (path / "entities.txt").write_text("\n".join(names[::-1]), encoding="utf-8")
    np.save(path / "entities.npy", vectors[::-1])
    np.testing.assert_array_equal(weights.read(str(path), graph)["entities"], vectors)

    def refused(wrong, array):
        np.save(path / "entities.npy", array)
        with pytest.raises(UserError, match=wrong):
            weights.load(str(path), config, state.params)

    refused("has 23 names, and entities.npy 22 rows", vectors[1:])
    refused("entities has numbers that are not finite", vectors * np.nan)
    (path / "entities.txt").unlink()
    refused(r"entities has the shape \(22, 8\)", vectors[1:])
    with pytest.raises(UserError, match="the name of a folder"):
        next(kg.predict(changed(config, {"predict.out": f"{path}.npy"}), state, ""))


def test_tables_of_another_width_are_refused_in_a_line(asked, tmp_path):
    config, _ = asked
    other = graphs.config("transe", d_entity=5, d_relation=5)
    for name in ("t.vec", "t.safetensors"):
        path = str(tmp_path / name)
        list(kg.predict(changed(other, {"predict.out": path}), graphs.state(other), ""))
        with pytest.raises(UserError, match=r"entities has the shape \(23, 5\)"):
            kg.init(changed(config, {"weights": path}), jax.random.key(0))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("e0\t1\t2\n", "has no line for the entity 'e1'"),
        ("e0\tone\n", "line 1"),
        ("", "has no line"),
        ("e0\t1\ne1\t2\ne0\t3\n", "line 3: 'e0' stands twice"),
    ],
)
def test_a_broken_vec_is_refused_in_a_line(asked, tmp_path, text, wrong):
    path = tmp_path / "broken.vec"
    path.write_text(text, encoding="utf-8")
    config = changed(asked[0], {"weights": str(path)})
    with pytest.raises(UserError, match=r"^[^\n]*$") as error:
        kg.init(config, jax.random.key(0))
    assert wrong in str(error.value)
