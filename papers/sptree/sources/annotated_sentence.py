"""What every reader of a corpus returns: sentences with entities and relations."""

import dataclasses
from collections import Counter
from collections.abc import Iterable

from common.contract import UserError
from common.text import parses
from common.text.parses import Parsed


@dataclasses.dataclass(frozen=True)
class Entity:
    """Words [start, end) of a sentence and their kind."""

    start: int
    end: int
    kind: str


@dataclasses.dataclass(frozen=True)
class Relation:
    """A relation from one entity to another; `head`, `tail` are their indices."""

    kind: str
    head: int
    tail: int


@dataclasses.dataclass(frozen=True)
class AnnotatedSentence:
    """A sentence's tree, entities by place, relations between them, and its name."""

    parsed: Parsed
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    name: str


# Why an entity or a relation was left out, in the order of a table. The scores with the
# ignored ones count these against recall.
REASONS = {
    "overlap": "entities that share words with one that was kept",
    "discontinuous": "entities in several pieces",
    "between words": "entities that begin or end within a word",
    "other sentence": "entities across sentences, and relations between sentences",
    "lost entity": "relations of an entity that was left out",
    "same entity": "relations of an entity to itself",
    "same pair": "relations of a pair that has another relation already",
}


@dataclasses.dataclass
class Dropped:
    """How many entities and relations a reader left out, by reason and kind."""

    entities: Counter = dataclasses.field(default_factory=Counter)
    relations: Counter = dataclasses.field(default_factory=Counter)

    def entity(self, reason: str, kind: str, count: int = 1) -> None:
        self.entities[_known(reason), kind] += count

    def relation(self, reason: str, kind: str, count: int = 1) -> None:
        self.relations[_known(reason), kind] += count

    def __add__(self, other: "Dropped") -> "Dropped":
        return Dropped(self.entities + other.entities, self.relations + other.relations)

    def __str__(self) -> str:
        """Such as "2 entities (overlap 2), 1 relation (other sentence 1)"."""
        parts = []
        for one, many, counts in (
            ("entity", "entities", self.entities),
            ("relation", "relations", self.relations),
        ):
            by_reason: Counter = Counter()
            for (reason, _), count in counts.items():
                by_reason[reason] += count
            if total := by_reason.total():
                said = ", ".join(f"{r} {by_reason[r]}" for r in REASONS if by_reason[r])
                parts.append(f"{total} {one if total == 1 else many} ({said})")
        return ", ".join(parts) or "nothing"


def _known(reason: str) -> str:
    if reason not in REASONS:
        raise ValueError(f"no reason {reason!r}: {', '.join(REASONS)}")
    return reason


def sentence(
    parsed: Parsed,
    entities: Iterable[Entity],
    relations: Iterable[Relation],
    name: str,
    dropped: Dropped,
) -> AnnotatedSentence:
    """A sentence whose entities share no words; what does not fit is counted in
    `dropped`.

    Of entities that share words, the longest stays, and of equally long ones the first.
    Of several relations of one ordered pair the first stays. Entities are sorted by
    place, and the relations' indices follow them.

    UserError: an empty word, an entity without words or outside the sentence, a
    relation whose index has no entity.
    """
    parses.check(parsed, name)
    given = tuple(entities)
    for entity in given:
        if not 0 <= entity.start < entity.end <= len(parsed):
            raise UserError(
                f"{name}: an entity of kind {entity.kind} has words [{entity.start}, "
                f"{entity.end}) of a sentence of {len(parsed)}"
            )
    kept = _apart(given, dropped)
    order = sorted(kept, key=lambda i: given[i].start)
    place = {i: at for at, i in enumerate(order)}
    linked = _linked(tuple(relations), place, len(given), name, dropped)
    return AnnotatedSentence(parsed, tuple(given[i] for i in order), linked, name)


def _apart(given: tuple[Entity, ...], dropped: Dropped) -> list[int]:
    """Indices of entities that share no words."""
    taken: set[int] = set()
    kept = []
    for i in sorted(range(len(given)), key=lambda i: given[i].start - given[i].end):
        entity = given[i]
        if taken.isdisjoint(range(entity.start, entity.end)):
            taken.update(range(entity.start, entity.end))
            kept.append(i)
        else:
            dropped.entity("overlap", entity.kind)
    return kept


def _linked(
    given: tuple[Relation, ...],
    place: dict[int, int],
    count: int,
    name: str,
    dropped: Dropped,
) -> tuple[Relation, ...]:
    found: dict[tuple[int, int], Relation] = {}
    for relation in given:
        ends = relation.head, relation.tail
        wrong = [end for end in ends if not 0 <= end < count]
        if wrong:
            raise UserError(
                f"{name}: a relation {relation.kind} has the entity {wrong[0]}, and "
                f"there are {count}, numbered from 0"
            )
        if ends[0] == ends[1]:
            dropped.relation("same entity", relation.kind)
        elif not {*ends} <= {*place}:
            dropped.relation("lost entity", relation.kind)
        else:
            head, tail = (place[end] for end in ends)
            new = Relation(relation.kind, head, tail)
            if found.setdefault((head, tail), new) != new:
                dropped.relation("same pair", relation.kind)
    return tuple(found.values())
