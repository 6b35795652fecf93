"""One graph of a document, made of the graphs of its sentences.

Every node knows the sentences and the words that it is from. Names are part of the node
that bears them. Roles are forward ones, and cycles stay as they are.
"""

import dataclasses
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from papers.amr_summarization.amr import Amr, Attribute, Edge

MULTI = "multi-sentence"


class Spot(NamedTuple):
    """A word of the document: its sentence, and its place in it."""

    sentence: int
    token: int


class Link(NamedTuple):
    """An edge of two nodes of a document."""

    source: int
    role: str
    target: int


@dataclasses.dataclass(frozen=True)
class Node:
    """A concept of the document. `name` has the words of a named entity."""

    concept: str
    name: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()  # (role, value)
    sentences: frozenset[int] = frozenset()
    spots: frozenset[Spot] = frozenset()

    @property
    def label(self) -> str:
        """The concept, or a name with _ between its words."""
        return "_".join(self.name) if self.name else self.concept


@dataclasses.dataclass(frozen=True)
class DocumentGraph:
    """Nodes by number, each edge with the sentences that say it, and the top node of
    each sentence (None: it has been left out)."""

    nodes: dict[int, Node]
    links: dict[Link, frozenset[int]]
    tops: tuple[int | None, ...]

    def __len__(self) -> int:
        return len(self.nodes)

    def inside(self, sentence: int) -> dict[int, list[int]]:
        """{node: its neighbours} of a sentence's own graph, along edges either way."""
        return self._of_sentences[sentence]

    def depths(self, sentence: int) -> dict[int, int]:
        """{node: edges between it and the sentence's top}."""
        return distances(self.inside(sentence), self.tops[sentence])

    def __post_init__(self):
        found: list[dict[int, list[int]]] = [{} for _ in self.tops]
        for number, node in self.nodes.items():
            for sentence in node.sentences:
                found[sentence][number] = []
        for link, sentences in self.links.items():
            for sentence in sentences:
                for one, other in (
                    (link.source, link.target),
                    (link.target, link.source),
                ):
                    if other not in found[sentence][one]:
                        found[sentence][one].append(other)
        object.__setattr__(self, "_of_sentences", found)

    def restricted(self, kept: Iterable[int]) -> "DocumentGraph":
        """The graph of these nodes and the edges between them."""
        kept = set(kept)
        nodes = {n: node for n, node in self.nodes.items() if n in kept}
        links = {
            link: sentences
            for link, sentences in self.links.items()
            if link.source in kept and link.target in kept
        }
        tops = tuple(top if top in kept else None for top in self.tops)
        return DocumentGraph(nodes, links, tops)

    def components(self) -> list[list[int]]:
        """The connected parts, the largest first, then the earliest."""
        beside: dict[int, list[int]] = {number: [] for number in self.nodes}
        for link in self.links:
            beside[link.source].append(link.target)
            beside[link.target].append(link.source)
        parts = []
        left = dict.fromkeys(self.nodes)
        while left:
            part = list(distances(beside, next(iter(left))))
            for number in part:
                del left[number]
            parts.append(sorted(part))
        return sorted(parts, key=lambda part: (-len(part), part[0]))


def distances(beside: Mapping[int, Sequence[int]], start: int | None) -> dict[int, int]:
    """{node: edges between it and `start`} of the nodes connected to it."""
    if start is None:
        return {}
    found = {start: 0}
    todo = deque([start])
    while todo:
        at = todo.popleft()
        for other in beside[at]:
            if other not in found:
                found[other] = found[at] + 1
                todo.append(other)
    return found


def sentence_nodes(amr: Amr, sentence: int) -> tuple[dict[str, Node], list[Edge]]:
    """{variable: node} and the edges between them; names move into their owners."""
    owners = {e.target: e.source for e in amr.edges if e.role == ":name"}
    owners = {
        name: owner
        for name, owner in owners.items()
        if amr.instances[name] == "name" and name != amr.top and not amr.children(name)
    }
    attributes: dict[str, list[Attribute]] = {var: [] for var in amr.instances}
    for attribute in amr.attributes:
        attributes[attribute.var].append(attribute)
    names = {
        owner: tuple(
            a.value.strip('"')
            for a in sorted(attributes[name], key=lambda a: (len(a.role), a.role))
            if a.role.startswith(":op")
        )
        for name, owner in owners.items()
    }
    nodes = {}
    for var, concept in amr.instances.items():
        if var not in owners:
            tokens = set(amr.tokens.get(var, ()))
            for name, owner in owners.items():
                tokens |= set(amr.tokens.get(name, ())) if owner == var else set()
            nodes[var] = Node(
                concept,
                names.get(var, ()),
                tuple((a.role, a.value) for a in attributes[var]),
                frozenset([sentence]),
                frozenset(Spot(sentence, token) for token in tokens),
            )
    edges = [e for e in amr.edges if e.target not in owners and e.source not in owners]
    return nodes, edges


def to_amr(graph: DocumentGraph) -> Amr:
    """PENMAN's form of a graph. Several parts or sentences come below one top:
    `(m / multi-sentence :snt1 x :snt2 y)`, as in AMR's corpora."""
    variables: dict[int, str] = {}
    instances: dict[str, str] = {}
    edges: list[Edge] = []
    attributes: list[Attribute] = []
    top = None
    heads = _heads(graph)
    if len(heads) > 1:
        top = _variable(MULTI, instances)
    for number, node in graph.nodes.items():
        variables[number] = _variable(node.concept, instances)
        attributes += [Attribute(variables[number], *a) for a in node.attributes]
        if node.name:
            name = _variable("name", instances)
            edges.append(Edge(variables[number], ":name", name))
            for place, word in enumerate(node.name, start=1):
                attributes.append(Attribute(name, f":op{place}", f'"{word}"'))
    for place, head in enumerate(heads, start=1):
        if top in instances and instances[top] == MULTI and len(heads) > 1:
            edges.append(Edge(top, f":snt{place}", variables[head]))
    edges += [
        Edge(variables[link.source], link.role, variables[link.target])
        for link in graph.links
    ]
    top = top or variables[heads[0]]
    return Amr(top, instances, tuple(edges), tuple(attributes))


def _heads(graph: DocumentGraph) -> list[int]:
    """The tops of sentences, and a node of each part that has none."""
    heads = list(dict.fromkeys(top for top in graph.tops if top is not None))
    for part in graph.components():
        if not set(part) & set(heads):
            entered = {link.target for link in graph.links}
            heads.append(next((n for n in part if n not in entered), part[0]))
    return heads


def _variable(concept: str, instances: dict[str, str]) -> str:
    letter = (
        concept[0].lower() if concept[:1].isascii() and concept[:1].isalpha() else "x"
    )
    number = len(instances) + 1
    instances[f"{letter}{number}"] = concept
    return f"{letter}{number}"
