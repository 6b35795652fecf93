"""Which place a noun has in the clause that is being read: subject, object, other."""

from common.text.chunks import Chunk
from common.text.clauses import Clause, Clauses

RELATIVE = frozenset(("which", "who", "whom", "whose", "that", "where"))
# Prepositions that mostly lead to the verb, even behind a noun.
_OF_VERBS = frozenset(
    ("as", "by", "during", "into", "after", "under", "over", "within", "through")
)
_SAID = frozenset(
    ("said", "says", "asked", "replied", "answered", "cried", "added", "explained",
     "exclaimed", "repeated", "continued", "demanded", "remarked", "shouted",
     "whispered", "wrote")
)  # fmt: skip


class Nouns(Clauses):
    """Hangs up nouns, by what was read before them and what follows."""

    def read_noun(self, at: int, chunk: Chunk) -> None:
        head = chunk.head
        clause = self.clause
        if self.case is not None:
            self._after_preposition(head, at)
        elif clause.copula and clause.subject is None and self._is_asked(at):
            clause.subject = head
        elif clause.copula and not self.is_subject(at):
            self.predicate(head, "nominal")
        elif self.both is not None and not self._opens(at):
            self.join(head, self.listed if self.noun is not None else clause.verb)
            self.noun = head
            return
        elif clause.verb is None:
            self._before_verb(head)
        elif self.is_subject(at):
            self._new_clause(at, head)
        elif self.comma and self.noun is not None:
            self.hang(head, self.listed, "appos")
            self.noun = head
            return
        else:
            self.hang(head, clause.verb, self._behind_verb(at))
        self.noun = self.listed = head

    def _behind_verb(self, at: int) -> str:
        if self.is_speaker(at):
            return "nsubj"
        after = at + 1 < len(self.chunks) and self.chunks[at + 1].kind == "noun"
        told = self.tags[self.chunks[at].head] == "PRP" and after
        return "iobj" if told and not self.is_subject(at + 1) else "obj"

    def is_speaker(self, at: int) -> bool:
        """Whether the noun is who speaks, as in ", said the fox ."."""
        before = self.chunks[at - 1]
        said = before.kind == "verb" and self.words[before.head].lower() in _SAID
        quoted = at > 1 and self.chunks[at - 2].kind == "sign"
        ends = at + 1 == len(self.chunks) or self.chunks[at + 1].kind != "verb"
        return said and quoted and ends

    def _opens(self, at: int) -> bool:
        """Whether "and" and this noun begin a clause: it has a verb of its own."""
        return self.clause.verb is not None and self.is_subject(at)

    def _after_preposition(self, head: int, at: int) -> None:
        self.hang(self.case, head, "case")
        word = self.words[self.case].lower()
        clause = self.clause
        self.case = None
        if clause.copula and self.noun is not None:
            self.predicate(head, "prepositional")
        elif self._belongs_to_noun(at, word):
            self.hang(head, self.noun, "nmod")
        elif clause.verb is not None:
            self.hang(head, clause.verb, "obl")
        else:
            clause.fronted.append((head, "obl"))

    def _belongs_to_noun(self, at: int, word: str) -> bool:
        """Whether the preposition before chunk `at` leads to the noun before it, not to
        the verb."""
        before = self.chunks[at - 2] if at > 1 else None
        if self.noun is None or before is None or before.kind != "noun":
            return word == "of" and self.noun is not None
        waits = self.clause.verb is None and self.clause.subject is not None
        pronoun = self.tags[before.head] == "PRP" and word != "of"
        return waits or not (pronoun or word in _OF_VERBS)

    def _before_verb(self, head: int) -> None:
        clause = self.clause
        if clause.subject is None:
            clause.subject = head
        elif self.comma and self.noun is not None:
            self.hang(head, self.noun, "appos")
        else:
            relative = self.words[clause.subject].lower() in RELATIVE
            clause.fronted.append((clause.subject, "obj" if relative else "obl"))
            clause.subject = head

    def is_subject(self, at: int) -> bool:
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

    def _is_asked(self, at: int) -> bool:
        """Whether what the noun is said to be follows it: "is he tired ?"."""
        rest = [c for c in self.chunks[at + 1 :] if c.kind != "adverb"]
        says = rest and rest[0].kind in ("noun", "adjective", "preposition")
        return bool(says) and "?" in self.words[-2:]

    def _new_clause(self, at: int, head: int) -> None:
        """A noun with a verb of its own begins a clause within or beside this one."""
        if self.comma and self.follows_first():
            del self.open[1:]
            self.clause.subject = head
            return
        clause = self.clause
        if self.both is not None:
            new = Clause(subject=head, link=(clause.verb, "conj"))
            new.marks.append((self.both, "cc"))
            self.both = None
        elif at and self.chunks[at - 1].kind == "noun" and not self.comma:
            new = Clause(subject=head, link=(self.noun, "acl:relcl"))
        else:
            arc = "parataxis" if self.comma else "ccomp"
            new = Clause(subject=head, link=(clause.verb, arc))
        self.open.append(new)

    def follows_first(self) -> bool:
        """Whether "if he comes" was read, and not yet the clause that it belongs to."""
        clause = self.open[0]
        return clause.verb is None and any(arc == "advcl" for _, arc in clause.fronted)
