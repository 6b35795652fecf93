"""Real facts in written sentences: entities, relations and trees are exact.

Wikidata's films (`common.data.films`) say who directed, wrote and starred in what, and
who made it, where and in which language. A grammar puts several facts into a sentence:
relative clauses, appositions, coordination, and asides that stand between two entities
without a word about them. A pair's relation is what the sentence says of it.

Some hundred sentences teach a network that reads paths what takes one without a tree
thousands: there the structures tell apart, here all of them end near 1.

No film and no person is in two of the splits. Some nestings of a construction in
another occur in the test alone: names of such sentences end in "/new".
"""

import functools

import numpy as np

from papers.sptree import constructions, grammar
from papers.sptree.constructions import RELATIONS
from papers.sptree.film_facts import SHARES, Fact, facts, kind
from papers.sptree.grammar import Node
from papers.sptree.phrases import Phrases
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Entity,
    Relation,
)

# How often a sentence is about each relation.
WEIGHTS = {
    "directed": 0.22,
    "wrote": 0.22,
    "starred_in": 0.22,
    "produced": 0.12,
    "made_in": 0.11,
    "spoken_in": 0.11,
}
FORMS = {"one": 0.2, "verbs": 0.2, "clauses": 0.3, "while": 0.2, "says": 0.1}
SAME = 0.6  # share of second clauses with the relation of the first


@functools.cache
def written(
    split: str, count: int, seed: int = 0, entities: int = 8, words: int = 60
) -> tuple[AnnotatedSentence, ...]:
    """`count` sentences of a split (train, valid, test), each with at least two and at
    most `entities` entities and at most `words` words. The same arguments give the same
    sentences."""
    rng = np.random.default_rng([seed, list(SHARES).index(split)])
    known = facts(split)
    found: list[AnnotatedSentence] = []
    while len(found) < count:
        writer = _Writer(rng, known, entities)
        root = writer.sentence()
        size = sum(1 for _ in root.ordered())
        allowed = split == "test" or not writer.new
        if allowed and size <= words and 1 < len(writer.entities) <= entities:
            name = f"{split}/{len(found)}" + "/new" * writer.new
            found.append(writer.annotated(root, name))
    return tuple(found)


class _Writer(Phrases):
    """Writes one sentence."""

    def annotated(self, root: Node, name: str) -> AnnotatedSentence:
        parsed, spans = grammar.parsed(root)
        keys = sorted(self.entities, key=lambda key: spans[self.entities[key]])
        entities = tuple(Entity(*spans[self.entities[key]], kind(key)) for key in keys)
        relations = tuple(
            Relation(fact.relation, keys.index(fact.head), keys.index(fact.tail))
            for fact in dict.fromkeys(self.facts)
        )
        return AnnotatedSentence(parsed, entities, relations, name)

    # Sentences.

    def sentence(self) -> Node:
        form = self.drawn(FORMS)
        fact = self._fact()
        if form == "verbs":
            root = self._two_verbs(fact)
        elif form == "says":
            root = grammar.read(self.one(constructions.SAYINGS), {})
            clause = self._main(fact)
            clause.arc = "ccomp"
            clause.before.insert(0, Node("that", "IN", "mark"))
            root.after.append(clause)
        else:
            root = self._main(fact)
            if form == "clauses":
                grammar.join(root, self._main(self._fact(fact)), comma=True)
            elif form == "while":
                clause = self._main(self._fact(fact), adverbial=False)
                clause.arc = "advcl"
                clause.before.insert(0, Node("while", "IN", "mark"))
                root.before[:0] = [clause, grammar.sign(",")]
        root.after.append(grammar.sign("."))
        return root

    def _fact(self, beside: Fact | None = None) -> Fact:
        """A fact of two names that the sentence does not have; often of the same
        relation as the one `beside` it."""
        same = beside is not None and self.rng.random() < SAME
        while True:
            relation = beside.relation if same else self.drawn(WEIGHTS)
            fact = self.one(self.known.by_relation[relation])
            if fact.head not in self.entities and fact.tail not in self.entities:
                return fact

    def _main(self, fact: Fact, adverbial: bool = True) -> Node:
        root = self._clause(fact, self.one(constructions.CLAUSES[fact.relation]))
        if adverbial and self.rng.random() < 0.3:
            self._adverbial(root, fact.film)
        return root

    def _clause(self, fact: Fact, template: str, reuse: str = "") -> Node:
        """A clause that says a fact. `reuse`: a name that stands elsewhere already, so
        that its slot gets an empty phrase."""
        self.say(fact)
        slots = dict(zip(RELATIONS[fact.relation], (fact.head, fact.tail), strict=True))
        phrases = {}
        for slot, key in slots.items():
            if key == reuse:
                phrases[slot] = Node("", "")
            else:
                named = f"/{{{slot}}}" in template.replace(f"/case/{{{slot}}}", "")
                phrases[slot] = self.phrase(key, template, plain=named)
        if not reuse and self.rng.random() < 0.15:
            self._twin(fact, phrases, template)
        return grammar.read(template, phrases)

    def _two_verbs(self, fact: Fact) -> Node:
        """One subject with two verbs: "P directed F and wrote G"."""
        options = []
        for subject in (fact.head, fact.tail):
            slot = kind(subject)
            first = _with_subject(fact.relation, slot)
            for other in self.known.of[subject]:
                second = _with_subject(other.relation, slot)
                if other.relation != fact.relation and first and second:
                    options.append((subject, first, other, second))
        if not options:
            return self._main(fact)
        subject, first, other, second = options[self.rng.integers(len(options))]
        root = self._clause(fact, self.one(first))
        if other.partner(subject) in self.entities:
            return root
        joined = self._clause(other, self.one(second), reuse=subject)
        joined.remove(joined.below(kind(subject)))
        grammar.join(root, joined)
        return root

    def _twin(self, fact: Fact, phrases: dict[str, Node], template: str) -> None:
        """A second name beside one of the fact's: "P and Q wrote F"."""
        for own in (fact.head, fact.tail):
            slot = kind(own)
            other = fact.partner(own)
            if slot not in ("person", "film") or not _takes_two(template, slot):
                continue
            if any(node.arc != "punct" for node in phrases[slot].after):
                continue
            for second in self.shuffled(self.known.of[other]):
                name = second.partner(other)
                fits = second.relation == fact.relation and name not in self.entities
                if fits and len(self.entities) < self.room:
                    self.say(second)
                    grammar.join(phrases[slot], self.name(name))
                    return

    def _adverbial(self, root: Node, film: str) -> None:
        template = self.one(constructions.ADVERBIALS)
        phrases = self.around(film, template)
        if phrases is None:
            return
        node = grammar.read(template, phrases)
        node.arc = "advcl" if node.tag == "VBP" else "obl"
        if self.rng.random() < 0.5:
            root.before[:0] = [node, grammar.sign(",")]
        else:
            node.before.insert(0, grammar.sign(","))
            root.after.append(node)


def _takes_two(template: str, slot: str) -> bool:
    """Whether a slot may hold two names: the verb has no singular form for it."""
    subject = f"{{{slot}}}/nsubj" in template
    return not subject or not any(f"{w}/" in template for w in ("was", "is", "its"))


def _with_subject(relation: str, slot: str) -> list[str]:
    """The clauses of a relation that begin with `slot` as their subject."""
    start = f"{{{slot}}}/nsubj"
    return [t for t in constructions.CLAUSES[relation] if t.startswith(start)]
