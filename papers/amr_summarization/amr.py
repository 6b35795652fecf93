"""Abstract Meaning Representation: a sentence's graph, read and written as PENMAN.

Banarescu et al., "Abstract Meaning Representation for Sembanking", 2013. Inside, every
role is a forward one: `(b / boy :ARG0-of (s / sing-01))` is the edge (s, ":ARG0", b).
"""

import dataclasses
import logging
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import penman
from penman.codec import PENMANCodec
from penman.models.amr import model

from common.contract import UserError

DEEPEST = 300  # brackets within each other; PENMAN's reader ends near 500

_CODEC = PENMANCodec(model=model)
_VARIABLE = re.compile(r"[a-z]\d*")  # no constant of AMR is called so
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# A string, or a value with a colon, such as 16:30, which PENMAN wants in quotes.
_STRING_OR_COLON = re.compile(
    _STRING.pattern + r'|(?<=\s)[^\s:()"/~][^\s()"~]*:[^\s()"~]+'
)
logging.getLogger("penman").setLevel(logging.ERROR)  # what it warns of is refused here


class Edge(NamedTuple):
    """A relation of two variables, such as ("s", ":ARG0", "b")."""

    source: str
    role: str
    target: str


class Attribute(NamedTuple):
    """A constant of a variable, such as ("n", ":op1", '"Obama"') with its quotes."""

    var: str
    role: str
    value: str


@dataclasses.dataclass(frozen=True)
class Amr:
    """A graph. Two are equal if they have the same variables in the same order."""

    top: str
    instances: dict[str, str]  # {variable: concept}
    edges: tuple[Edge, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    tokens: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)

    def children(self, var: str) -> list[Edge]:
        """The edges that leave a variable."""
        return [edge for edge in self.edges if edge.source == var]

    def reachable(self) -> list[str]:
        """The variables connected to the top, along edges in either direction."""
        beside: dict[str, list[str]] = {var: [] for var in self.instances}
        for edge in self.edges:
            beside[edge.source].append(edge.target)
            beside[edge.target].append(edge.source)
        found = {self.top: None}
        for var in (todo := [self.top]):
            new = [other for other in beside[var] if other not in found]
            found |= dict.fromkeys(new)
            todo += dict.fromkeys(new)
        return list(found)

    def triples(self) -> list[tuple[str, str, str]]:
        """Concepts, attributes and edges, in an order that is easily read."""
        of_var: dict[str, list[tuple[str, str, str]]] = {
            var: [(var, ":instance", concept)]
            for var, concept in self.instances.items()
        }
        for triple in (*self.attributes, *self.edges):
            of_var[triple[0]].append(tuple(triple))
        return [triple for own in of_var.values() for triple in own]


def check(amr: Amr) -> None:
    """UserError: an end of an edge has no concept, or the graph is in several parts."""
    known = amr.instances
    for var in (amr.top, *(v for e in amr.edges for v in (e.source, e.target))):
        if var not in known:
            raise UserError(f"variable {var} has no concept: write ({var} / concept)")
    reached = set(amr.reachable())
    apart = [var for var in known if var not in reached]
    if apart:
        part = f"{apart[0]} / {known[apart[0]]}"
        raise UserError(f"({part}) is not connected to the top of its graph, {amr.top}")


def read(text: str) -> Amr:
    """One graph of PENMAN; lines that begin with # are skipped. Alignments such as ~e.4
    become `tokens`, those of constants their variable's; a value with a colon, such as
    16:30, becomes a string. UserError: brackets do not
    balance, a concept or a value is missing, a variable has two concepts."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    text = _STRING_OR_COLON.sub(_as_string, "\n".join(lines))
    _check_brackets(text)
    try:
        graph = _CODEC.decode(text)
    except penman.DecodeError as error:
        raise UserError(f"{shown(text)} is no graph: {_reason(error)}") from None
    return _of_penman(graph, text)


def _as_string(found: re.Match) -> str:
    return found[0] if found[0].startswith('"') else f'"{found[0]}"'


def _check_brackets(text: str) -> None:
    """Brackets outside of strings."""
    depth = deepest = 0
    bare = _STRING.sub(lambda string: " " * len(string[0]), text).rstrip()
    for place, letter in enumerate(bare):
        depth += (letter == "(") - (letter == ")")
        deepest = max(depth, deepest)
        if letter == ")" and depth <= 0 and place < len(bare) - 1:
            raise UserError(f"{shown(text)}: a graph ends before the text does")
    if depth > 0:
        raise UserError(f"{shown(text)}: {depth} of its brackets are not closed")
    if deepest > DEEPEST:
        raise UserError(
            f"{shown(text)}: its brackets are {deepest} deep, which no sentence's are: "
            f"at most {DEEPEST} can be read"
        )


def shown(text: str) -> str:
    """The beginning of a text in one line."""
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= 60 else flat[:57] + "...")


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].removeprefix("DecodeError: ").lower()


def _of_penman(graph: penman.Graph, text: str) -> Amr:
    instances: dict[str, str] = {}
    for var, _, concept in graph.instances():
        if not concept:
            raise UserError(f"{shown(text)}: variable {var} has no concept")
        if instances.setdefault(var, concept) != concept:
            both = f"{instances[var]} and {concept}"
            raise UserError(f"{shown(text)}: variable {var} has two concepts, {both}")
    edges = tuple(Edge(*edge) for edge in dict.fromkeys(graph.edges()))
    attributes = tuple(Attribute(*a) for a in dict.fromkeys(graph.attributes()))
    for var, role, value in attributes:
        if value is None or (value.count('"') and not _quoted(value)):
            raise UserError(f"{shown(text)}: {role} of {var} has no value, or half one")
        if role.startswith(":ARG") and _VARIABLE.fullmatch(value):
            raise UserError(f"{shown(text)}: variable {value} has no concept")
    amr = Amr(graph.top, instances, edges, attributes, _tokens(graph))
    check(amr)
    return amr


def _quoted(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] == '"'


def _tokens(graph: penman.Graph) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for (var, role, _), aligned in penman.surface.alignments(graph).items():
        del role
        found.setdefault(var, set()).update(aligned.indices)
    return {var: tuple(sorted(indices)) for var, indices in found.items()}


def write(
    amr: Amr, *, aligned: bool = False, metadata: Mapping[str, str] | None = None
) -> str:
    """PENMAN, which `read` reads back. UserError: as of `check`.

    aligned: write tokens as ~e.4 behind concepts. metadata: lines `# ::key value`.
    """
    check(amr)
    data = {}
    if aligned:
        for var, indices in amr.tokens.items():
            triple = (var, ":instance", amr.instances[var])
            data[triple] = [penman.surface.Alignment(indices, prefix="e.")]
    flat = {key: " ".join(value.split()) for key, value in (metadata or {}).items()}
    graph = penman.Graph(amr.triples(), top=amr.top, epidata=data, metadata=flat)
    return _CODEC.encode(graph, indent=4)


class Block(NamedTuple):
    """A graph's text in a file, and the `# ::key value` lines above it."""

    text: str
    metadata: dict[str, str]
    line: int  # of the file, from 1


def blocks(text: str) -> Iterator[Block]:
    """The graphs of a file, parted by blank lines, unread: one that is broken leaves
    the others as they are."""
    own: list[str] = []
    start = 1
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if line.strip():
            start = start if own else number
            own.append(line)
        elif own:
            graph = [each for each in own if not each.lstrip().startswith("#")]
            if graph:
                yield Block("\n".join(graph), dict(_metadata(own)), start)
            own = []


def _metadata(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Two keys may stand in one line: `# ::id a.1 ::snt-type body`."""
    for line in lines:
        if line.lstrip().startswith("#"):
            for part in f" {line.lstrip()[1:]}".split(" ::")[1:]:
                key, _, value = part.strip().partition(" ")
                yield key, value.strip()
