"""A map of entities: their vectors on two axes."""

from collections import Counter
from typing import Any

import numpy as np
from jaxtyping import Float

from common.data.triples import HEAD, RELATION, TAIL, Graph
from common.host import to_host
from common.rows import split_beside
from papers.knowledge_graph.config import Config
from papers.knowledge_graph.measure import kinds, params_of

MOST = 400  # entities on the map
NAMED = 45  # of them, with their names


def entity_map(graph: Graph, run: str, config: Config, state: Any) -> Any:
    """The heads of a relation by the first two principal components of their vectors,
    coloured by the tails: what the vectors know of the tails shows as clusters.

    The relation is the N-to-1 one with the fewest tails for its heads.
    """
    from matplotlib import rc_context  # it takes a second
    from matplotlib.figure import Figure

    from common.figures import PALETTE, STYLE

    relation = _telling(graph)
    tails = _tails(graph, relation)
    heads = np.array([*tails])
    table = params_of(state)["entities"]
    rows = split_beside({"entities": table}, heads.astype(np.int32))
    places = components(to_host(table[rows]))
    common = [tail for tail, _ in Counter(tails.values()).most_common(len(PALETTE))]
    # A dollar sign in a name begins no formula.
    with rc_context(STYLE | {"text.parse_math": False}):
        figure = Figure(figsize=(8.4, 6.4), layout="constrained")
        axes = figure.subplots()
        for tail, colour in zip(common, PALETTE, strict=False):
            own = np.array([tails[head] == tail for head in heads])
            label = graph.entities[tail]
            axes.scatter(*places[own].T, s=14, color=colour, label=label)
        for place, head in [*zip(places, heads, strict=True)][:: _every(len(heads))]:
            if tails[head] in common:
                axes.annotate(graph.entities[head], place, fontsize=6, alpha=0.8)
        axes.set(title=f"{run}: entities by {graph.relations[relation]!r}")
        axes.set(xlabel="first principal component", ylabel="second")
        figure.legend(loc="outside right upper")
    return figure


def _every(count: int) -> int:
    return max(count // NAMED, 1)


def _telling(graph: Graph) -> int:
    """The relation whose tails divide its heads into the fewest groups for their
    number, among those to one tail."""
    counts = np.bincount(graph.train[:, RELATION], minlength=len(graph.relations))

    def groups(relation: int) -> float:
        own = graph.train[graph.train[:, RELATION] == relation]
        return len(np.unique(own[:, TAIL])) / len(own)

    to_one = [n for n, kind in enumerate(kinds(graph)) if kind == "N-1" and counts[n]]
    return min(to_one or np.flatnonzero(counts), key=groups)


def _tails(graph: Graph, relation: int) -> dict[int, int]:
    """{head: its tail} of at most MOST training triples."""
    own = graph.train[graph.train[:, RELATION] == relation][:MOST]
    return {int(head): int(tail) for head, tail in own[:, [HEAD, TAIL]]}


def components(vectors: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n 2"]:
    """The first two principal components, each with a positive largest part."""
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = np.pad(axes, [(0, max(2 - len(axes), 0)), (0, 0)])[:2]
    largest = np.abs(axes).argmax(axis=1)
    signs = np.where(axes[[0, 1], largest] < 0, -1, 1)
    return centred @ (signs[:, None] * axes).T
