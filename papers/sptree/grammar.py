"""A small dependency grammar: templates of clauses, put together into exact trees.

A template is a line of words in their order, each `word/TAG/arc/head`. The head is
another word of the template, or the template's root where it is left out; the root has
neither arc nor head. `{film}/arc/head` is a slot: a phrase takes its place. Of a
word that stands twice, the second is `the#2/...`.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import field

from common.text.parses import ROOT, Parsed


@dataclasses.dataclass
class Node:
    """A word with all that hangs on it, before and after it, in order."""

    word: str
    tag: str
    arc: str = "root"
    before: list["Node"] = field(default_factory=list)
    after: list["Node"] = field(default_factory=list)
    entity: int = -1  # the number of the entity whose last word it is; -1: none
    slot: str = ""  # which slot of a template it fills

    def ordered(self) -> Iterator["Node"]:
        """This word and all below it, in the order of the sentence."""
        for node in self.before:
            yield from node.ordered()
        yield self
        for node in self.after:
            yield from node.ordered()

    def below(self, slot: str) -> "Node | None":
        """The child that fills `slot`; None: it hangs elsewhere, or is not there."""
        children = (*self.before, *self.after)
        return next((node for node in children if node.slot == slot), None)

    def remove(self, child: "Node") -> None:
        side = self.before if any(n is child for n in self.before) else self.after
        side[:] = [node for node in side if node is not child]


def read(template: str, phrases: Mapping[str, Node]) -> Node:
    """The root of the tree of a template, with `phrases` in its slots."""
    parts = [part.split("/") for part in template.split()]
    nodes: dict[str, Node] = {}
    heads: dict[str, str] = {}
    root = ""
    for part in parts:
        name = part[0]
        if name.startswith("{"):
            node = phrases[name[1:-1]]
            node.slot = name[1:-1]
            rest = part[1:]
        else:
            node = Node(name.partition("#")[0], part[1])
            rest = part[2:]
        if name in nodes:
            raise ValueError(f"{name!r} stands twice in {template!r}")
        nodes[name] = node
        if rest:
            node.arc = rest[0]
            heads[name] = rest[1] if len(rest) > 1 else ""
        else:
            root = name
    _attach(nodes, heads, root)
    return nodes[root]


def _attach(nodes: dict[str, Node], heads: dict[str, str], root: str) -> None:
    order = list(nodes)
    first: dict[str, list[Node]] = {name: [] for name in order}
    for i, name in enumerate(order):
        if name != root:
            head = heads[name] or root
            if i < order.index(head):
                first[head].append(nodes[name])
            else:
                nodes[head].after.append(nodes[name])
    for name, children in first.items():
        # What the template puts before a phrase stands before all of it.
        nodes[name].before[:0] = children


def sign(text: str) -> Node:
    return Node(text, text if text in ",." else "``" if text == "``" else "''", "punct")


def insert(noun: Node, modifier: Node, commas: bool = True) -> None:
    """Hangs a clause or an apposition on a noun, between commas."""
    if commas:
        modifier.before.insert(0, sign(","))
        modifier.after.append(sign(","))
    noun.after.append(modifier)


def relative(clause: Node, slot: str, pronoun: Node) -> None:
    """Makes a clause relative: `pronoun` replaces the phrase of `slot`, which hangs on
    the clause's root, and moves to the front with its preposition."""
    phrase = clause.below(slot)
    pronoun.arc = phrase.arc
    pronoun.before = [node for node in phrase.before if node.arc == "case"]
    clause.remove(phrase)
    clause.before.insert(0, pronoun)
    clause.arc = "acl:relcl"


def join(first: Node, second: Node, comma: bool = False) -> None:
    """Hangs `second` on `first` with "and"."""
    second.arc = "conj"
    second.before[:0] = [sign(",")] * comma + [Node("and", "CC", "cc")]
    first.after.append(second)


def parsed(root: Node) -> tuple[Parsed, dict[int, tuple[int, int]]]:
    """The sentence, and {entity: its words [start, end)}.

    The first of two signs that meet is left out, and a comma before the first word.
    """
    nodes = _without_double_signs(list(root.ordered()))
    place = {id(node): i for i, node in enumerate(nodes)}
    heads = [ROOT] * len(nodes)
    for node in nodes:
        for child in (*node.before, *node.after):
            if id(child) in place:
                heads[place[id(child)]] = place[id(node)]
    words = [node.word for node in nodes]
    words[0] = words[0][0].upper() + words[0][1:]
    spans = {
        node.entity: (i - sum(n.arc == "compound:name" for n in node.before), i + 1)
        for i, node in enumerate(nodes)
        if node.entity >= 0
    }
    arcs = tuple(node.arc.removesuffix(":name") for node in nodes)
    tags = tuple(node.tag for node in nodes)
    return Parsed(tuple(words), tags, tuple(heads), arcs), spans


def _without_double_signs(nodes: list[Node]) -> list[Node]:
    kept: list[Node] = []
    for node in nodes:
        if node.word in ",." and kept and kept[-1].word == ",":
            kept.pop()
        if kept or node.word != ",":
            kept.append(node)
    return kept
