"""What Wikidata says of films: facts, apart for training, validation and test."""

import functools
import hashlib
from collections import defaultdict
from typing import NamedTuple

from common.data import films
from papers.sptree.constructions import RELATIONS
from papers.sptree.sources.layout import drawn

SINCE = 1930
SHARES = {"train": 7, "valid": 1, "test": 2}  # of ten films, and of ten people
FACTS = {
    "directed by": "directed",
    "written by": "wrote",
    "produced by": "produced",
    "country": "made_in",
    "language": "spoken_in",
}


class Fact(NamedTuple):
    relation: str
    head: str  # names with their kind, "person:Jane Campion"
    tail: str

    def partner(self, name: str) -> str:
        """The other of the two names."""
        return self.tail if name == self.head else self.head

    @property
    def film(self) -> str:
        return self.head if self.head.startswith("film:") else self.tail


class Known(NamedTuple):
    """The facts of a split."""

    by_relation: dict[str, list[Fact]]
    of: dict[str, list[Fact]]  # by a name that they are about
    year: dict[str, int]  # of films
    of_year: dict[int, list[str]]  # films


def kind(name: str) -> str:
    return name.partition(":")[0]


@functools.cache
def facts(split: str) -> Known:
    """Those of a split (train, valid, test). No film and no person is in two splits."""
    by_relation: dict[str, list[Fact]] = {relation: [] for relation in RELATIONS}
    of: dict[str, list[Fact]] = defaultdict(list)
    year: dict[str, int] = {}
    titles: set[str] = set()
    for film in films.films(SINCE):
        if (
            drawn(film.title, SHARES) != split
            or film.title in titles
            or not _good(film.title)
        ):
            continue
        titles.add(film.title)
        name = f"film:{film.title}"
        year[name] = int(film.released[:4])
        for fact in _facts_of(film, name, split):
            by_relation[fact.relation].append(fact)
            of[fact.head].append(fact)
            of[fact.tail].append(fact)
    of_year: dict[int, list[str]] = defaultdict(list)
    for name, when in year.items():
        of_year[when].append(name)
    return Known(by_relation, dict(of), year, dict(of_year))


def _facts_of(film: films.Film, name: str, split: str) -> list[Fact]:
    pairs = [(FACTS[r], other) for r, other in film.facts if r in FACTS]
    pairs += [("starred_in", person) for person in film.cast]
    found = []
    for relation, other in pairs:
        head, tail = RELATIONS[relation]
        kind = head if tail == "film" else tail
        if _good(other) and (kind != "person" or drawn(other, SHARES) == split):
            named = f"{kind}:{other}"
            ends = (named, name) if tail == "film" else (name, named)
            found.append(Fact(relation, *ends))
    return found


def _good(name: str) -> bool:
    """Whether a name reads as one in a sentence: at most five words of letters."""
    words = name.split()
    plain = name.replace(" ", "").replace("-", "").replace("'", "").replace(".", "")
    return 0 < len(words) < 6 and plain.isalnum() and name[-1].isalnum()


def number(text: str) -> int:
    """A number of the text, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
