"""Tables of vectors in files, for other programs and from them.

.safetensors    one file, an array for each table
folder          entities.npy, relations.npy, ...: an array for each table; beside
                them entities.txt and relations.txt, a name a line in their order
.vec            entities alone, a line each: the name, then the numbers, between
                tabs, as MIND's entity_embedding.vec
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from common.contract import UserError
from common.data.triples import Graph
from common.files import storage, texts, weights
from papers.knowledge_graph import data
from papers.knowledge_graph.config import Config
from papers.knowledge_graph.embeddings import ENTITY_TABLES, Params

VEC = ".vec"
NPY = ".npy"
Arrays = dict[str, Float[np.ndarray, "rows ..."]]


def save(path: str, graph: Graph, arrays: Arrays) -> None:
    """Writes the tables, without padding, in the format that the ending of `path` says:
    .safetensors, .vec, or else a folder of .npy files. UserError: it cannot be written.
    """
    place = Path(path).expanduser()
    if place.suffix in (NPY, ".npz"):
        raise UserError(
            f"config.predict.out={path!r}: give .safetensors, .vec, or the name of a "
            "folder for .npy files"
        )
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == VEC:
            _save_vec(place, graph.entities, arrays["entities"])
        elif place.suffix == ".safetensors":
            weights.write(str(place), arrays)
        else:
            _save_folder(place, graph, arrays)
    except OSError as error:
        raise UserError(f"config.predict.out: {place} not written: {error}") from error


def _save_folder(folder: Path, graph: Graph, arrays: Arrays) -> None:
    folder.mkdir(exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}{NPY}", array)
    for kind in ("entities", "relations"):
        names = "".join(f"{name}\n" for name in getattr(graph, kind))
        (folder / f"{kind}.txt").write_text(names, encoding="utf-8")


def _save_vec(path: Path, names: tuple[str, ...], vectors: Arrays) -> None:
    with path.open("w", encoding="utf-8") as file:
        for name, vector in zip(names, vectors, strict=True):
            file.write("\t".join([name, *map(str, vector)]) + "\n")


def load(path: str, config: Config, params: Params) -> Params:
    """`params` with the tables of a file of `save` in their places; those that the file
    lacks stay. Rows are found by their names where the file has names.

    UserError: the file cannot be read, has none of these tables, one of another shape,
    or one with numbers that are not finite; or its names lack an entity.
    """
    graph = data.graph(config)
    arrays = read(path, graph)
    shared = [name for name in params if name in arrays]
    if not shared:
        raise UserError(
            f"config.weights={path!r} has {', '.join(arrays) or 'no table'}, and none "
            f"of {', '.join(params)}"
        )
    loaded = dict(params)
    for name in shared:
        array = arrays[name]
        if name in ENTITY_TABLES and len(array) == len(graph.entities):
            missing = len(params[name]) - len(array)  # rows of padding
            array = np.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))
        if array.shape != params[name].shape:
            raise UserError(
                f"config.weights={path!r}: {name} has the shape {arrays[name].shape}, "
                f"and the run's table {params[name].shape}"
            )
        if not np.isfinite(array).all():
            raise UserError(
                f"config.weights={path!r}: {name} has numbers that are not finite"
            )
        loaded[name] = jnp.asarray(array, jnp.float32)
    return loaded


def read(path: str, graph: Graph) -> Arrays:
    """The tables in a file or folder of `save`. UserError: there are none."""
    place = storage.path(path)
    if place.is_dir():
        return _folder(place, graph)
    if not place.is_file():
        raise UserError(f"config.weights={path!r} does not exist")
    if place.suffix == VEC:
        return {"entities": _vec(place, graph.entities)}
    if place.suffix == NPY:
        return {place.stem: _npy(place)}
    return dict(weights.read(path))


def _folder(folder: Path, graph: Graph) -> Arrays:
    """The arrays, their rows in the graph's order where the names lie beside them."""
    arrays = {file.stem: _npy(file) for file in sorted(folder.glob(f"*{NPY}"))}
    for kind in ("entities", "relations"):
        file = folder / f"{kind}.txt"
        if not file.is_file():
            continue
        rows = {name: row for row, name in enumerate(texts.lines(file))}
        if absent := [name for name in getattr(graph, kind) if name not in rows]:
            raise UserError(f"{str(file)!r} has no line for {absent[0]!r}")
        order = [rows[name] for name in getattr(graph, kind)]
        for name, array in arrays.items():
            if (name in ENTITY_TABLES) == (kind == "entities"):
                if len(array) != len(rows):
                    raise UserError(
                        f"{str(file)!r} has {len(rows)} names, and {name}{NPY} "
                        f"{len(array)} rows"
                    )
                arrays[name] = array[order]
    return arrays


def _npy(file: Path) -> np.ndarray:
    try:
        return np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{str(file)!r} is no array of numbers: {error}") from error


def _vec(path: Path, names: tuple[str, ...]) -> Float[np.ndarray, "entities d"]:
    vectors: dict[str, list[float]] = {}
    for place, line in enumerate(texts.read(path).decode().split("\n"), 1):
        if not line.strip():
            continue
        name, *numbers = line.rstrip("\r\t ").split("\t")
        if name in vectors:
            raise UserError(f"{str(path)!r} line {place}: {name!r} stands twice")
        try:
            vectors[name] = [float(number) for number in numbers]
        except ValueError:
            raise UserError(
                f"{str(path)!r} line {place}: not a name and numbers between tabs"
            ) from None
    missing = next((name for name in names if name not in vectors), None)
    if missing is not None:
        raise UserError(f"{str(path)!r} has no line for the entity {missing!r}")
    widths = {len(vectors[name]) for name in names}
    if len(widths) > 1:
        raise UserError(
            f"{str(path)!r} has lines of {min(widths)} and of {max(widths)} numbers"
        )
    return np.array([vectors[name] for name in names], np.float32)
