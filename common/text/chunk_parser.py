"""Dependency trees by rules over tags: chunks of nouns and verbs, read left to right.

A parser for where no trained one is installed. A noun before a verb is its subject, one
after it its object; "of" leads to the noun before it, other prepositions to the verb; a
relative pronoun opens a clause. Its relations have the names of Universal Dependencies.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import field

from common.text import tagging
from common.text.chunks import Chunk, chunks, inner_heads
from common.text.parses import ROOT, Parsed

_RELATIVE = frozenset(("which", "who", "whom", "whose", "that", "where"))
_FINITE = frozenset(("VBD", "VBZ", "VBP", "MD"))


def parse(words: Sequence[str], tags: Sequence[str] | None = None) -> Parsed:
    """The tree of a sentence; `tags` are Penn's, those of `tagging` if not given."""
    tags = tuple(tags) if tags is not None else tagging.tags(words)
    return _Reader(tuple(words), tags).parsed()


@dataclasses.dataclass
class _Clause:
    """A clause that is being read."""

    verb: int | None = None  # its predicate
    subject: int | None = None  # a noun that waits for it
    copula: list[int] = field(default_factory=list)  # "be", which waits for its noun
    marks: list[tuple[int, str]] = field(default_factory=list)  # "because", "that"
    fronted: list[tuple[int, str]] = field(default_factory=list)  # before the verb
    link: tuple[int, str] | None = None  # what the predicate hangs on; None: unknown


class _Reader:
    def __init__(self, words: tuple[str, ...], tags: tuple[str, ...]) -> None:
        self.words = words
        self.tags = tags
        self.chunks = chunks(words, tags)
        self.heads: list[int | None] = [None] * len(words)
        self.arcs = [""] * len(words)
        self.open = [_Clause()]
        self.root: int | None = None
        self.noun: int | None = None  # the last one
        self.case: int | None = None  # a preposition that waits for its noun
        self.both: int | None = None  # "and" that waits for what it joins
        self.comma = False  # since the last chunk

    def parsed(self) -> Parsed:
        for word, head, arc in inner_heads(self.words, self.tags, self.chunks):
            self._hang(word, head, arc)
        for at, chunk in enumerate(self.chunks):
            self._read(at, chunk)
            self.comma = chunk.kind == "sign"
        self._finish()
        return Parsed(self.words, self.tags, tuple(self.heads), tuple(self.arcs))

    @property
    def clause(self) -> _Clause:
        return self.open[-1]

    def _hang(self, word: int, head: int | None, arc: str) -> None:
        if head is not None and word != head and self.heads[word] is None:
            self.heads[word] = head
            self.arcs[word] = arc

    def _read(self, at: int, chunk: Chunk) -> None:
        match chunk.kind:
            case "noun":
                self._noun(at, chunk)
            case "verb":
                self._verb(at, chunk)
            case "adjective":
                self._adjective(at, chunk)
            case "adverb":
                self._adverb(chunk)
            case "preposition":
                self._preposition(at, chunk)
            case "relative":
                self._relative(at, chunk)
            case "conjunction":
                self.both = chunk.head

    # Nouns.

    def _noun(self, at: int, chunk: Chunk) -> None:
        head = chunk.head
        clause = self.clause
        if self.case is not None:
            self._after_preposition(head, at)
        elif clause.copula and not self._is_subject(at):
            self._predicate(head, "nominal")
        elif self.both is not None and not self._opens(at):
            self._join(head, self.noun if self.noun is not None else clause.verb)
        elif clause.verb is None:
            self._before_verb(head)
        elif self._is_subject(at):
            self._new_clause(at, head)
        elif self.comma and self.noun is not None:
            self._hang(head, self.noun, "appos")
        else:
            self._hang(head, clause.verb, "obj")
        self.noun = head

    def _opens(self, at: int) -> bool:
        """Whether "and" and this noun begin a clause: it has a verb of its own."""
        return self.clause.verb is not None and self._is_subject(at)

    def _after_preposition(self, head: int, at: int) -> None:
        self._hang(self.case, head, "case")
        word = self.words[self.case].lower()
        clause = self.clause
        self.case = None
        if clause.copula and self.noun is not None:
            self._predicate(head, "prepositional")
        elif self.noun is not None and (word == "of" or self._follows_noun(at)):
            self._hang(head, self.noun, "nmod")
        elif clause.verb is not None:
            self._hang(head, clause.verb, "obl")
        else:
            clause.fronted.append((head, "obl"))

    def _follows_noun(self, at: int) -> bool:
        """Whether the preposition before chunk `at` follows the noun that still waits
        for its verb."""
        before = self.chunks[at - 2] if at > 1 else None
        waits = self.clause.verb is None and self.clause.subject is not None
        return waits and before is not None and before.kind == "noun"

    def _before_verb(self, head: int) -> None:
        clause = self.clause
        if clause.subject is None:
            clause.subject = head
        elif self.comma and self.noun is not None:
            self._hang(head, self.noun, "appos")
        else:
            clause.fronted.append((clause.subject, "obl"))
            clause.subject = head

    def _is_subject(self, at: int) -> bool:
        """Whether a finite verb follows the noun, but for phrases that belong to it."""
        rest = self.chunks[at + 1 :]
        while rest:
            kind = rest[0].kind
            if kind == "verb":
                return rest[0].finite
            if kind == "adverb":
                rest = rest[1:]
            elif kind == "preposition" and len(rest) > 1 and rest[1].kind == "noun":
                rest = rest[2:]
            else:
                return False
        return False

    def _new_clause(self, at: int, head: int) -> None:
        """A noun with a verb of its own begins a clause within or beside this one."""
        clause = self.clause
        if self.both is not None:
            new = _Clause(subject=head, link=(clause.verb, "conj"))
            new.marks.append((self.both, "cc"))
            self.both = None
        elif at and self.chunks[at - 1].kind == "noun" and not self.comma:
            new = _Clause(subject=head, link=(self.noun, "acl:relcl"))
        else:
            arc = "parataxis" if self.comma else "ccomp"
            new = _Clause(subject=head, link=(clause.verb, arc))
        self.open.append(new)

    def _join(self, head: int, first: int | None) -> None:
        """`head` is joined to `first` by the "and" that waits."""
        if first is None:
            return
        self._hang(self.both, head, "cc")
        self._hang(head, first, "conj")
        self.both = None

    # Verbs.

    def _verb(self, at: int, chunk: Chunk) -> None:
        if chunk.copula and self._has_predicate(at):
            if self.clause.verb is not None and self.clause.copula == []:
                self._leave_or_open(chunk)
            self.clause.copula = [*chunk.parts]
            return
        head = chunk.head
        if self.case is not None and not chunk.finite:
            self._hang(self.case, head, "mark")
            self.case = None
            self._hang(head, self._above(), "advcl")
            self.open.append(_Clause(verb=head))
        elif not chunk.finite and not self.clause.marks:
            self._non_finite(at, chunk)
        else:
            if self.clause.verb is not None or self.both is not None:
                self._leave_or_open(chunk)
            self._predicate(head, "passive" if chunk.passive else "verb")

    def _above(self) -> int | None:
        verb = self.clause.verb
        return verb if verb is not None else self.noun

    def _non_finite(self, at: int, chunk: Chunk) -> None:
        head = chunk.head
        before = self.chunks[at - 1].kind if at else ""
        clause = self.clause
        if self.both is not None and clause.verb is not None:
            self._join(head, clause.verb)
            clause.verb = head
            return
        if before == "noun" and (clause.verb is None or not chunk.infinitive):
            self._hang(head, self.noun, "acl")
        elif clause.verb is not None:
            self._hang(head, clause.verb, "xcomp" if chunk.infinitive else "advcl")
        elif clause.subject is None:
            clause.fronted.append((head, "advcl"))
        else:
            self._hang(head, clause.subject, "acl")
        self.open.append(_Clause(verb=head))

    def _leave_or_open(self, chunk: Chunk) -> None:
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
            self.open.append(_Clause(link=(first, "conj"), marks=[(mark, "cc")]))
        else:
            arc = "parataxis" if self.comma else "ccomp"
            self.open.append(_Clause(link=(self.clause.verb, arc)))

    def _has_predicate(self, at: int) -> bool:
        """Whether "be" is a copula here: a noun, adjective or preposition follows."""
        rest = [c for c in self.chunks[at + 1 :] if c.kind != "adverb"]
        return bool(rest) and rest[0].kind in ("noun", "adjective", "preposition")

    def _predicate(self, head: int, kind: str) -> None:
        """`head` is what the clause says of its subject."""
        clause = self.clause
        passive = kind == "passive"
        for word in clause.copula:
            self._hang(word, head, "cop")
        clause.copula = []
        if clause.subject is not None:
            self._hang(clause.subject, head, "nsubj:pass" if passive else "nsubj")
        for word, arc in (*clause.fronted, *clause.marks):
            self._hang(word, head, arc)
        clause.fronted = []
        clause.marks = []
        clause.subject = None
        clause.verb = head
        if clause.link is not None:
            self._hang(head, *clause.link)
        elif self.root is None:
            self.root = head

    # The others.

    def _adjective(self, at: int, chunk: Chunk) -> None:
        if self.clause.copula:
            self._predicate(chunk.head, "adjective")
        elif self.both is not None and at:
            self._join(chunk.head, self._above())
        elif self.clause.verb is not None:
            self._hang(chunk.head, self.clause.verb, "xcomp")
        else:
            self._hang(chunk.head, self.noun, "amod")

    def _adverb(self, chunk: Chunk) -> None:
        if self.clause.verb is not None:
            self._hang(chunk.head, self.clause.verb, "advmod")
        else:
            self.clause.fronted.append((chunk.head, "advmod"))

    def _preposition(self, at: int, chunk: Chunk) -> None:
        if self._begins_clause(at):
            self._mark(chunk.head, "mark", "advcl")
        else:
            self.case = chunk.head

    def _begins_clause(self, at: int) -> bool:
        """Whether a noun with a finite verb follows, as after "because"."""
        rest = self.chunks[at + 1 :]
        word = self.words[self.chunks[at].head].lower()
        return (
            word not in ("of", "in", "with", "by", "for", "from", "on", "at", "to")
            and bool(rest)
            and rest[0].kind == "noun"
            and self._is_subject(at + 1)
        )

    def _mark(self, word: int, arc: str, link: str) -> None:
        """A word that begins a clause within this one, or before it."""
        above = self._above()
        if self.clause.verb is None and self.clause.subject is None:
            new = _Clause(link=None)
        else:
            new = _Clause(link=(above, link))
        new.marks.append((word, arc))
        self.open.append(new)

    def _relative(self, at: int, chunk: Chunk) -> None:
        low = self.words[chunk.head].lower()
        follows = at and self.chunks[at - 1].kind in ("noun", "sign", "preposition")
        if self.noun is not None and follows and low in _RELATIVE:
            new = _Clause(link=(self.noun, "acl:relcl"))
            if self.case is not None:
                self._hang(self.case, chunk.head, "case")
                self.case = None
                new.fronted.append((chunk.head, "obl"))
            elif low == "where":
                new.fronted.append((chunk.head, "advmod"))
            else:
                new.subject = chunk.head
            self.open.append(new)
        else:
            self._mark(chunk.head, "mark" if low == "that" else "advmod", "ccomp")

    def _finish(self) -> None:
        if self.root is None:
            free = [i for i, head in enumerate(self.heads) if head is None]
            nouns = [c.head for c in self.chunks if c.kind in ("noun", "verb")]
            self.root = next((i for i in nouns if i in free), free[0])
        self.heads[self.root] = ROOT
        self.arcs[self.root] = "root"
        for i, head in enumerate(self.heads):
            if head is None:
                self.heads[i] = self.root
                sign = not any(letter.isalnum() for letter in self.words[i])
                self.arcs[i] = "punct" if sign else "dep"
        self._break_circles()

    def _break_circles(self) -> None:
        for i in range(len(self.heads)):
            seen = {i}
            at = self.heads[i]
            while at != ROOT and at not in seen:
                seen.add(at)
                at = self.heads[at]
            if at != ROOT:
                self.heads[i] = self.root
