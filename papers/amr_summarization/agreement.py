"""How far graphs and sentences agree with those that were expected: Smatch and BLEU."""

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import smatch as package

from papers.amr_summarization.amr import Amr

LONGEST = 4  # words of an n-gram


class _Drawn:
    """What the package draws its starts from: the same in every process."""

    def __init__(self):
        self._drawn = random.Random(0)

    def seed(self) -> None:
        """The package calls it before every draw, to draw what nobody can repeat."""

    def randint(self, low: int, high: int) -> int:
        return self._drawn.randint(low, high)


class Smatch(NamedTuple):
    """Cai and Knight 2013: triples that two graphs share under the best pairing of
    their variables, which hill climbing looks for."""

    hits: int
    found: int  # triples of the graphs that were written
    wanted: int

    @property
    def precision(self) -> float:
        return self.hits / max(self.found, 1)

    @property
    def recall(self) -> float:
        return self.hits / max(self.wanted, 1)

    @property
    def f1(self) -> float:
        return 2 * self.hits / max(self.found + self.wanted, 1)


def smatch(pairs: Iterable[tuple[Amr, Amr]]) -> Smatch:
    """Over all pairs of (found, wanted) graphs. Their triples are counted together."""
    total = Smatch(0, 0, 0)
    for found, wanted in pairs:
        package.random = _Drawn()
        own = _triples(found, "a"), _triples(wanted, "b")
        package.match_triple_dict.clear()
        _, hits = package.get_best_match(*own[0], *own[1], "a", "b")
        sizes = [sum(map(len, triples)) for triples in own]
        total = Smatch(*(x + y for x, y in zip(total, (hits, *sizes), strict=True)))
    return total


def _triples(amr: Amr, prefix: str) -> tuple[list, list, list]:
    """Instances, attributes and relations as the package has them: which variable is
    the top is an attribute of it, and :mod is :domain the other way."""
    name = {var: f"{prefix}{i}" for i, var in enumerate(amr.instances)}
    instances = [("instance", name[var], c) for var, c in amr.instances.items()]
    attributes = [("TOP", name[amr.top], "top")]
    attributes += [(a.role[1:], name[a.var], a.value) for a in amr.attributes]
    relations = [
        ("domain", name[target], name[source])
        if role == ":mod"
        else (role[1:], name[source], name[target])
        for source, role, target in amr.edges
    ]
    return instances, attributes, relations


def bleu(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> float:
    """Papineni et al. 2002, of a corpus of (found, wanted) sentences, in [0, 1]: the
    geometric mean of the precisions of 1- to 4-grams, each n-gram counted no more often
    than it is wanted, times exp(1 - wanted / found) where too little is found."""
    hits: Counter = Counter()
    counts: Counter = Counter()
    lengths = [0, 0]
    for found, wanted in pairs:
        lengths[0] += len(found)
        lengths[1] += len(wanted)
        for n in range(1, LONGEST + 1):
            own = _grams(found, n)
            hits[n] += sum((own & _grams(wanted, n)).values())
            counts[n] += sum(own.values())
    if not all(hits[n] for n in range(1, LONGEST + 1)):
        return 0.0
    mean = sum(math.log(hits[n] / counts[n]) for n in range(1, LONGEST + 1)) / LONGEST
    return math.exp(mean + min(1 - lengths[1] / lengths[0], 0))


def _grams(words: Sequence[str], n: int) -> Counter:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
