"""Nodes of a document that mean the same become one.

Named entities whose names fit come first, then coreference.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from papers.amr_summarization.amr import Amr, write
from papers.amr_summarization.selection.document_graph import (
    DocumentGraph,
    Link,
    Node,
    Spot,
    sentence_nodes,
)
from papers.amr_summarization.selection.names import same_name

# Outgoing roles that a merged node keeps of all its mentions; op, snt and ARG besides.
_KEPT = (":mod", ":time", ":location", ":domain", ":part", ":unit", ":quant", ":degree",
         ":source")  # fmt: skip
PRONOUNS = frozenset(
    ("i", "you", "he", "she", "it", "we", "they", "one", "this", "that")
)


def merged(
    graphs: Sequence[Amr],
    clusters: Iterable[Sequence[Spot]] = (),
    *,
    names: bool = True,
) -> DocumentGraph:
    """The document's graph.

    clusters: words that name the same thing, of a coreference; names: whether named
    entities merge by their names.
    """
    merger = Merger(graphs)
    if names:
        merger.merge_names()
    for cluster in clusters:
        merger.merge_cluster(cluster)
    return merger.graph()


class Merger:
    """Nodes and edges that change. Numbers stay those of the first mention."""

    def __init__(self, graphs: Sequence[Amr]):
        self.nodes: dict[int, Node] = {}
        self.out: dict[int, dict[tuple[str, int], set[int]]] = {}
        self.into: dict[int, set[tuple[int, str]]] = {}
        self.tops: list[int] = []
        self.at: dict[Spot, list[int]] = defaultdict(list)
        self.now: dict[int, int] = {}  # {a merged node: the node that it is part of}
        same: dict[str, list[int]] = {}
        for sentence, amr in enumerate(graphs):
            self._add(amr, sentence, same)

    def _add(self, amr: Amr, sentence: int, same: dict[str, list[int]]) -> None:
        """A sentence that has been said before adds its number and words alone."""
        nodes, edges = sentence_nodes(amr, sentence)
        said = write(dataclasses.replace(amr, tokens={}))
        known = same.get(said)
        numbers = {}
        for place, (var, node) in enumerate(nodes.items()):
            number = known[place] if known else len(self.now)
            numbers[var] = number
            if known:
                self.nodes[number] = _united(self.nodes[number], node)
            else:
                self.now[number] = number
                self.nodes[number] = node
                self.out[number] = {}
                self.into[number] = set()
            for spot in node.spots:
                self.at[spot].append(number)
        same.setdefault(said, list(numbers.values()))
        for edge in edges:
            self._link(
                numbers[edge.source], edge.role, numbers[edge.target], {sentence}
            )
        self.tops.append(numbers[amr.top])

    def _link(self, source: int, role: str, target: int, sentences: set[int]) -> None:
        self.out[source].setdefault((role, target), set()).update(sentences)
        self.into[target].add((source, role))

    def current(self, number: int) -> int:
        while self.now[number] != number:
            number = self.now[number]
        return number

    def merge_names(self) -> None:
        """Each name joins the first of its kind that it fits."""
        by_word: dict[tuple[str, str], list[int]] = defaultdict(list)
        initials: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, node in list(self.nodes.items()):
            if not node.name or number not in self.nodes:
                continue
            low = [word.lower() for word in node.name]
            keys = [(node.concept, word) for word in low]
            short = (node.concept, "".join(word[0] for word in low if word))
            near = [n for key in keys for n in by_word[key]]
            near += (
                initials[node.concept, low[0].replace(".", "")] if len(low) == 1 else []
            )
            near += by_word[short] if len(low) > 1 else []
            for other in sorted({self.current(n) for n in near}):
                fits = same_name(self.nodes[other].name, node.name)
                if fits and self.merge(other, number):
                    break
            for key in keys:
                by_word[key].append(number)
            initials[short].append(number)

    def merge_cluster(self, cluster: Sequence[Spot]) -> None:
        """Every mention's node joins the first one's."""
        nodes = [
            self.current(self._node(spot))
            for spot in sorted(cluster)
            if spot in self.at
        ]
        nodes = list(dict.fromkeys(nodes))
        for number in nodes[1:]:
            self.merge(self.current(nodes[0]), self.current(number))

    def _node(self, spot: Spot) -> int:
        """Of several nodes of a word the one that stands highest: it is made first."""
        return min(self.at[spot])

    def refused(self, one: int, other: int) -> bool:
        """Whether two nodes must stay apart: dates, names that do not fit, one above
        the other, or the same argument with different concepts."""
        a = self.nodes[one]
        b = self.nodes[other]
        if one == other or "date-entity" in (a.concept, b.concept):
            return True
        if a.name and b.name and not same_name(a.name, b.name):
            return True
        arguments = {role: t for role, t in self.out[one] if role.startswith(":ARG")}
        for role, target in self.out[other]:
            own = arguments.get(role)
            if own is not None and self.nodes[own].label != self.nodes[target].label:
                return True
        return self.above(one, other) or self.above(other, one)

    def above(self, one: int, other: int) -> bool:
        """Whether forward edges lead from `one` to `other`. Both are searched from in
        turns, edge by edge: a new mention has a few nodes on one side, and what is said
        in a thousand sentences leads nearly everywhere."""
        forward = reached(one, lambda n: (target for _, target in self.out[n]))
        backward = reached(other, lambda n: (source for source, _ in self.into[n]))
        for below, over in zip(forward, backward, strict=False):
            if below == other or over == one:
                return True
        return False

    def merge(self, one: int, other: int) -> bool:
        """`other` becomes part of `one`; False: they are refused."""
        if self.refused(one, other):
            return False
        self._unite(one, other)
        return True

    def _unite(self, one: int, other: int) -> None:
        self.nodes[one] = _united(self.nodes[one], self.nodes.pop(other))
        self.now[other] = one
        for source, role in sorted(self.into.pop(other)):
            sentences = self.out[source].pop((role, other))
            if source != one:
                self._link(source, role, one, sentences)
        for (role, target), sentences in self.out.pop(other).items():
            self.into[target].discard((other, role))
            if _kept(role) and target != one:
                self._link(one, role, target, sentences)
        self._unite_children(one)

    def _unite_children(self, number: int) -> None:
        """Children that are equal and have no children of their own become one."""
        first: dict[tuple[str, str], int] = {}
        for role, target in sorted(self.out[number], key=lambda key: (key[1], key[0])):
            if self.out[target] or target not in self.nodes:
                continue
            key = (role, self.nodes[target].label)
            if first.setdefault(key, target) != target:
                self._unite(first[key], target)

    def graph(self) -> DocumentGraph:
        """What is connected to the top of each sentence."""
        inside: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for source, edges in self.out.items():
            for (_, target), sentences in edges.items():
                for sentence in sentences:
                    inside[sentence][source].append(target)
                    inside[sentence][target].append(source)
        member: dict[int, set[int]] = defaultdict(set)
        tops = tuple(map(self.current, self.tops))
        for sentence, top in enumerate(tops):
            todo = [top]
            member[top].add(sentence)
            while todo:
                for other in inside[sentence][todo.pop()]:
                    if sentence not in member[other]:
                        member[other].add(sentence)
                        todo.append(other)
        nodes = {
            number: dataclasses.replace(
                node,
                sentences=frozenset(member[number]),
                spots=frozenset(s for s in node.spots if s.sentence in member[number]),
            )
            for number, node in sorted(self.nodes.items())
            if member[number]
        }
        links = {}
        for source, edges in sorted(self.out.items()):
            for (role, target), sentences in edges.items():
                both = sentences & member[source] & member[target]
                if both:
                    links[Link(source, role, target)] = frozenset(both)
        return DocumentGraph(nodes, links, tops)


def reached(start: int, beside: Callable[[int], Iterable[int]]) -> Iterator[int]:
    """Yields the end of every edge that leads on from `start`."""
    seen = {start}
    todo = [start]
    while todo:
        for other in beside(todo.pop()):
            yield other
            if other not in seen:
                seen.add(other)
                todo.append(other)


def _kept(role: str) -> bool:
    return role in _KEPT or role.startswith((":ARG", ":op", ":snt"))


def _united(one: Node, other: Node) -> Node:
    """The longer name, the first concept that is no pronoun, all words."""
    pronoun = one.concept in PRONOUNS and not one.name
    named = other if len(other.name) > len(one.name) else one
    concept = other.concept if pronoun or (other.name and not one.name) else one.concept
    roles = {role for role, _ in one.attributes}
    added = tuple(a for a in other.attributes if a[0] not in roles)
    return Node(
        concept,
        named.name,
        one.attributes + added,
        one.sentences | other.sentences,
        one.spots | other.spots,
    )
