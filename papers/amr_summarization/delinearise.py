"""Graphs from sequences of pieces, which a network wrote and which may be anything."""

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence

from penman.models.amr import model

from papers.amr_summarization import pieces
from papers.amr_summarization.amr import Amr, Attribute, Edge
from papers.amr_summarization.pieces import (
    CLOSE,
    CONCEPT,
    CONSTANT,
    LITERAL,
    OPEN,
    STRING,
    quoted,
    unquoted,
)

EMPTY = "amr-empty"  # the concept of a graph of which nothing could be read
_ROLE = re.compile(r":[A-Za-z][A-Za-z0-9-]*")


@dataclasses.dataclass
class Reading:
    """A graph that was read from pieces, and what was repaired: {what: how often}."""

    amr: Amr
    repairs: Counter


def delinearise(sequence: Sequence[str], words: Sequence[str]) -> Reading:
    """The graph of any sequence of pieces, always well-formed.

    Brackets are balanced, roles without a value dropped, pieces in a wrong place
    skipped; variables are made anew; nodes of one word and concept, or of one name, are
    merged.
    """
    reader = _Reader(words)
    for piece in sequence:
        reader.read(piece)
    amr = reader.finish()
    return Reading(_merged_names(amr, reader.repairs), reader.repairs)


class _Reader:
    def __init__(self, words: Sequence[str]):
        self.words = words
        self.repairs: Counter = Counter()
        self.instances: dict[str, str] = {}
        self.tokens: dict[str, tuple[int, ...]] = {}
        self.edges: list[Edge] = []
        self.attributes: list[Attribute] = []
        self.of_word: dict[tuple[int, str], str] = {}
        self.parents: list[str] = []  # the open nodes
        self.role = ""  # waits for its value
        self.opened = False  # a bracket waits for its label
        self.item: int | None = None  # a pointer waits for its form

    def read(self, piece: str) -> None:
        if self.item is not None:
            item, self.item = self.item, None
            if pieces.is_form(piece) or piece.startswith(CONCEPT):
                self.pointer(item, piece)
                return
            self.pointer(item, "")
        item = pieces.pointed(piece)
        if item is not None and item < len(self.words):
            self.item = item
        elif piece == OPEN:
            self.open()
        elif piece == CLOSE:
            self.close()
        elif _ROLE.fullmatch(piece):
            self.enter(piece)
        elif piece.startswith(CONCEPT) and piece != CONCEPT:
            self.node(piece[len(CONCEPT) :], None)
        elif piece.startswith(CONSTANT) and piece != CONSTANT:
            self.constant(piece[len(CONSTANT) :])
        else:
            self.repairs["piece that belongs nowhere"] += 1

    def pointer(self, item: int, form: str) -> None:
        word = self.words[item]
        if form == STRING:
            self.constant(quoted(word))
        elif form == LITERAL:
            self.constant(word if re.fullmatch(r"[\w.,+-]+", word) else quoted(word))
        elif form.startswith(CONCEPT):
            self.node(form[len(CONCEPT) :], item)
        else:
            self.node(pieces.formed(word, form), item)

    def open(self) -> None:
        if self.role and not self.opened:
            self.opened = True
        else:
            self.repairs["bracket without a role"] += 1

    def close(self) -> None:
        self.drop_role()
        if len(self.parents) > 1:
            self.parents.pop()
        else:
            self.repairs["bracket too many"] += 1

    def enter(self, role: str) -> None:
        self.drop_role()
        if self.parents:
            self.role = role
        else:
            self.repairs["role before the top"] += 1

    def drop_role(self) -> None:
        if self.role:
            self.repairs["role without a value"] += 1
        self.role = ""
        self.opened = False

    def constant(self, value: str) -> None:
        if not self.role:
            self.repairs["constant without a role"] += 1
            return
        if self.opened:
            self.repairs["constant in brackets"] += 1
        if model.is_role_inverted(self.role):
            self.repairs["constant under an inverse role"] += 1
        else:
            attribute = Attribute(self.parents[-1], self.role, _constant(value))
            self.attributes.append(attribute)
        self.role = ""
        self.opened = False

    def node(self, concept: str, item: int | None) -> None:
        if self.parents and not self.role:
            self.repairs["node without a role"] += 1
            return
        var = self.variable(_symbol(concept), item)
        if self.role:
            self.edge(self.parents[-1], self.role, var)
        if self.opened or not self.parents:
            self.parents.append(var)
        self.role = ""
        self.opened = False

    def edge(self, source: str, role: str, target: str) -> None:
        if model.is_role_inverted(role):
            source, role, target = target, model.invert_role(role), source
        if source == target:
            self.repairs["edge from a node to itself"] += 1
        else:
            self.edges.append(Edge(source, role, target))

    def variable(self, concept: str, item: int | None) -> str:
        if item is not None and (item, concept) in self.of_word:
            return self.of_word[item, concept]
        letter = concept[0].lower() if concept[0].isascii() else "x"
        letter = letter if letter.isalpha() else "x"
        count = sum(var[0] == letter for var in self.instances) + 1
        var = letter if count == 1 else f"{letter}{count}"
        self.instances[var] = concept
        if item is not None:
            self.of_word[item, concept] = var
            self.tokens[var] = (item,)
        return var

    def finish(self) -> Amr:
        if self.item is not None:
            self.pointer(self.item, "")
        self.drop_role()
        if len(self.parents) > 1:
            self.repairs["bracket that is not closed"] += len(self.parents) - 1
        if not self.parents:
            self.repairs["nothing that could be read"] += 1
            return Amr("a", {"a": EMPTY})
        return Amr(
            self.parents[0],
            self.instances,
            tuple(dict.fromkeys(self.edges)),
            tuple(dict.fromkeys(self.attributes)),
            self.tokens,
        )


def _symbol(concept: str) -> str:
    """A concept that PENMAN can hold."""
    return re.sub(r'[\s()"/:~#\\]+', "_", concept) or "_"


def _constant(value: str) -> str:
    """A constant that PENMAN can hold: in quotes, where it is not plain."""
    plain = re.fullmatch(r'"(?:[^"\\]|\\.)*"|[\w.,+-]+', value)
    return value if plain else quoted(unquoted(value))


def _merged_names(amr: Amr, repairs: Counter) -> Amr:
    """The graph whose named entities of one concept and name are one node."""
    name_of = {e.target: e.source for e in amr.edges if e.role == ":name"}
    values: dict[str, list] = {}
    for attribute in amr.attributes:
        values.setdefault(attribute.var, []).append((attribute.role, attribute.value))
    first: dict[tuple, str] = {}
    same: dict[str, str] = {}
    for name, owner in name_of.items():
        key = (amr.instances[owner], tuple(sorted(values.get(name, []))))
        if key[1] and first.setdefault(key, owner) != owner:
            same[owner] = first[key]
            kept = next(e.target for e in amr.edges if e[:2] == (first[key], ":name"))
            same[name] = kept
            repairs["name that stood twice"] += 1
    return renamed(amr, same) if same else amr


def renamed(amr: Amr, same: dict[str, str]) -> Amr:
    """The graph in which the keys of `same` are the nodes that they name. An edge from
    a node to itself that comes of it is dropped."""

    def of(var: str) -> str:
        while var in same and same[var] != var:
            var = same[var]
        return var

    edges = [Edge(of(s), role, of(t)) for s, role, t in amr.edges]
    attributes = [Attribute(of(var), *rest) for var, *rest in amr.attributes]
    tokens: dict[str, tuple[int, ...]] = {}
    for var, places in amr.tokens.items():
        tokens[of(var)] = tuple(sorted({*tokens.get(of(var), ()), *places}))
    return Amr(
        of(amr.top),
        {v: c for v, c in amr.instances.items() if of(v) == v},
        tuple(dict.fromkeys(e for e in edges if e.source != e.target)),
        tuple(dict.fromkeys(attributes)),
        tokens,
    )
