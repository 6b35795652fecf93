"""Counts of right entities and relations."""

from common.text.parses import Parsed
from papers.sptree import scoring
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Entity,
    Relation,
)


def sentence(entities, relations):
    words = tuple("abcdef")
    parsed = Parsed(words, ("NN",) * 6, (-1, 0, 0, 0, 0, 0), ("",) * 6)
    entities = tuple(Entity(*e) for e in entities)
    return AnnotatedSentence(
        parsed, entities, tuple(Relation(*r) for r in relations), "s"
    )


GOLD = sentence([(0, 1, "person"), (2, 4, "place")], [("lives", 0, 1)])


def test_all_right():
    found = scoring.score([GOLD], [GOLD])
    assert (found.entities.f1, found.relations.f1) == (1.0, 1.0)


def test_a_right_relation_on_an_entity_of_the_wrong_kind_is_wrong_and_missed():
    said = sentence([(0, 1, "person"), (2, 4, "firm")], [("lives", 0, 1)])
    counts = scoring.score([GOLD], [said]).relations
    hits, predicted, gold = (
        x.total() for x in (counts.hits, counts.predicted, counts.gold)
    )
    assert (predicted - hits, gold - hits) == (1, 1)


def test_the_direction_counts():
    said = sentence([(0, 1, "person"), (2, 4, "place")], [("lives", 1, 0)])
    assert scoring.score([GOLD], [said]).relations.hits.total() == 0


def test_micro_and_macro():
    """Two right of a type with two, none of a type with one, which is said once."""
    gold = sentence([(0, 1, "a"), (1, 2, "a"), (2, 3, "b")], [("r", 0, 1)])
    said = sentence([(0, 1, "a"), (1, 2, "a"), (3, 4, "b")], [])
    counts = scoring.score([gold], [said]).entities
    assert counts.f1 == 2 * 2 / (3 + 3)
    assert counts.macro_f1 == (1.0 + 0.0) / 2
    assert scoring.score([gold], [said]).relations.f1 == 0
