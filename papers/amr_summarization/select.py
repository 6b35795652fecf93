"""Which part of a document's graph becomes the summary.

From the best key node on, each next one is joined to those that were chosen before, by
the sentence that says both first.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from papers.amr_summarization.document_graph import DocumentGraph, Link, Node, Spot
from papers.amr_summarization.importance import Key
from papers.amr_summarization.paths import nearest_to_root

# How many paths the released search lists between two nodes, and how long ones.
RELEASED_PATHS = 2000
RELEASED_LENGTH = 12


class Piece(NamedTuple):
    """What one sentence adds to a summary."""

    sentence: int
    words: tuple[int, ...]  # places in the sentence, in order
    nodes: frozenset[int]
    path: tuple[int, ...] = ()  # the nodes that join two key nodes
    key: str = ""  # the label of the key node that asked for it


Clauses = Sequence[Sequence[tuple[int, ...]]]  # of each sentence, as places of words
Join = Callable[[DocumentGraph, Key, Sequence[Key], set[int]], tuple | None]


def pieces(
    graph: DocumentGraph,
    keys: Sequence[Key],
    clauses: Clauses,
    lengths: Sequence[int],
    *,
    most: int = 10,
    extend: str = "tuple",
    as_released: bool = False,
) -> Iterator[Piece]:
    """Yields what each of the `most` best key nodes adds, best first.

    clauses: open tuples of each sentence. lengths: words of each sentence.
    extend: a path becomes the largest of the "tuple"s that contain it, else its whole
    sentence; always the "sentence"; or stays a "path".
    as_released: pairs and paths are chosen as the released code does, not as the paper
    describes (`_released`).
    """
    chosen: list[Key] = []
    used: set[int] = set()
    join = _released if as_released else _described
    for key in keys[:most]:
        if not chosen:
            chosen.append(key)
            continue
        found = join(graph, key, chosen, used)
        if found is None:
            continue
        sentence, path = found
        chosen.append(key)
        used.add(sentence)
        words = _extended(graph, sentence, path, clauses[sentence], lengths, extend)
        nodes = nodes_of(graph, sentence, words) | set(path)
        yield Piece(sentence, words, frozenset(nodes), path, key.label)


def whole(graph: DocumentGraph, sentence: int, length: int) -> Piece:
    """A whole sentence."""
    words = tuple(range(length))
    nodes = {n for n, node in graph.nodes.items() if sentence in node.sentences}
    return Piece(sentence, words, frozenset(nodes))


def _described(
    graph: DocumentGraph, key: Key, chosen: Sequence[Key], used: set[int]
) -> tuple | None:
    """(sentence, path) of the pair whose path comes nearest to its root; of equal ones
    the earliest sentence, then the key node that was chosen first."""
    best = None
    for place, other in enumerate(chosen):
        common = key.sentences(graph) & other.sentences(graph) - used
        if not common:
            continue
        sentence = min(common)
        beside = graph.inside(sentence)
        depths = graph.depths(sentence)
        for one in _in(graph, key, sentence):
            for two in _in(graph, other, sentence):
                path = nearest_to_root(beside, depths, one, two)
                if path:
                    rank = (
                        min(depths[n] for n in path),
                        sentence,
                        place,
                        len(path),
                        path,
                    )
                    best = min(best or rank, rank)
    return None if best is None else (best[1], best[-1])


def _in(graph: DocumentGraph, key: Key, sentence: int) -> list[int]:
    return [n for n in key.nodes if sentence in graph.nodes[n].sentences]


def _released(
    graph: DocumentGraph, key: Key, chosen: Sequence[Key], used: set[int]
) -> tuple | None:
    """As the released code: of each pair only the earliest common sentence counts, even
    if it is used up, and the last path of the last pair that has one is taken."""
    found = None
    for other in chosen:
        common = key.sentences(graph) & other.sentences(graph)
        if not common or min(common) in used:
            continue
        sentence = min(common)
        beside = graph.inside(sentence)
        for one in _in(graph, other, sentence):
            for two in _in(graph, key, sentence):
                for path in all_paths(beside, one, two):
                    found = sentence, tuple(sorted(path))
    return found


def all_paths(
    beside: dict[int, list[int]], one: int, other: int
) -> Iterator[tuple[int, ...]]:
    """The simple paths between two nodes, depth first, at most `RELEASED_PATHS`."""
    left = RELEASED_PATHS
    stack = [(one,)]
    while stack and left:
        path = stack.pop()
        if path[-1] == other:
            left -= 1
            yield path
        elif len(path) <= RELEASED_LENGTH:
            new = [n for n in beside[path[-1]] if n not in path]
            stack += [(*path, n) for n in reversed(new)]


def _extended(
    graph: DocumentGraph,
    sentence: int,
    path: tuple[int, ...],
    clauses: Sequence[tuple[int, ...]],
    lengths: Sequence[int],
    extend: str,
) -> tuple[int, ...]:
    """Places of the words that a path grows to."""
    own = {
        spot.token
        for n in path
        for spot in graph.nodes[n].spots
        if spot.sentence == sentence
    }
    if extend == "path":
        return tuple(sorted(own))
    around = [words for words in clauses if own <= set(words)]
    if extend == "sentence" or not around:
        return tuple(range(lengths[sentence]))
    return max(around, key=lambda words: (len(words), [-w for w in words]))


def nodes_of(graph: DocumentGraph, sentence: int, words: Sequence[int]) -> set[int]:
    """The nodes that these words of a sentence say, and those without words between two
    of them or right above one."""
    kept = set(words)
    inside = graph.inside(sentence)
    said = set()
    silent = set()
    for number in inside:
        own = [s.token for s in graph.nodes[number].spots if s.sentence == sentence]
        if not own:
            silent.add(number)
        elif kept.intersection(own):
            said.add(number)
    added = {n for n in silent if sum(other in said for other in inside[n]) > 1}
    return said | added


def selected(
    graph: DocumentGraph, found: Sequence[Piece], keys: Sequence[Key]
) -> DocumentGraph:
    """The graph of the pieces: its largest connected part. Nodes of a meta node that
    was chosen are one there."""
    nodes = {n for piece in found for n in piece.nodes}
    labels = {piece.key for piece in found}
    groups = [
        [n for n in key.nodes if n in nodes]
        for place, key in enumerate(keys)
        if key.meta and (key.label in labels or place == 0)
    ]
    part = contracted(graph.restricted(nodes), groups)
    components = part.components()
    return part.restricted(components[0]) if components else part


def contracted(graph: DocumentGraph, groups: Sequence[Sequence[int]]) -> DocumentGraph:
    """The graph with one node for each group: its first."""
    into = {n: group[0] for group in groups for n in group if group}
    nodes: dict[int, Node] = {}
    for number, node in graph.nodes.items():
        target = into.get(number, number)
        if target in nodes:
            old = nodes[target]
            node = Node(
                old.concept,
                old.name,
                old.attributes,
                old.sentences | node.sentences,
                old.spots | node.spots,
            )
        nodes[target] = node
    links: dict[Link, frozenset[int]] = {}
    for link, sentences in graph.links.items():
        source = into.get(link.source, link.source)
        target = into.get(link.target, link.target)
        if source != target:
            new = Link(source, link.role, target)
            links[new] = links.get(new, frozenset()) | sentences
    tops = tuple(into.get(top, top) for top in graph.tops)
    return DocumentGraph(nodes, links, tops)


def spots(found: Sequence[Piece]) -> list[Spot]:
    return [Spot(p.sentence, word) for p in found for word in p.words]
