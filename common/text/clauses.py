"""The clauses of a sentence that is being read, and the tree that grows from them."""

import dataclasses
from collections.abc import Sequence
from dataclasses import field

from common.text.chunks import Chunk, inner_heads
from common.text.parses import ROOT, Parsed

_FINITE = frozenset(("VBD", "VBZ", "VBP", "MD"))


@dataclasses.dataclass
class Clause:
    """A clause that is being read."""

    verb: int | None = None  # its predicate
    subject: int | None = None  # a noun that waits for it
    copula: list[int] = field(default_factory=list)  # "be", which waits for its noun
    marks: list[tuple[int, str]] = field(default_factory=list)  # "because", "that"
    fronted: list[tuple[int, str]] = field(default_factory=list)  # before the verb
    link: tuple[int, str] | None = None  # what the predicate hangs on; None: unknown
    first: bool = False  # it stands before the clause that it belongs to


class Clauses:
    """Heads and arcs of a sentence's words, and the clauses that are open."""

    def __init__(
        self, words: Sequence[str], tags: Sequence[str], chunks: Sequence[Chunk]
    ) -> None:
        self.words = tuple(words)
        self.tags = tuple(tags)
        self.chunks = chunks
        self.heads: list[int | None] = [None] * len(words)
        self.arcs = [""] * len(words)
        self.open = [Clause()]
        self.root: int | None = None
        self.noun: int | None = None  # the last one
        self.listed: int | None = None  # the first of "A, B and C"
        self.case: int | None = None  # a preposition that waits for its noun
        self.both: int | None = None  # "and" that waits for what it joins
        self.comma = False  # since the last chunk
        for word, head, arc in inner_heads(self.words, self.tags, chunks):
            self.hang(word, head, arc)

    @property
    def clause(self) -> Clause:
        return self.open[-1]

    def hang(self, word: int, head: int | None, arc: str) -> None:
        if head is not None and word != head and self.heads[word] is None:
            self.heads[word] = head
            self.arcs[word] = arc

    def above(self) -> int | None:
        verb = self.clause.verb
        return verb if verb is not None else self.noun

    def join(self, head: int, first: int | None) -> None:
        """`head` is joined to `first` by the "and" that waits."""
        if first is None:
            return
        self.hang(self.both, head, "cc")
        self.hang(head, first, "conj")
        self.both = None

    def mark(self, word: int, arc: str, link: str) -> None:
        """A word that begins a clause within this one, or before it."""
        above = self.above()
        if self.clause.verb is None and self.clause.subject is None:
            new = Clause(link=None, first=link == "advcl")
        else:
            new = Clause(link=(above, link))
        new.marks.append((word, arc))
        self.open.append(new)

    def leave_or_open(self, chunk: Chunk) -> None:
        """A finite verb ends the clauses within; with none that waits for a verb, it
        begins a clause beside this one."""
        waiting = [
            i
            for i, c in enumerate(self.open)
            if c.verb is None and c.subject is not None
        ]
        if waiting:
            del self.open[waiting[-1] + 1 :]
            return
        if self.both is not None:
            while (
                len(self.open) > 1 and self.tags[self.clause.verb or 0] not in _FINITE
            ):
                self.open.pop()
            first = self.clause.verb
            mark = self.both
            self.both = None
            self.open.append(Clause(link=(first, "conj"), marks=[(mark, "cc")]))
        else:
            arc = "parataxis" if self.comma else "ccomp"
            self.open.append(Clause(link=(self.clause.verb, arc)))

    def predicate(self, head: int, kind: str) -> None:
        """`head` is what the clause says of its subject."""
        clause = self.clause
        passive = kind == "passive"
        for word in clause.copula:
            self.hang(word, head, "cop")
        clause.copula = []
        if clause.subject is not None:
            self.hang(clause.subject, head, "nsubj:pass" if passive else "nsubj")
        for word, arc in (*clause.fronted, *clause.marks):
            self.hang(word, head, arc)
        clause.fronted = []
        clause.marks = []
        clause.subject = None
        clause.verb = head
        if clause.link is not None:
            self.hang(head, *clause.link)
        elif clause.first:
            self.open[0].fronted.append((head, "advcl"))
        elif self.root is None:
            self.root = head

    def finish(self) -> Parsed:
        """The tree; words that hang on nothing hang on the root."""
        if self.root is None:
            free = [i for i, head in enumerate(self.heads) if head is None]
            nouns = [c.head for c in self.chunks if c.kind in ("noun", "verb")]
            self.root = next((i for i in (*nouns, *free) if i in free), 0)
        self.heads[self.root] = ROOT
        self.arcs[self.root] = "root"
        for i, head in enumerate(self.heads):
            if head is None:
                self.heads[i] = self.root
                sign = not any(letter.isalnum() for letter in self.words[i])
                self.arcs[i] = "punct" if sign else "dep"
        self._break_circles()
        return Parsed(self.words, self.tags, tuple(self.heads), tuple(self.arcs))

    def _break_circles(self) -> None:
        for i in range(len(self.heads)):
            seen = {i}
            at = self.heads[i]
            while at != ROOT and at not in seen:
                seen.add(at)
                at = self.heads[at]
            if at != ROOT:
                self.heads[i] = self.root
