"""A sentence of a graph by rules, where no words are at hand.

It is for graphs that a user gives, and for when the trained generator is weak. Tense
and number are not in AMR: verbs stand in the past, nouns as they are.
"""

from papers.amr_summarization import frames, spoken_words
from papers.amr_summarization.amr import Amr, Edge

_DEEPEST = 40


def words(amr: Amr) -> list[str]:
    """The words of a graph, its top as the main clause. Every node is said once, but
    for entities and pronouns, which are said wherever they act."""
    return _Speaker(amr).clause(amr.top)


class _Speaker:
    def __init__(self, amr: Amr):
        self.amr = amr
        self.said: set[str] = set()
        self.out: dict[str, list[Edge]] = {var: [] for var in amr.instances}
        self.into: dict[str, list[Edge]] = {var: [] for var in amr.instances}
        for edge in amr.edges:
            self.out[edge.source].append(edge)
            self.into[edge.target].append(edge)
        self.constants: dict[str, dict[str, str]] = {var: {} for var in amr.instances}
        for attribute in amr.attributes:
            self.constants[attribute.var][attribute.role] = attribute.value.strip('"')
        self.depth = 0

    def take(self, var: str, *roles: str) -> list[str]:
        """The targets of these roles, in the order of the roles."""
        return [e.target for r in roles for e in self.out[var] if e.role == r]

    def is_frame(self, var: str) -> bool:
        concept = self.amr.instances[var]
        return concept[-3:-2] == "-" and concept[-2:].isdigit()

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
        passive = not subject and bool(objects)
        if passive:
            subject, *objects = [objects[:1], *objects[1:]]
        found = [*(self.phrase(subject[0]) if subject else []),
                 *spoken_words.verb(stem, modal, denied, passive)]  # fmt: skip
        for target in objects:
            found += self.object(target)
        for edge in self.out[var]:
            if edge.role not in (":ARG0", ":ARG1", ":ARG2", ":domain", ":polarity"):
                found += self.beside(edge)
        self.depth -= 1
        return found

    def object(self, var: str) -> list[str]:
        if self.is_frame(var) and var not in self.said:
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
            preposition = "on" if ":day" in self.constants[edge.target] else "in"
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
            if new and edge.role in (":ARG0", ":ARG1"):
                after += self.relative(edge)
        self.depth -= 1
        own = before[:1] and before[0] in spoken_words.OWN.values()
        article = (
            [] if number or own or "'s" in before or self.is_frame(var) else ["the"]
        )
        denied = ["no"] if self.constants[var].get(":polarity") == "-" else []
        number = [number] if number else []
        return [*(denied or article), *number, *before, noun, *after]

    def reached(self, var: str) -> bool:
        """Whether another node says this one."""
        return bool(self.into[var]) or var == self.amr.top

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
            parts += [
                w for e in self.out[var] for w in self.phrase_without_article(e.target)
            ]
            return [part for part in parts if part]
        unit = [
            w for t in self.take(var, ":unit") for w in self.phrase_without_article(t)
        ]
        amount = own.get(":quant", own.get(":value", ""))
        if amount not in ("", "1") and unit:
            unit = [unit[0] + "s", *unit[1:]]
        percent = ["percent"] if self.amr.instances[var] == "percentage-entity" else []
        return [part for part in (amount, *unit, *percent) if part]
