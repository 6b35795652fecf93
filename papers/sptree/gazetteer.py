"""Names of the world's countries and what belongs to them, and a graph of facts."""

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Iterator, Sequence

from common.data import countries
from common.text import sentences

# Names that are mostly something else in English prose.
_OTHER = frozenset(
    ("Male", "Victoria", "Jersey", "Road Town", "Georgetown", "Kingston", "Hamilton")
) | {"The Valley", "Stanley", "Jordan", "Christmas Island", "Plymouth", "Douglas"}


@dataclasses.dataclass(frozen=True)
class Named:
    """A name's kind, and the keys of what it may stand for: of a nationality, the
    countries; of a country, itself."""

    kind: str
    keys: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Gazetteer:
    """Names by their words, and facts (key, relation, key); countries are keys by their
    code of three letters."""

    names: dict[tuple[str, ...], Named]
    facts: frozenset[tuple[str, str, str]]
    longest: dict[str, int]  # words of a name, by its first one

    def found(self, words: Sequence[str]) -> Iterator[tuple[int, int, Named]]:
        """Yields (start, end, name) of the names in a sentence, the longest first where
        several begin; none share a word."""
        at = 0
        while at < len(words):
            longest = self.longest.get(words[at], 0)
            for end in range(min(at + longest, len(words)), at, -1):
                if named := self.names.get(tuple(words[at:end])):
                    yield at, end, named
                    at = end
                    break
            else:
                at += 1

    def relation(self, first: Named, second: Named) -> tuple[str, bool] | None:
        """What the facts say of two names in reading order: (relation, whether it leads
        from the second to the first); None: nothing. A border has no direction."""
        for head, tail, backwards in ((first, second, False), (second, first, True)):
            for a in sorted(head.keys):
                for b in sorted(tail.keys):
                    for relation in RELATIONS[head.kind, tail.kind]:
                        if (a, relation, b) in self.facts:
                            return relation, backwards and relation != "borders"
        return None


RELATIONS = defaultdict(
    tuple,
    {
        ("country", "country"): ("borders",),
        ("nationality", "country"): ("demonym_of",),
        ("country", "region"): ("located_in",),
        ("language", "country"): ("language_of",),
        ("city", "country"): ("capital_of",),
        ("currency", "country"): ("currency_of",),
    },
)


@functools.cache
def gazetteer() -> Gazetteer:
    """UserError: a package with the names is missing."""
    maker = _Maker()
    every = countries.records().items()
    # The first kind of a name counts: "Singapore" is the country, "French" the people.
    for add in (maker.country, maker.people, maker.places, maker.culture):
        for code, record in every:
            add(code, record, record["ISO"]["alpha3"])
    names = {
        words: Named(k, frozenset(keys)) for words, (k, keys) in maker.names.items()
    }
    longest: dict[str, int] = {}
    for words in names:
        longest[words[0]] = max(longest.get(words[0], 0), len(words))
    return Gazetteer(names, frozenset(maker.facts), longest)


class _Maker:
    def __init__(self) -> None:
        self.names: dict[tuple[str, ...], tuple[str, set[str]]] = {}
        self.facts: set[tuple[str, str, str]] = set()

    def country(self, code: str, record: dict, key: str) -> None:
        name = record["name"].partition(" (")[0].removeprefix("The ")
        self._add(name, "country", key)
        for other in record.get("altSpellings") or ():
            if len(other) > 4 and not other.isupper() and other.isascii():
                self._add(other, "country", key)
        for other in record.get("borders") or ():
            self.facts.add((key, "borders", other))

    def people(self, code: str, record: dict, key: str) -> None:
        for demonym in (record.get("demonym") or "").replace("/", ",").split(","):
            self._add(demonym, "nationality", key)
            self.facts.add((key, "demonym_of", key))

    def places(self, code: str, record: dict, key: str) -> None:
        if capital := record.get("capital"):
            self._fact(capital, "city", "capital_of", key)
        for field in ("region", "subregion"):
            if region := record.get(field):
                self._add(region, "region", region)
                self.facts.add((key, "located_in", region))

    def culture(self, code: str, record: dict, key: str) -> None:
        for _, language in countries.official_languages(code):
            self._fact(language, "language", "language_of", key)
        for currency, current in countries.currencies(code):
            *first, last = currency.split()
            for name in {currency, " ".join((*first, last.lower()))} if current else ():
                self._fact(name, "currency", "currency_of", key)

    def _fact(self, name: str, kind: str, relation: str, key: str) -> None:
        self._add(name, kind, name.lower())
        self.facts.add((name.lower(), relation, key))

    def _add(self, name: str, kind: str, key: str) -> None:
        if name and name not in _OTHER:
            words = tuple(word.text for word in sentences.words(name))
            held = self.names.setdefault(words, (kind, set()))
            if held[0] == kind:
                held[1].add(key)
