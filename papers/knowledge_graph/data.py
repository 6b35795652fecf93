"""Batches of triples and of their corruptions, drawn on the host."""

import functools
import importlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common.contract import UserError
from common.data import triple_files
from common.data.completions import Completions
from common.data.pipeline import Rows, pipeline
from common.data.shuffled import ShuffledBatches
from common.data.triples import (
    HEAD,
    RELATION,
    TAIL,
    Graph,
    Triples,
    replaces_head,
)
from papers.knowledge_graph import countries, grid
from papers.knowledge_graph.config import Config, Data


def graph(config: Config) -> Graph:
    """The graph of `config.data`, read once and kept."""
    data = config.data
    return _graph(data.source, data.root, data.name)


@functools.lru_cache(maxsize=4)
def _graph(source: str, root: str, name: str) -> Graph:
    readers = {
        "countries": countries.graph,
        "generated": grid.graph,
        "files": partial(triple_files.read, root),
        "tfds": partial(triple_files.read_tfds, name, root),
        "function": partial(_from_function, name, root),
    }
    return readers[source]()


def _from_function(name: str, root: str) -> Graph:
    module, _, function = name.partition(":")
    try:
        make = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(
            f"config.data.name={name!r} names no function: give module:function, which "
            f"takes config.data.root and returns a Graph ({error})"
        ) from error
    return make(root)


def sizes(config: Config) -> tuple[int, int]:
    """How many entities and relations there are. Without a folder of files, as a plan
    has none, those that the variant names."""
    if _planned(config.data):
        return config.data.entities, config.data.relations
    found = graph(config)
    return len(found.entities), len(found.relations)


def _planned(data: Data) -> bool:
    return data.source == "files" and not data.root


def batches(
    config: Config, split: str, *, process_index: int = 0, process_count: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """Batches of `batch_spec`.

    "train" is endless, shuffles triples, draws negatives, and has `get_state` and
    `set_state`. "valid" and "test" are evenly spaced triples with negatives that are
    always the same, and the known answers, which a filtered rank leaves out.
    """
    if _planned(config.data):
        raise UserError(
            "config.data.root='' names no folder: give one with train2id.txt or "
            "train.txt"
        )
    share = {"process_index": process_index, "process_count": process_count}
    found = graph(config)
    corrupted = Corruption(config, found)
    if split != "train":
        rows = config.eval.batch_size // process_count
        items = _evaluated(config, split, corrupted)
        return pipeline(Rows(items), batch_size=rows, repeat=False, **share)
    source = ShuffledBatches(
        _Columns(found.train),
        batch_size=config.data.batch_size,
        seed=config.seed,
        map_fn=corrupted,
        draws=2 * config.data.negatives,
        **share,
    )
    return pipeline(source, shuffle=False)


def batch_spec(config: Config, split: str = "train") -> dict[str, jax.ShapeDtypeStruct]:
    """Shapes of a batch: triples by "head", "relation", "tail"; "wrong", the entities
    that replace the head where "replaces_head", else the tail; "valid", 0 for a
    negative that could not be drawn."""
    train = split == "train"
    rows = config.data.batch_size if train else config.eval.batch_size
    k = config.data.negatives
    shape = partial(jax.ShapeDtypeStruct, dtype=jnp.int32)
    spec = {name: shape((rows,)) for name in ("head", "relation", "tail")} | {
        "wrong": shape((rows, k)),
        "replaces_head": jax.ShapeDtypeStruct((rows, k), jnp.bool_),
        "valid": jax.ShapeDtypeStruct((rows, k), jnp.float32),
    }
    if train:
        return spec
    widths = (1, 1) if _planned(config.data) else _widths(config, split)
    return spec | {
        "known_heads": shape((rows, widths[0])),
        "known_tails": shape((rows, widths[1])),
        "mask": jax.ShapeDtypeStruct((rows,), jnp.float32),
    }


class _Columns:
    """Triples as rows {"head", "relation", "tail"}."""

    def __init__(self, triples: Triples) -> None:
        self._triples = triples.astype(np.int32)

    def __len__(self) -> int:
        return len(self._triples)

    def __getitem__(self, index: Any) -> dict[str, np.ndarray]:
        triples = self._triples[index]
        columns = {"head": HEAD, "relation": RELATION, "tail": TAIL}
        return {name: triples[..., column] for name, column in columns.items()}


class Corruption:
    """Adds to a batch of triples the negatives of each: one side is replaced.

    A replaced tail is no tail of the training set beside that head and relation, and
    all others are equally likely; heads likewise. With `filtered=False` it may be any
    entity, the right one included, as in Bordes et al. 2013.
    """

    def __init__(self, config: Config, graph: Graph) -> None:
        relations = len(graph.relations)
        self._entities = len(graph.entities)
        self._filtered = config.data.filtered
        self._chance = np.full(relations, 0.5)
        if config.data.corruption == "bernoulli":
            self._chance = replaces_head(graph.train, relations)
        if self._filtered:
            self._heads = Completions.heads(graph, graph.train)
            self._tails = Completions.tails(graph, graph.train)

    def __call__(
        self, batch: dict[str, np.ndarray], draws: np.ndarray
    ) -> dict[str, np.ndarray]:
        """draws: uniform in [0, 1), two for each negative."""
        coin, place = np.split(draws, 2, axis=1)
        head = coin < self._chance[batch["relation"]][:, None]
        wrong = self._drawn(batch, head, place)
        return {
            **batch,
            "wrong": np.maximum(wrong, 0),
            "replaces_head": head,
            "valid": (wrong >= 0).astype(np.float32),
        }

    def _drawn(self, batch: dict[str, np.ndarray], head: np.ndarray, place: np.ndarray):
        """[batch, k]: the entities, -1 where every entity is an answer."""
        if not self._filtered:
            return (place * self._entities).astype(np.int32)
        relation = batch["relation"]
        heads = self._heads.find(batch["tail"], relation)
        tails = self._tails.find(batch["head"], relation)
        wrong = np.empty(head.shape, np.int32)
        for side, known, pair in (
            (head, self._heads, heads),
            (~head, self._tails, tails),
        ):
            pairs = np.broadcast_to(pair[:, None], head.shape)
            wrong[side] = known.draw_others(pairs[side], place[side])
        return wrong


def spaced(triples: Triples, most: int) -> Triples:
    """At most `most` of the triples, evenly spaced; all where `most` is 0."""
    if not 0 < most < len(triples):
        return triples
    return triples[np.arange(most) * len(triples) // most]


def _evaluated(
    config: Config, split: str, corrupted: Corruption
) -> dict[str, np.ndarray]:
    triples = _ranked_in_training(config, split)
    rng = np.random.default_rng(config.seed)
    draws = rng.random((len(triples), 2 * config.data.negatives))
    heads, tails = known_answers(config)
    head, relation, tail = triples.T
    return {
        **corrupted(_Columns(triples)[:], draws),
        "known_heads": heads.padded(heads.find(tail, relation)),
        "known_tails": tails.padded(tails.find(head, relation)),
    }


def _widths(config: Config, split: str) -> tuple[int, int]:
    """The largest numbers of known heads and of known tails."""
    head, relation, tail = _ranked_in_training(config, split).T
    heads, tails = known_answers(config)
    return (
        int(heads.count(heads.find(tail, relation)).max()),
        int(tails.count(tails.find(head, relation)).max()),
    )


def _ranked_in_training(config: Config, split: str) -> Triples:
    return spaced(getattr(graph(config), split), config.eval.triples)


def known_answers(config: Config) -> tuple[Completions, Completions]:
    """The heads and the tails that are right in any split."""
    data = config.data
    return _known(data.source, data.root, data.name)


@functools.lru_cache(maxsize=4)
def _known(source: str, root: str, name: str) -> tuple[Completions, Completions]:
    found = _graph(source, root, name)
    return Completions.heads(found, found.all), Completions.tails(found, found.all)
