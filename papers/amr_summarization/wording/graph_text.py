"""A sentence of a graph by rules, where no words are at hand.

It is for graphs that a user gives, and for when the trained generator is weak. Tense
and number are not in AMR: verbs stand in the past, nouns as they are.
"""

from papers.amr_summarization.amr import Amr, Edge
from papers.amr_summarization.rules import frames
from papers.amr_summarization.rules.rule_words import UNACCUSATIVE
from papers.amr_summarization.wording import spoken_words
from papers.amr_summarization.wording.graph_reader import Reader

_DEEPEST = 40


def words(amr: Amr) -> list[str]:
    """The words of a graph, its top as the main clause. Every node is said once, but
    for entities and pronouns, which are said wherever they act."""
    return _Speaker(amr).clause(amr.top)


class _Speaker(Reader):
    def clause(self, var: str) -> list[str]:
        """A frame as a clause, anything else as a phrase."""
        concept = self.amr.instances[var]
        if concept in spoken_words.LINKS:
            return self.joined(var, self.clause)
        if concept in spoken_words.MODALS and not self.take(var, ":ARG0"):
            below = self.take(var, ":ARG1", ":ARG2")
            below = [b for b in below if self.is_frame(b)] or below
            if below:
                self.said.add(var)
                denied = self.constants[var].get(":polarity") == "-"
                return self.predicate(below[0], spoken_words.MODALS[concept], denied)
        if concept == "have-degree-91" and var not in self.said:
            return self.degree(var)
        domain = self.take(var, ":domain")
        if domain and var not in self.said:
            return [*self.phrase(domain[0]), "is", *self.phrase(var)]
        return self.predicate(var) if self.is_frame(var) else self.phrase(var)

    def joined(self, var: str, each) -> list[str]:
        """Parts with "and" before the last, or a full stop behind each."""
        self.said.add(var)
        concept = self.amr.instances[var]
        parts = sorted(
            (e for e in self.out[var] if e.role[1:4] in ("op1", "op2") or
             e.role.startswith((":op", ":snt", ":ARG"))),
            key=lambda e: (len(e.role), e.role),
        )  # fmt: skip
        found = [each(e.target) for e in parts]
        found = [words for words in found if words]
        sign = spoken_words.LINKS[concept]
        result: list[str] = []
        last = len(found) - 1
        for place, own in enumerate(found):
            if place and sign != ".":
                result += [sign] if place == last else [","]
            elif place:
                result.append(".")
            result += own
        return result

    def predicate(self, var: str, modal: str = "", denied: bool = False) -> list[str]:
        if var in self.said or self.depth > _DEEPEST:
            return self.phrase(var)
        self.said.add(var)
        self.depth += 1
        concept = self.amr.instances[var]
        denied = denied or self.constants[var].get(":polarity") == "-"
        stem = frames.stem(concept)
        subject = self.take(var, ":ARG0")
        objects = self.take(var, ":ARG1", ":ARG2")
        alone = not subject and bool(objects)
        passive = alone and stem not in UNACCUSATIVE
        if alone:
            subject, *objects = [objects[:1], *objects[1:]]
        found = [*(self.phrase(subject[0]) if subject else []),
                 *spoken_words.verb(stem, modal, denied, passive)]  # fmt: skip
        for target in objects:
            found += self.object(target)
        for edge in self.out[var]:
            if edge.role not in (":ARG0", ":ARG1", ":ARG2", ":domain", ":polarity"):
                found += self.beside(edge)
        for edge in self.into[var]:
            found += self.tied(edge)
        self.depth -= 1
        return found

    def tied(self, edge: Edge) -> list[str]:
        """What a verb is because of, or like: frames of which it is :ARG1."""
        concept = self.amr.instances[edge.source]
        new = edge.role == ":ARG1" and edge.source not in self.said
        if concept == "cause-01" and new:
            self.said.add(edge.source)
            causes = self.take(edge.source, ":ARG0")
            return ["because", *self.clause(causes[0])] if causes else []
        if concept == "resemble-01" and new:
            self.said.add(edge.source)
            others = self.take(edge.source, ":ARG2")
            return ["like", *self.phrase(others[0])] if others else []
        return []

    def degree(self, var: str) -> list[str]:
        """have-degree-91: "the girl was more tall than the boy"."""
        subject = [w for v in self.take(var, ":ARG1")[:1] for w in self.phrase(v)]
        denied = self.constants[var].get(":polarity") == "-"
        return [*subject, "was", *["not"] * denied, *self.graded(var)]

    def graded(self, var: str) -> list[str]:
        """The quality of have-degree-91 in its degree, and what that is measured by."""
        self.said.add(var)
        quality = [w for v in self.take(var, ":ARG2") for w in self.quality(v)]
        kind = next(iter(map(self.amr.instances.get, self.take(var, ":ARG3"))), "")
        self.said.update(self.take(var, ":ARG3"))
        before, after = spoken_words.DEGREES.get(kind, ((), ()))
        found = [*before, *quality, *after]
        than = self.take(var, ":ARG4")
        if than:
            found += ["as" if kind == "equal" else "than", *self.phrase(than[0])]
        for below in self.take(var, ":ARG6"):
            found += ["to", *self.infinitive(below)]
        return found

    def quality(self, var: str) -> list[str]:
        self.said.add(var)
        return [frames.stem(self.amr.instances[var])]

    def object(self, var: str) -> list[str]:
        acts = self.is_frame(var) and self.out[var]
        if acts and var not in self.said:
            shared = self.take(var, ":ARG0")
            if (
                shared
                and shared[0] in self.said
                and self.amr.instances[var] not in spoken_words.MODALS
            ):
                return ["to", *self.infinitive(var)]
            return ["that", *self.clause(var)]
        said = self.phrase(var)
        return [spoken_words.OBJECT.get(said[0], said[0])] if len(said) == 1 else said

    def infinitive(self, var: str) -> list[str]:
        self.said.add(var)
        found = frames.stem(self.amr.instances[var]).split("-")
        for edge in self.out[var]:
            if edge.role in (":ARG1", ":ARG2"):
                found += self.object(edge.target)
            elif edge.role not in (":ARG0", ":polarity"):
                found += self.beside(edge)
        return found

    def beside(self, edge: Edge) -> list[str]:
        """A role other than subject and object, with its preposition."""
        concept = self.amr.instances[edge.target]
        again = edge.target in self.said and not self.constants[edge.target]
        if again and not self.name(edge.target):
            return []
        if self.is_frame(edge.target) and edge.role in spoken_words.CLAUSES:
            return [spoken_words.CLAUSES[edge.role], *self.clause(edge.target)]
        if concept in spoken_words.SPOKEN:
            return self.spoken(edge.target)
        preposition = spoken_words.PREPOSITIONS.get(edge.role, "")
        if edge.role == ":time" and concept == "date-entity":
            day = ":day" in self.constants[edge.target]
            day = day or self.take(edge.target, ":weekday")
            preposition = "on" if day else "in"
        return [*preposition.split(), *self.phrase(edge.target)]

    def spoken(self, var: str) -> list[str]:
        self.said.add(var)
        below = self.take(var, ":op1")
        return [self.amr.instances[var], *(self.clause(below[0]) if below else [])]

    def name(self, var: str) -> list[str]:
        names = self.take(var, ":name")
        if not names:
            return []
        self.said.add(names[0])
        own = self.constants[names[0]]
        return [
            own[r] for r in sorted(own, key=lambda r: (len(r), r)) if r[:3] == ":op"
        ]

    def phrase(self, var: str) -> list[str]:
        """A noun phrase: what modifies it, its word, what hangs on it."""
        concept = self.amr.instances[var]
        name = self.name(var)
        if name or concept in spoken_words.OWN:
            self.said.add(var)
            return name or [concept]
        if concept in spoken_words.LINKS and var not in self.said:
            return self.joined(var, self.phrase)
        if concept in ("date-entity", *spoken_words.QUANTITIES):
            return self.quantity(var)
        again = var in self.said
        self.said.add(var)
        noun = frames.noun(concept)
        if again or self.depth > _DEEPEST:
            return ["the", noun]
        self.depth += 1
        before = []
        after = []
        number = self.constants[var].get(":quant")
        for edge in self.out[var]:
            if (
                edge.role == ":poss"
                and self.amr.instances[edge.target] in spoken_words.OWN
            ):
                before = [spoken_words.OWN[self.amr.instances[edge.target]], *before]
            elif edge.role == ":poss" and self.name(edge.target):
                before = [*self.phrase(edge.target), "'s", *before]
            elif edge.role in (":mod", ":degree", ":quant", ":ord"):
                before += self.phrase_without_article(edge.target)
            elif edge.role.startswith(":ARG"):
                after += [
                    "of" if edge.role == ":ARG1" else "by",
                    *self.phrase(edge.target),
                ]
            elif edge.role not in (":name", ":domain"):
                after += self.beside(edge)
        for edge in self.into[var]:
            new = edge.source not in self.said and not self.reached(edge.source)
            graded = self.amr.instances[edge.source] == "have-degree-91"
            if new and graded and edge.role == ":ARG1":
                before += self.graded(edge.source)
            elif new and edge.role in (":ARG0", ":ARG1"):
                after += self.relative(edge)
        self.depth -= 1
        own = before[:1] and before[0] in spoken_words.OWN.values()
        article = (
            [] if number or own or "'s" in before or self.is_frame(var) else ["the"]
        )
        denied = ["no"] if self.constants[var].get(":polarity") == "-" else []
        number = [number] if number else []
        return [*(denied or article), *number, *before, noun, *after]

    def relative(self, edge: Edge) -> list[str]:
        """`boy :ARG0-of sing-01`: "who sang"."""
        self.said.add(edge.source)
        stem = frames.stem(self.amr.instances[edge.source])
        denied = self.constants[edge.source].get(":polarity") == "-"
        found = ["that", *spoken_words.verb(stem, "", denied, edge.role == ":ARG1")]
        for other in self.out[edge.source]:
            if other != edge and other.role.startswith(":ARG"):
                passive = edge.role == ":ARG1" and other.role == ":ARG0"
                found += ["by"] * passive + self.object(other.target)
            elif other != edge and other.role != ":polarity":
                found += self.beside(other)
        return found

    def phrase_without_article(self, var: str) -> list[str]:
        found = self.phrase(var)
        return found[1:] if found[:1] == ["the"] else found

    def quantity(self, var: str) -> list[str]:
        self.said.add(var)
        own = self.constants[var]
        if self.amr.instances[var] == "date-entity":
            month = own.get(":month", "")
            named = (
                frames.MONTHS[int(month) - 1]
                if month.isdigit() and 0 < int(month) < 13
                else ""
            )
            parts = [own.get(":day", ""), named, own.get(":year", "")]
            days = self.take(var, ":weekday")
            parts += [w.title() for d in days for w in self.phrase_without_article(d)]
            return [part for part in parts if part]
        unit = [
            w for t in self.take(var, ":unit") for w in self.phrase_without_article(t)
        ]
        amount = own.get(":quant", own.get(":value", ""))
        if amount not in ("", "1") and unit:
            unit = [unit[0] + "s", *unit[1:]]
        percent = ["percent"] if self.amr.instances[var] == "percentage-entity" else []
        return [part for part in (amount, *unit, *percent) if part]
