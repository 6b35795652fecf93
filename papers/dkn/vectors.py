"""Entity vectors and those of their contexts, constants beside the network.

A context is the mean of the vectors of an entity's neighbours in the graph, one edge
away in either direction (eq. 4 and 5 of Wang et al. 2018).
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from common.contract import UserError
from common.files import storage
from common.files import texts as text_files
from papers.dkn import sources
from papers.dkn.config import Config
from papers.dkn.corpus import Links
from papers.dkn.model import channels_of

Table = Float[Array, "entities d_entity"]


def tables(
    config: Config, key: Key[Array, ""], after: Mapping[str, tuple[Any, Any]]
) -> dict[str, Table]:
    """{"entity": rows by entity id, "context": as well}, those that the network reads.

    Without a folder there are no data: then shapes alone are asked for, as by
    --mode=describe, and the tables are zeros.
    """
    names = channels_of(config.model)
    shape = config.data.entities, config.model.d_entity
    if not names or (config.data.source in ("bing", "mind") and not config.data.root):
        return {name: jnp.zeros(shape) for name in names}
    links = sources.corpus(config).links
    graph = _graph_vectors(config, key, links.names, after)
    if config.vectors.unit_length:
        graph = unit(graph)
    found = {"entity": _entities(links, graph), "context": contexts(links, graph)}
    return {name: _rows(config, found[name], shape) for name in names}


def _rows(config: Config, table: Table, shape: tuple[int, int]) -> Table:
    """With rows of zeros at the end."""
    if config.vectors.unit_length:
        table = unit(table)
    return jnp.zeros(shape).at[: len(table)].set(table)


def _graph_vectors(
    config: Config,
    key: Key[Array, ""],
    names: Sequence[str],
    after: Mapping[str, tuple[Any, Any]],
) -> Table:
    """A vector for each entity of the graph; zeros where none is known."""
    v = config.vectors
    width = config.model.d_entity
    if v.source == "random":
        return jax.random.normal(key, (len(names), width))
    if v.source == "file":
        known = read(storage.path(v.file), width)
        if v.relations:
            read(storage.path(v.relations), width)
        _say_unknown(v.file, names, known)
        return jnp.array([known.get(name, np.zeros(width)) for name in names])
    ((_, state),) = after.values()
    return state.params["entities"][: len(names)]


def _say_unknown(file: str, names: Sequence[str], known: Mapping[str, Any]) -> None:
    """A warning counts the entities without a vector. UserError: none has one."""
    absent = [name for name in names if name not in known]
    if names and len(absent) == len(names):
        raise UserError(
            f"config.vectors.file={file!r} has no vector of any entity: its names are "
            f"like {next(iter(known))!r}, those of the entities like {absent[0]!r}"
        )
    if absent:
        warnings.warn(
            f"{len(absent):,} of {len(names):,} entities have no vector in {file!r} "
            f"and get zeros, such as {absent[0]!r}",
            stacklevel=2,
        )


def _entities(links: Links, graph: Table) -> Table:
    known = jnp.asarray(links.rows >= 0)[:, None]
    return jnp.where(known, graph[np.maximum(links.rows, 0)], 0)


def contexts(links: Links, graph: Table) -> Table:
    """The mean over each entity's neighbours; 0 for an entity without any."""
    entity, neighbour = links.edges.T
    size = len(links.rows)
    total = jnp.zeros((size, graph.shape[1])).at[entity].add(graph[neighbour])
    count = np.bincount(entity, minlength=size)[:, None]
    return total / np.maximum(count, 1)


def unit(table: Table) -> Table:
    """Rows of length 1; a row of zeros stays one."""
    return table / jnp.sqrt(jnp.sum(table**2, axis=-1, keepdims=True) + 1e-12)


def read(path: Path, width: int) -> dict[str, np.ndarray]:
    """{name: vector} of a file with a line an entity: its name, then `width` numbers,
    separated by tabs (MIND's entity_embedding.vec) or spaces.

    UserError: the file is missing or empty, or a line has another number of numbers.
    """
    if not path.is_file():
        raise UserError(f"{str(path)!r} is no file: config.vectors.file has vectors")
    found = {}
    lines = text_files.read(path).decode().split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, *numbers = line.split("\t") if "\t" in line else line.split(" ")
        numbers = [x for x in numbers if x.strip()]
        where = f"{str(path)!r}, line {number}"
        if len(numbers) != width:
            raise UserError(
                f"{where} has {len(numbers)} numbers; config.model.d_entity={width}"
            )
        try:
            found[name] = np.array(numbers, np.float32)
        except ValueError:
            raise UserError(f"{where}: {line[:40]!r} is no name and numbers") from None
        if not np.isfinite(found[name]).all():
            raise UserError(f"{where} has a number that is not finite")
    if not found:
        raise UserError(f"{str(path)!r} has no vector")
    return found
