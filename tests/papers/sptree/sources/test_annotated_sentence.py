"""If these fail, entities that BILOU cannot hold are lost without being counted."""

import pytest

from common.contract import UserError
from common.text.parses import Parsed
from papers.sptree.sources import layout
from papers.sptree.sources.annotated_sentence import (
    Dropped,
    Entity,
    Relation,
    sentence,
)

PARSED = Parsed(tuple("abcd"), ("",) * 4, (-1, 0, 0, 0), ("",) * 4)


def test_of_nested_entities_the_longest_stays_and_the_loss_is_counted():
    dropped = Dropped()
    entities = [Entity(2, 3, "LOC"), Entity(1, 3, "ORG"), Entity(0, 1, "PER")]
    relations = [Relation("in", 0, 2), Relation("of", 2, 1), Relation("is", 1, 1)]
    found = sentence(PARSED, entities, relations, "s", dropped)
    assert found.entities == (Entity(0, 1, "PER"), Entity(1, 3, "ORG"))
    assert found.relations == (Relation("of", 0, 1),)
    assert dropped.entities == {("overlap", "LOC"): 1}
    assert dropped.relations == {("lost entity", "in"): 1, ("same entity", "is"): 1}
    assert str(dropped) == (
        "1 entity (overlap 1), 2 relations (lost entity 1, same entity 1)"
    )


def test_one_relation_a_pair():
    dropped = Dropped()
    pair = [Entity(0, 1, "A"), Entity(1, 2, "A")]
    relations = [Relation("r", 0, 1), Relation("s", 0, 1), Relation("r", 0, 1)]
    relations.append(Relation("t", 1, 0))
    found = sentence(PARSED, pair, relations, "s", dropped)
    assert found.relations == (Relation("r", 0, 1), Relation("t", 1, 0))
    assert dropped.relations == {("same pair", "s"): 1}


@pytest.mark.parametrize("span", [(0, 0), (2, 1), (3, 5), (-1, 1)])
def test_a_span_outside_the_sentence_is_refused(span):
    with pytest.raises(UserError, match="sentence of 4"):
        sentence(PARSED, [Entity(*span, "A")], [], "s", Dropped())


@pytest.mark.parametrize("index", [1, -1])
def test_a_relation_past_the_entities_is_refused(index):
    with pytest.raises(UserError, match="there are 1"):
        sentence(PARSED, [Entity(0, 1, "A")], [Relation("r", 0, index)], "s", Dropped())


def test_what_was_left_out_goes_with_its_sentences():
    """Without a test file the validation file is the test."""
    made = [sentence(PARSED, (), (), str(i), Dropped()) for i in range(21)]
    left_out = Dropped()
    left_out.entity("overlap", "LOC")
    splits, dropped, said = layout.completed(
        {"train": made[:20], "valid": made[20:]}, {"valid": left_out}
    )
    assert "the test is its validation set" in said
    assert {split: len(x) for split, x in splits.items()} == {
        "train": 18,
        "valid": 2,
        "test": 1,
    }
    assert dropped.keys() == splits.keys()
    assert dropped["test"] is left_out
    assert not dropped["valid"].entities
