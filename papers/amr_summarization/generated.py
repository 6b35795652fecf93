"""Sentences of a small grammar with their graphs: seconds of training, no data."""

import random

from papers.amr_summarization.amr import Amr, Attribute, Edge
from papers.amr_summarization.pairs import Pair

NAMES = ("Ann", "Ben", "Carla", "Dan")
NOUNS = ("dog", "cat", "teacher", "farmer", "child")
MODIFIERS = ("old", "young", "small", "quiet")
VERBS = ("visit", "help", "follow", "call")


def pairs(count: int, seed: int) -> tuple[Pair, ...]:
    """Sentences such as "The old dog wants to follow Ann"."""
    drawn = random.Random(seed)
    return tuple(_Sentence(drawn).pair() for _ in range(count))


class _Sentence:
    def __init__(self, drawn: random.Random):
        self.drawn = drawn
        self.words: list[str] = []
        self.tags: list[str] = []
        self.instances: dict[str, str] = {}
        self.edges: list[Edge] = []
        self.attributes: list[Attribute] = []
        self.tokens: dict[str, tuple[int, ...]] = {}

    def pair(self) -> Pair:
        subject = self.someone()
        kind = self.drawn.randrange(3)
        if kind == 0:
            top = self.verb("VBZ")
        elif kind == 1:
            self.say("does", "VBZ")
            self.say("not", "RB")
            top = self.verb("VB")
            self.attributes.append(Attribute(top, ":polarity", "-"))
        else:
            top = self.word("wants", "VBZ", "want-01")
            self.say("to", "TO")
            wanted = self.verb("VB")
            self.edges.append(Edge(top, ":ARG0", subject))
            self.edges.append(Edge(top, ":ARG1", wanted))
        last = top if kind < 2 else wanted
        self.edges.append(Edge(last, ":ARG0", subject))
        self.edges.append(Edge(last, ":ARG1", self.someone()))
        amr = Amr(
            top,
            self.instances,
            tuple(self.edges),
            tuple(self.attributes),
            self.tokens,
        )
        return Pair(tuple(self.words), tuple(self.tags), amr)

    def say(self, word: str, tag: str) -> int:
        self.words.append(word)
        self.tags.append(tag)
        return len(self.words) - 1

    def word(self, word: str, tag: str, concept: str) -> str:
        """The variable of a word's concept."""
        var = f"x{len(self.instances)}"
        self.tokens[var] = (self.say(word, tag),)
        self.instances[var] = concept
        return var

    def verb(self, tag: str) -> str:
        verb = self.drawn.choice(VERBS)
        return self.word(verb + "s" * (tag == "VBZ"), tag, f"{verb}-01")

    def someone(self) -> str:
        if self.drawn.random() < 0.4:
            return self.named(self.drawn.choice(NAMES))
        self.say("the" if self.words else "The", "DT")
        modifier = None
        if self.drawn.random() < 0.4:
            word = self.drawn.choice(MODIFIERS)
            modifier = self.word(word, "JJ", word)
        noun = self.drawn.choice(NOUNS)
        found = self.word(noun, "NN", noun)
        if modifier:
            self.edges.append(Edge(found, ":mod", modifier))
        return found

    def named(self, name: str) -> str:
        person = self.word(name, "NNP", "person")
        names = f"x{len(self.instances)}"
        self.instances[names] = "name"
        self.edges.append(Edge(person, ":name", names))
        self.attributes.append(Attribute(names, ":op1", f'"{name}"'))
        return person
