"""Answers to a user's questions about a trained graph, and its tables as files."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from common.contract import Table, UserError
from common.data.completions import Completions
from common.data.triples import Graph
from common.files import texts
from common.files.inputs import may_be_path
from common.host import to_host
from common.nearest import nearest
from papers.knowledge_graph import data, weights
from papers.knowledge_graph.config import Config, Model
from papers.knowledge_graph.embeddings import ENTITY_TABLES, Params, relation_rows
from papers.knowledge_graph.measure import params_of
from papers.knowledge_graph.scores import distance, project, translation, unit

UNKNOWN = "?"
FORMS = (
    "write an entity, whose neighbours are shown, or head | relation | ? or "
    "? | relation | tail"
)


def predict(config: Config, state: Any, inputs: str) -> Iterator[str | tuple[str, Any]]:
    """Yields a table for each question: the nearest entities of one entity, or the best
    heads or tails of a triple with a "?".

    inputs: questions between semicolons, or a text file with one a line. With
      `predict.out` the tables are written there, and there may be no question.
    """
    questions = _questions(inputs)
    if not (questions or config.predict.out):
        raise UserError(f"--input={inputs!r} asks nothing: {FORMS}")
    graph = data.graph(config)
    params = params_of(state)
    if config.predict.out:
        yield "Tables", _export(config, graph, params)
    for question in questions:
        yield question, _answer(config, graph, params, question)


def _questions(inputs: str) -> list[str]:
    path = Path(inputs).expanduser()
    if inputs and may_be_path(inputs) and path.is_dir():
        raise UserError(f"--input={inputs!r} is a folder: {FORMS}, or give their file")
    if inputs and may_be_path(inputs) and path.is_file():
        found = [*texts.lines(path)]
    else:
        found = [part.strip() for part in inputs.split(";")]
    return [*dict.fromkeys(filter(None, found))]


def _export(config: Config, graph: Graph, params: Params) -> Path:
    """The file or folder that is written."""
    arrays = to_host(params)
    count = len(graph.entities)
    arrays = {n: x[:count] if n in ENTITY_TABLES else x for n, x in arrays.items()}
    if jax.process_index() == 0:
        weights.save(config.predict.out, graph, arrays)
    return Path(config.predict.out).expanduser()


def _answer(config: Config, graph: Graph, params: Params, question: str) -> Table:
    parts = [part.strip() for part in question.replace("\t", "|").split("|")]
    if len(parts) == 1:
        return _neighbours(config, graph, params, parts[0])
    if len(parts) != 3 or (parts[0] == UNKNOWN) == (parts[2] == UNKNOWN):
        raise UserError(f"--input={question!r}: {FORMS}")
    return _completed(config, graph, params, parts)


def _number(kind: str, name: str, names: tuple[str, ...]) -> int:
    """The number of a name, upper and lower case alike where no other has it."""
    if name in names:
        return names.index(name)
    same = [i for i, known in enumerate(names) if known.lower() == name.lower()]
    if len(same) != 1:
        raise UserError(
            f"the graph has no {kind} {name[:60]!r}; {nearest(name, names)}"
        )
    return same[0]


def _neighbours(config: Config, graph: Graph, params: Params, name: str) -> Table:
    own = _number("entity", name, graph.entities)

    def cosines(params: Params) -> Float[Array, "entities"]:
        vectors = unit(params["entities"][: len(graph.entities)])
        return (vectors @ vectors[own]).at[own].set(-jnp.inf)

    top = min(config.predict.top, len(graph.entities) - 1)
    values, ids = to_host(jax.jit(lambda p: jax.lax.top_k(cosines(p), top))(params))
    rows = [[graph.entities[i], float(v)] for i, v in zip(ids, values, strict=True)]
    return Table(("entity", "cosine"), rows, f"the nearest vectors to that of {name}")


def _completed(config: Config, graph: Graph, params: Params, parts: list[str]) -> Table:
    """The best entities in the place of the "?", and whether the graph has them."""
    head, relation, tail = parts
    asks_head = head == UNKNOWN
    given = _number("entity", tail if asks_head else head, graph.entities)
    number = _number("relation", relation, graph.relations)
    score = partial(distances, config.model, asks_head=asks_head)
    count = len(graph.entities)
    top = min(config.predict.top, count)

    @jax.jit
    def best(params: Params, relation: Int[Array, ""], given: Int[Array, ""]):
        return jax.lax.top_k(-score(params, relation, given)[:count], top)

    values, ids = to_host(best(params, np.int32(number), np.int32(given)))
    known = _known(config, asks_head, given, number)
    rows = [
        [graph.entities[i], float(-v), "yes" if i in known else ""]
        for i, v in zip(ids, values, strict=True)
    ]
    side = "head" if asks_head else "tail"
    return Table(
        (side, "distance", "in the graph"), rows, "the smallest distance first"
    )


def distances(
    model: Model,
    params: Params,
    relation: Int[Array, ""],
    given: Int[Array, ""],
    *,
    asks_head: bool,
) -> Float[Array, "rows"]:
    """The score of every entity in the place that is asked for."""
    own = relation_rows(params, relation)
    tables = {name: params[name] for name in params if name in ENTITY_TABLES}
    candidates = project(model, own, tables)
    r = translation(model, own)
    point = candidates[given] - r if asks_head else candidates[given] + r
    return distance(candidates - point, model.distance)


def _known(config: Config, asks_head: bool, given: int, relation: int) -> set[int]:
    completions: Completions = data.known_answers(config)[0 if asks_head else 1]
    (pair,) = completions.find(np.array([given]), np.array([relation]))
    return {*completions.answers(pair).tolist()}
