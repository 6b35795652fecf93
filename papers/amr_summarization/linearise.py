"""Graphs as sequences of pieces.

After van Noord and Bos, "Neural Semantic Parsing by Character-based Translation", 2017:
variables are removed, and a node that several edges enter is written at each of them,
its children at the first. Here a node that stands for a word is a pointer to the word,
so that `delinearise` knows which nodes are one.
"""

from collections.abc import Callable, Sequence

from penman.models.amr import model

from papers.amr_summarization import pieces
from papers.amr_summarization.amr import Amr, Edge
from papers.amr_summarization.pieces import (
    CLOSE,
    CONCEPT,
    CONSTANT,
    LITERAL,
    OPEN,
    STRING,
    unquoted,
)

Known = Callable[[str], bool]  # whether a piece may be written


def linearise(
    amr: Amr, words: Sequence[str], known: Known = lambda piece: True
) -> list[str]:
    """The graph's pieces; its pointers name `words`.

    A concept is written as a form of a word that its node is aligned to, or else by its
    name. A constant is a word near its variable's words, or else its value. Where
    neither is `known`, the piece is one that is not. An edge is written backwards only
    where no path of forward ones leads from the top to its source.
    """
    return Writer(amr, words, known).node(amr.top, top=True)


class Writer:
    """Writes one graph. `owners` are the variables of the concepts and constants that
    were written, in their order."""

    def __init__(self, amr: Amr, words: Sequence[str], known: Known):
        self.amr = amr
        self.words = words
        self.known = known
        self.written: set[str] = set()
        self.entered: dict[str, list[Edge]] = {var: [] for var in amr.instances}
        self.left: dict[str, list[Edge]] = {var: [] for var in amr.instances}
        for edge in amr.edges:
            self.left[edge.source].append(edge)
            self.entered[edge.target].append(edge)
        self.seen: set[Edge] = set()
        self.owners: list[str] = []
        self.below_top = {amr.top: None}
        for var in (todo := [amr.top]):
            new = [e.target for e in self.left[var] if e.target not in self.below_top]
            self.below_top |= dict.fromkeys(new)
            todo += dict.fromkeys(new)

    def node(self, var: str, top: bool = False) -> list[str]:
        label = self.label(var)
        if var in self.written:
            name = self.name(var) if len(label) == 1 else []
            return [OPEN, *label, *name, CLOSE] if name else label
        self.written.add(var)
        children = self.constants(var)
        for edge in self.left[var]:
            children += self.child(edge, edge.role, edge.target)
        for edge in self.entered[var]:
            if edge.source not in self.below_top:
                role = model.invert_role(edge.role)
                children += self.child(edge, role, edge.source)
        found = [*label, *children]
        return [OPEN, *found, CLOSE] if children and not top else found

    def child(self, edge: Edge, role: str, var: str) -> list[str]:
        if edge in self.seen:
            return []
        self.seen.add(edge)
        return [role, *self.node(var)]

    def name(self, var: str) -> list[str]:
        """The node's name once more, by which reading back knows it."""
        for edge in self.left[var]:
            if edge.role == ":name":
                label = self.label(edge.target)
                return [":name", OPEN, *label, *self.constants(edge.target), CLOSE]
        return []

    def label(self, var: str) -> list[str]:
        self.owners.append(var)
        concept = self.amr.instances[var]
        if concept == "name":
            return [CONCEPT + concept]
        aligned = [i for i in self.amr.tokens.get(var, ()) if i < len(self.words)]
        for i in aligned:
            form = pieces.form(self.words[i], concept)
            if form is not None and (not form or self.known(form)):
                return [pieces.pointer(i), form] if form else [pieces.pointer(i)]
        named = CONCEPT + concept
        if aligned and self.known(named):
            return [pieces.pointer(aligned[0]), named]
        return [named]

    def constants(self, var: str) -> list[str]:
        found = []
        for attribute in self.amr.attributes:
            if attribute.var == var:
                found += [attribute.role, *self.value(var, attribute.value)]
        return found

    def value(self, var: str, value: str) -> list[str]:
        self.owners.append(var)
        plain = unquoted(value)
        places = [i for i, word in enumerate(self.words) if word == plain]
        # "-" and "1" are symbols that no word stands for, unless they are in quotes.
        if not places or (self.known(CONSTANT + value) and plain == value):
            return [CONSTANT + value]
        near = self.amr.tokens.get(var, ()) or (0,)
        place = min(places, key=lambda i: min(abs(i - j) for j in near))
        return [pieces.pointer(place), LITERAL if plain == value else STRING]
