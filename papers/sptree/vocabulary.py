"""Numbers for words, tags, arcs, kinds of entities and types of relations, as the
training set has them.

Words are lower-cased. Number 0 of words, tags and arcs stands for all that training had
not, or too rarely. Kinds and types that training had not cannot be predicted: in other
splits they count as missed.
"""

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from common.contract import UserError
from papers.sptree import bilou
from papers.sptree.sources.annotated_sentence import AnnotatedSentence

UNKNOWN = 0


class Sizes(NamedTuple):
    """Rows of the tables."""

    words: int
    tags: int
    arcs: int  # without the empty one
    kinds: int
    relations: int

    @property
    def labels(self) -> int:
        return bilou.count(self.kinds)

    @property
    def classes(self) -> int:
        return 1 + 2 * self.relations


@dataclass(frozen=True)
class Vocabulary:
    """Names by number; the first of words, tags and arcs stands for unknown ones."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    arcs: tuple[str, ...]
    kinds: tuple[str, ...]
    relations: tuple[str, ...]

    @classmethod
    def of(
        cls,
        sentences: Sequence[AnnotatedSentence],
        min_count: int,
        with_vectors: Iterable[str] = (),
    ) -> "Vocabulary":
        """The vocabulary of a training set, and the words `with_vectors` besides.

        UserError: it has no entity."""
        counts: Counter[str] = Counter()
        tags: Counter[str] = Counter()
        arcs: Counter[str] = Counter()
        kinds = set()
        relations = set()
        for sentence in sentences:
            counts.update(word.lower() for word in sentence.parsed.words)
            tags.update(sentence.parsed.tags)
            arcs.update(sentence.parsed.arcs)
            kinds |= {entity.kind for entity in sentence.entities}
            relations |= {relation.kind for relation in sentence.relations}
        if not kinds:
            raise UserError("no sentence of the training set has an entity")
        words, tags, arcs = (
            [name for name, n in found.items() if n >= min_count]
            for found in (counts, tags, arcs)
        )
        return cls(
            _numbered([*words, *with_vectors]),
            _numbered(tags),
            _numbered(arcs),
            tuple(sorted(kinds)),
            tuple(sorted(relations)),
        )

    @functools.cached_property
    def numbers(self) -> dict[str, dict[str, int]]:
        """{"words": {name: number}, ...}."""
        return {
            field: {name: i for i, name in enumerate(names)}
            for field, names in vars(self).items()
        }

    def number(self, field: str, name: str) -> int:
        """UNKNOWN where the name has no number."""
        return self.numbers[field].get(name, UNKNOWN)

    @property
    def sizes(self) -> Sizes:
        fields = (self.words, self.tags, self.arcs, self.kinds, self.relations)
        return Sizes(*map(len, fields))


def _numbered(names: Iterable[str]) -> tuple[str, ...]:
    return ("", *sorted({*names} - {""}))
