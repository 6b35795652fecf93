"""Dependency trees by rules over tags: chunks of nouns and verbs, read left to right.

A parser for where no trained one is installed. A noun before a verb is its subject, one
after it its object; "of" leads to the noun before it, other prepositions to the verb; a
relative pronoun opens a clause. Its relations have the names of Universal Dependencies.
"""

from collections.abc import Sequence

from common.text import tagging
from common.text.chunks import Chunk, chunks
from common.text.clauses import Clause
from common.text.noun_phrases import RELATIVE, Nouns
from common.text.parses import Parsed

_WHEN = frozenset(("when", "whenever"))


def parse(words: Sequence[str], tags: Sequence[str] | None = None) -> Parsed:
    """The tree of a sentence; `tags` are Penn's, those of `tagging` if not given."""
    tags = tuple(tags) if tags is not None else tagging.tags(words)
    return _Reader(words, tags, chunks(words, tags)).parsed()


class _Reader(Nouns):
    """Reads chunks from left to right."""

    def parsed(self) -> Parsed:
        for at, chunk in enumerate(self.chunks):
            self._read(at, chunk)
            self.comma = chunk.kind == "sign"
        return self.finish()

    def _read(self, at: int, chunk: Chunk) -> None:
        if self.case is not None and chunk.kind in ("sign", "conjunction"):
            self.hang(self.case, self.clause.verb, "compound:prt")
            self.case = None
        match chunk.kind:
            case "noun":
                self.read_noun(at, chunk)
            case "verb":
                self._verb(at, chunk)
            case "helper":
                self._helper(chunk)
            case "adjective":
                self._adjective(at, chunk)
            case "adverb":
                self._adverb(chunk)
            case "preposition":
                self._preposition(at, chunk)
            case "relative":
                self._relative(at, chunk)
            case "conjunction":
                if self.noun is None and self.above() is None:
                    self.clause.marks.append((chunk.head, "cc"))  # "And she came"
                else:
                    self.both = chunk.head

    # Verbs.

    def _verb(self, at: int, chunk: Chunk) -> None:
        if chunk.copula and self._has_predicate(at):
            if self.clause.verb is not None and self.clause.copula == []:
                self.leave_or_open(chunk)
            self.clause.copula = [*chunk.parts]
            return
        head = chunk.head
        if self.case is not None and not chunk.finite:
            self.hang(self.case, head, "mark")
            self.case = None
            self.hang(head, self.above(), "advcl")
            self.open.append(Clause(verb=head))
        elif self.comma and self.follows_first() and self.tags[head] == "VB":
            del self.open[1:]  # "if he comes , tell me"
            self.predicate(head, "verb")
        elif not (chunk.finite or self.clause.marks or self._is_past(at, chunk)):
            self._non_finite(at, chunk)
        else:
            self._leave_quotation(at)
            if self.clause.verb is not None or self.both is not None:
                self.leave_or_open(chunk)
            self.predicate(head, "passive" if chunk.passive else "verb")

    def _is_past(self, at: int, chunk: Chunk) -> bool:
        """Whether a participle is the past of a sentence without another verb: tags
        take "paid" in "the region paid" for one."""
        clause = self.clause
        alone = len(chunk.parts) == 1 and self.tags[chunk.head] == "VBN"
        waits = clause.verb is None and clause.subject is not None
        rest = self.chunks[at + 1 :]
        return alone and waits and not any(c.kind == "verb" and c.finite for c in rest)

    def _leave_quotation(self, at: int) -> None:
        """A noun before ", said the fox" is what he says, and not who says it."""
        after = at + 1 < len(self.chunks) and self.chunks[at + 1].kind == "noun"
        clause = self.clause
        if after and self.is_speaker(at + 1) and clause.subject is not None:
            clause.fronted.append((clause.subject, "ccomp"))
            clause.subject = None

    def _helper(self, chunk: Chunk) -> None:
        """ "Do" in "do you see": it waits for the verb, as "n't" beside it does."""
        for word in range(chunk.start, chunk.end):
            arc = "aux" if word in chunk.parts else "advmod"
            self.clause.marks.append((word, arc))

    def _non_finite(self, at: int, chunk: Chunk) -> None:
        head = chunk.head
        before = self.chunks[at - 1].kind if at else ""
        clause = self.clause
        if self.both is not None and clause.verb is not None:
            self.join(head, clause.verb)
            clause.verb = head
            return
        if before == "noun" and (clause.verb is None or not chunk.infinitive):
            self.hang(head, self.noun, "acl")
        elif clause.verb is not None:
            self.hang(head, clause.verb, "xcomp" if chunk.infinitive else "advcl")
        elif clause.subject is None:
            clause.fronted.append((head, "advcl"))
        else:
            self.hang(head, clause.subject, "acl")
        self.open.append(Clause(verb=head))

    def _has_predicate(self, at: int) -> bool:
        """Whether "be" is a copula here: a noun, adjective or preposition follows."""
        rest = [c for c in self.chunks[at + 1 :] if c.kind != "adverb"]
        return bool(rest) and rest[0].kind in ("noun", "adjective", "preposition")

    # The others.

    def _adjective(self, at: int, chunk: Chunk) -> None:
        if self.clause.copula:
            self.predicate(chunk.head, "adjective")
        elif self.both is not None and at:
            self.join(chunk.head, self.above())
        elif self.clause.verb is not None:
            self.hang(chunk.head, self.clause.verb, "xcomp")
        else:
            self.hang(chunk.head, self.noun, "amod")

    def _adverb(self, chunk: Chunk) -> None:
        if self.clause.verb is not None:
            self.hang(chunk.head, self.clause.verb, "advmod")
        else:
            self.clause.fronted.append((chunk.head, "advmod"))

    def _preposition(self, at: int, chunk: Chunk) -> None:
        if self._begins_clause(at):
            self.mark(chunk.head, "mark", "advcl")
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
            and self.is_subject(at + 1)
        )

    def _relative(self, at: int, chunk: Chunk) -> None:
        low = self.words[chunk.head].lower()
        follows = at and self.chunks[at - 1].kind in ("noun", "sign", "preposition")
        if low == "that" and follows and self.tags[chunk.head - 1] == "PRP":
            follows = False  # "it was clear to me that": it says nothing of "me"
        if self.noun is not None and follows and low in RELATIVE:
            new = Clause(link=(self.noun, "acl:relcl"))
            if self.case is not None:
                self.hang(self.case, chunk.head, "case")
                self.case = None
                new.fronted.append((chunk.head, "obl"))
            elif low == "where":
                new.fronted.append((chunk.head, "advmod"))
            else:
                new.subject = chunk.head
            self.open.append(new)
        else:
            arc = "advmod"
            if low == "that":
                arc = "mark"
            elif low in ("what", "who", "whom"):
                verb = at + 1 < len(self.chunks) and self.chunks[at + 1].kind == "verb"
                arc = "nsubj" if verb else "obj"
            self.mark(chunk.head, arc, "advcl" if low in _WHEN else "ccomp")
