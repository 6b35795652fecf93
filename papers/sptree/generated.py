"""Short sentences with their trees, written by a few rules: what the tests read.

    the clever Ann who likes Rome owns the old shop

People act on places; the verb says which relation it is, and "by" turns it around. A
relative clause adds words between subject and verb, but none to the path between them.
"""

import numpy as np

from common.text.parses import Parsed
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Entity,
    Relation,
)

PEOPLE = ("Ann", "Bob", "Cid", "Dora Lee", "Eve", "Fay Ray")
PLACES = ("Rome", "Oslo", "New York", "Lima", "Bonn")
VERBS = {"owns": "owner", "built": "builder", "likes": ""}
PASSIVE = {"owned": "owner", "built": "builder"}
SIZES = {"train": 96, "valid": 32, "test": 32}


class _Writer:
    """A sentence that grows from left to right."""

    def __init__(self) -> None:
        self.rows: list[list] = []
        self.entities: list[Entity] = []

    def word(self, text: str, tag: str, head: int, arc: str) -> int:
        self.rows.append([text, tag, head, arc])
        return len(self.rows) - 1

    def name(self, text: str, kind: str, arc: str) -> int:
        """The last word of a name, which is its head; its own head comes later."""
        *before, last = text.split()
        start = len(self.rows)
        end = start + len(before)
        for word in before:
            self.word(word, "NNP", end, "compound")
        self.word(last, "NNP", -1, arc)
        self.entities.append(Entity(start, end + 1, kind))
        return end

    def hang(self, word: int, head: int) -> None:
        self.rows[word][2] = head

    def done(self, relations: list[Relation], name: str) -> AnnotatedSentence:
        words, tags, heads, arcs = (tuple(x) for x in zip(*self.rows, strict=True))
        parsed = Parsed(words, tags, heads, arcs)
        entities = tuple(self.entities)
        return AnnotatedSentence(parsed, entities, tuple(relations), name)


def sentences(split: str, seed: int) -> tuple[AnnotatedSentence, ...]:
    """The sentences of "train", "valid" or "test"."""
    rng = np.random.default_rng([seed, *split.encode()])
    return tuple(_sentence(rng, f"{split}-{i}") for i in range(SIZES[split]))


def _sentence(rng: np.random.Generator, name: str) -> AnnotatedSentence:
    writer = _Writer()
    passive = rng.random() < 0.5
    person, place, other = rng.choice(PEOPLE), rng.choice(PLACES), rng.choice(PLACES)
    first, last = ((place, "place"), (person, "person"))[:: 1 if passive else -1]
    subject = writer.name(*first, "nsubj")
    if rng.random() < 0.5:  # a clause that says something else
        who = writer.word("which" if passive else "who", "WP", 0, "nsubj")
        verb = writer.word("likes", "VBZ", subject, "acl:relcl")
        writer.hang(who, verb)
        writer.hang(writer.name(other, "place", "obj"), verb)
    words = PASSIVE if passive else VERBS
    text = rng.choice([*words])
    if passive:
        was = writer.word("was", "VBD", 0, "aux:pass")
    verb = writer.word(text, "VBN" if passive else "VBZ", -1, "root")
    writer.hang(subject, verb)
    by = 0
    if passive:
        writer.hang(was, verb)
        by = writer.word("by", "IN", 0, "case")
    end = writer.name(*last, "obl" if passive else "obj")
    writer.hang(end, verb)
    if passive:
        writer.hang(by, end)
    agent, patient = 0, len(writer.entities) - 1
    if passive:
        agent, patient = patient, agent
    kind = words[text]
    relations = [Relation(kind, agent, patient)] if kind else []
    return writer.done(relations, name)
