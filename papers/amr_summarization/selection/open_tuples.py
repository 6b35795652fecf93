"""Open relation tuples of a sentence, taken from its tree.

As of OpenIE (Angeli et al. 2015): a subject, a predicate and what hangs on it. The
paper extends a chosen path of the graph by the largest tuple that contains it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from common.text.parses import Parsed

# What belongs to the phrase of a noun or a verb; other children begin a new clause.
_APART = ("acl:relcl", "advcl", "parataxis", "appos", "conj", "discourse", "vocative")
_PREDICATE = ("aux", "cop", "compound", "advmod", "mark", "expl", "punct", "case",
              "det", "amod", "nummod", "nmod", "flat", "fixed")  # fmt: skip
_OBJECTS = ("obj", "dobj", "iobj", "xcomp", "ccomp")


class Tuple(NamedTuple):
    """Places of words in the sentence, in their order."""

    subject: tuple[int, ...]
    predicate: tuple[int, ...]
    rest: tuple[int, ...]

    @property
    def words(self) -> tuple[int, ...]:
        return tuple(sorted({*self.subject, *self.predicate, *self.rest}))


def tuples(parsed: Parsed) -> list[Tuple]:
    """The tuples of every clause: its subject and predicate with each of its objects,
    with each phrase beside them, and with all. Clauses without a subject take that of
    the clause that they are joined to or that says more of a noun."""
    tree = _Tree(parsed)
    found = []
    for i in range(len(parsed.words)):
        if tree.is_predicate(i):
            found += tree.of_clause(i)
    return list(dict.fromkeys(found))


class _Tree:
    def __init__(self, parsed: Parsed):
        self.parsed = parsed
        self.children: list[list[int]] = [[] for _ in parsed.words]
        for i, head in enumerate(parsed.heads):
            if head >= 0:
                self.children[head].append(i)

    def arc(self, i: int) -> str:
        return self.parsed.arcs[i].partition(":")[0]

    def is_predicate(self, i: int) -> bool:
        arcs = [self.arc(c) for c in self.children[i]]
        verb = self.parsed.tags[i].startswith("VB")
        return "cop" in arcs or (
            verb and self.arc(i) not in ("aux", "cop", "amod", "case")
        )

    def of_clause(self, i: int) -> Iterator[Tuple]:
        subject = self.subject(i)
        if not subject:
            return
        own = [i]
        objects = []
        beside = []
        for c in self.children[i]:
            arc = self.arc(c)
            if (
                arc in ("nsubj", "csubj")
                or self.parsed.arcs[c] in _APART
                or arc == "cc"
            ):
                continue
            if arc in _PREDICATE:
                own += self.phrase(c)
            elif arc in _OBJECTS:
                objects.append(tuple(self.phrase(c)))
            else:
                beside.append(tuple(self.phrase(c)))
        predicate = tuple(sorted(own))
        core = tuple(w for phrase in objects for w in phrase)
        everything = core + tuple(w for phrase in beside for w in phrase)
        yield Tuple(subject, predicate, tuple(sorted(everything)))
        if core:
            yield Tuple(subject, predicate, tuple(sorted(core)))
        for phrase in beside:
            yield Tuple(subject, predicate, tuple(sorted({*core, *phrase})))

    def subject(self, i: int) -> tuple[int, ...]:
        own = [c for c in self.children[i] if self.arc(c) in ("nsubj", "csubj")]
        if own:
            return tuple(sorted(self.phrase(own[0])))
        head = self.parsed.heads[i]
        if head < 0:
            return ()
        if self.arc(i) in ("conj", "xcomp", "advcl"):
            return self.subject(head)
        if self.arc(i) == "acl":
            return tuple(sorted(self.phrase(head, without=i)))
        return ()

    def phrase(self, i: int, without: int = -1) -> list[int]:
        """The words of a phrase: no clauses beside it, no appositions. What is joined
        by "and" belongs to a noun phrase, and not to a clause: without the middle of
        "2 hours, 21 minutes and 4 seconds" it would say something else."""
        found = []
        todo = [i]
        while todo:
            at = todo.pop()
            found.append(at)
            for c in self.children[at]:
                joined = self._listed(c) and not self.is_predicate(c)
                if c != without and (self.parsed.arcs[c] not in _APART or joined):
                    todo.append(c)
        return [w for w in found if self.arc(w) != "punct" or self._inside(w, found)]

    def _listed(self, c: int) -> bool:
        """Whether word c is joined to its head by "and", or is an apposition, as rules
        over tags call it, before one that is."""
        beside = self.children[self.parsed.heads[c]]
        before = self.arc(c) == "appos" and c < max(beside)
        return self.arc(c) == "conj" or (
            before and any(self.arc(b) == "conj" for b in beside if b > c)
        )

    def _inside(self, i: int, found: list[int]) -> bool:
        """A sign that stands between two words of the phrase."""
        return i - 1 in found and i + 1 in found
