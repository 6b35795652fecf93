"""Names in a written sentence, and the phrases behind them."""

from collections.abc import Sequence

import numpy as np

from common.text import sentences, tagging
from papers.sptree import constructions, grammar
from papers.sptree.film_facts import Fact, Known, kind, number
from papers.sptree.grammar import Node

# Share of names with a phrase behind: in a clause, in such a phrase, and in those.
MODIFIED = (0.6, 0.5, 0.3, 0.0)
NEW = 4  # one of so many nestings is kept for the test
_YEARS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Phrases:
    """Names and facts of one sentence, as they are written."""

    def __init__(self, rng: np.random.Generator, known: Known, entities: int) -> None:
        self.rng = rng
        self.known = known
        self.room = entities
        self.entities: dict[str, int] = {}
        self.facts: list[Fact] = []
        self.new = False  # whether a nesting occurs that is kept for the test

    def say(self, fact: Fact) -> None:
        self.facts.append(fact)
        for key in (fact.head, fact.tail):
            self.entities.setdefault(key, len(self.entities))

    def phrase(self, key: str, inside: str, plain: bool, depth: int = 0) -> Node:
        """A name, and perhaps a phrase behind it. `inside`: the construction it is in;
        plain: nothing before it."""
        node = self.name(key)
        if kind(key) == "person" and not plain and self.rng.random() < 0.25:
            self._with_role(node, key)
        often = MODIFIED[depth] if kind(key) in ("person", "film", "company") else 0.0
        if self.rng.random() < often:
            self._modify(node, key, inside, depth)
        return node

    def name(self, key: str) -> Node:
        text = key.partition(":")[2]
        words = [word.text for word in sentences.words(text)]
        parts = [Node(word, _tag(word), "compound:name") for word in words]
        node = parts.pop()
        node.before = parts
        node.entity = self.entities.setdefault(key, len(self.entities))
        if kind(key) == "film" and self.rng.random() < 0.5:
            node.before.insert(0, Node('"', "``", "punct"))
            node.after.append(Node('"', "''", "punct"))
        return node

    def _with_role(self, node: Node, key: str) -> None:
        """ "the director" before who directed some film."""
        roles = {"directed": "director", "wrote": "writer", "starred_in": "actor"}
        fact = self.one(self.known.of[key])
        role = Node(roles[fact.relation], "NN", "compound")
        node.before[:0] = [Node("the", "DT", "det"), role]

    def _modify(self, node: Node, key: str, inside: str, depth: int) -> None:
        slot = kind(key)
        if slot != "company" and self.rng.random() < 0.35:
            template = self.one(constructions.ASIDES[slot])
            phrases = self.around(key, template)
            if phrases is not None:
                self._nest(inside, slot, template)
                root = grammar.read(template, phrases)
                root.arc = _arc(template, root)
                grammar.insert(node, root)
            return
        fact = self.one(self.known.of[key])
        other = fact.partner(key)
        if other in self.entities or len(self.entities) >= self.room:
            return
        options = [t for of, t in constructions.PHRASES[fact.relation] if of == slot]
        clauses = _with_child(fact.relation, slot)
        at = int(self.rng.integers(len(options) + len(clauses)))
        template = (*options, *clauses)[at]
        self._nest(inside, slot, template)
        self.say(fact)
        phrase = self.phrase(other, template, plain=True, depth=depth + 1)
        phrases = {kind(other): phrase, slot: Node("", "")}
        root = grammar.read(template, phrases)
        if at < len(options):
            root.arc = _arc(template, root)
        else:
            grammar.relative(root, slot, _pronoun(root, slot))
        grammar.insert(node, root)

    def around(self, key: str, template: str) -> dict[str, Node] | None:
        """What stands in the slots of an aside about a film or person; None: there is
        no such film, or no room."""
        phrases: dict[str, Node] = {}
        if "{year}" in template:
            phrases["year"] = Node(str(self.known.year[key]), "CD")
        if "{stranger}" in template:
            found = self._stranger(key)
        else:
            slots = ("twin", "later", "earlier")
            slot = next((slot for slot in slots if f"{{{slot}}}" in template), "")
            if not slot:
                return phrases
            found = self._other_film(key, slot)
            phrases["years"] = Node("", "CD")
        if found is None or len(self.entities) >= self.room:
            return None
        if "years" in phrases:
            apart = abs(self.known.year[found] - self.known.year[key])
            phrases["years"].word = _YEARS[apart]
            phrases[slot] = self.name(found)
        else:
            phrases["stranger"] = self.name(found)
        return phrases

    def _stranger(self, key: str) -> str | None:
        """Another person of one of the person's films."""
        film = self.one(self.known.of[key]).film
        names = {fact.partner(film) for fact in self.known.of[film]} - {*self.entities}
        people = sorted(name for name in names if kind(name) == "person")
        return self.one(people) if people else None

    def _other_film(self, key: str, slot: str) -> str | None:
        """A film of the same year ("twin"), or two to nine years earlier or later."""
        sign = {"twin": 0, "later": 1, "earlier": -1}[slot]
        year = self.known.year[key] + sign * int(self.rng.integers(2, 10))
        films_ = self.known.of_year.get(year, [])
        free = [name for name in films_ if name not in self.entities]
        return self.one(free) if free else None

    def _nest(self, outer: str, slot: str, inner: str) -> None:
        self.new |= number(f"{outer}|{slot}|{inner}") % NEW == 0

    # Chance.

    def one(self, options: Sequence):
        return options[int(self.rng.integers(len(options)))]

    def shuffled(self, options: Sequence) -> list:
        return [options[i] for i in self.rng.permutation(len(options))]

    def drawn(self, weights: dict[str, float]) -> str:
        names = list(weights)
        return names[int(self.rng.choice(len(names), p=list(weights.values())))]


def _tag(word: str) -> str:
    """Of a word of a name, whose small words are nouns: "of" in Head of State."""
    if word[0].isupper() and not word.isdigit():
        return "NNP"
    if tagging.alone(word) == "IN":
        return "NN"
    return tagging.tags(("the", word))[1]


def _arc(template: str, root: Node) -> str:
    """What a phrase is to the noun before it."""
    if template.startswith(("whose/", "which/")):
        return "acl:relcl"
    if template.startswith("with/"):
        return "nmod"
    return "acl" if root.tag == "VBN" else "appos"


def _with_child(relation: str, slot: str) -> list[str]:
    """The clauses of a relation in which `slot` hangs on the root."""
    return [
        template
        for template in constructions.CLAUSES[relation]
        if any(
            part.startswith(f"{{{slot}}}/") and part.count("/") == 1
            for part in template.split()
        )
    ]


def _pronoun(root: Node, slot: str) -> Node:
    """What a relative clause begins with in place of `slot`."""
    if slot != "person":
        return Node("which", "WDT")
    phrase = root.below(slot)
    return Node("who" if phrase.arc.startswith("nsubj") else "whom", "WP")
