"""Knowledge graphs beside the news: Wikidata's films, and a user's in OpenKE's layout.

The runs that learn entity vectors are of `papers.knowledge_graph`; `films` is the graph
that they get by name, as "papers.dkn.graphs:films".
"""

import collections
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from common.contract import UserError
from common.data import films as wikidata
from common.data import triple_files, triples
from papers.dkn.corpus import words_of

SINCE = 1980  # the year of the first films
HELD_OUT = 0.01  # share of the films' triples that tell how well they are learnt
Edges = Sequence[tuple[int, int]]
Joined = tuple[Sequence[str], Edges, Mapping[str, int]]


@functools.cache
def films(root: str = "") -> triples.Graph:
    """What Wikidata says of films since 1980, without their casts. `root` is unused."""
    del root
    said = wikidata.triples(SINCE)
    entities = dict.fromkeys(name for head, _, tail in said for name in (head, tail))
    relations = dict.fromkeys(relation for _, relation, _ in said)
    of_entity = {name: i for i, name in enumerate(entities)}
    of_relation = {name: i for i, name in enumerate(relations)}
    numbers = np.array(
        [(of_entity[h], of_relation[r], of_entity[t]) for h, r, t in said], np.int32
    )
    names = tuple(entities), tuple(relations)
    return triples.from_arrays(
        numbers, entities=names[0], relations=names[1], share=HELD_OUT
    )


def films_joined() -> Joined:
    """The films' graph, whose entities have the names that the news mention."""
    graph = films()
    return graph.entities, edges(graph), {n: i for i, n in enumerate(graph.entities)}


def edges(graph: triples.Graph) -> Edges:
    """Both ends of every training triple."""
    pairs = graph.train[:, [triples.HEAD, triples.TAIL]]
    return [(int(head), int(tail)) for head, tail in pairs]


def joined(root: str, entities: Sequence[str], *, by_name: bool = True) -> Joined:
    """The graph in the folder `root` beside entities of the news; "": no edges.

    by_name: entities are one where their names have the same words, of NELL's names
        (concept_city_winter_park) those behind the category; the graph's entity with
        the most triples stands for a name that several have. False: names, such as
        Wikidata's ids, are equal as they are.
    """
    if not root:
        return entities, (), {name: i for i, name in enumerate(entities)}
    graph = folder(root)
    if not by_name:
        place = {name: i for i, name in enumerate(graph.entities)}
        _refuse_strange(root, graph, entities, place)
        return graph.entities, edges(graph), place
    degree = collections.Counter(end for pair in edges(graph) for end in pair)
    best: dict[tuple[str, ...], int] = {}
    for i, name in enumerate(graph.entities):
        key = _key(name)
        if key not in best or degree[i] > degree[best[key]]:
            best[key] = i
    place = {name: best[_key(name)] for name in entities if _key(name) in best}
    _refuse_strange(root, graph, entities, place)
    return graph.entities, edges(graph), place


def _refuse_strange(
    root: str, graph: triples.Graph, entities: Sequence[str], place: Mapping[str, int]
) -> None:
    """UserError: the graph is of other things."""
    if entities and not any(name in place for name in entities):
        raise UserError(
            f"config.data.graph={root!r} has none of the {len(entities):,} entities of "
            f"the news: its names are like {graph.entities[0]!r}, theirs like "
            f"{entities[0]!r}"
        )


def _key(name: str) -> tuple[str, ...]:
    words = words_of(name.replace("_", " "))
    return words[2:] if words[:1] == ("concept",) and len(words) > 2 else words


def folder(root: str) -> triples.Graph:
    """A graph in one of the layouts that `papers.knowledge_graph` reads."""
    try:
        return triple_files.read(root)
    except UserError as error:  # it names the field of another paper
        line = str(error).replace("config.data.root", "config.data.graph")
        raise UserError(line) from None
