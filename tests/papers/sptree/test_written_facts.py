"""If these fail, the ablation table is measured on wrong trees or relations."""

import pytest

from common.text.parses import check
from papers.sptree import constructions, film_facts, grammar, written_facts
from papers.sptree.grammar import Node

SLOT = {"person": "Ann Lee", "film": "Rain", "company": "Orb Films"}
SLOT |= {"country": "Chile", "language": "Dutch", "twin": "Snow", "later": "Fog"}
SLOT |= {"earlier": "Ice", "stranger": "Bo Ek", "year": "1999", "years": "two"}


def phrases() -> dict[str, Node]:
    return {
        slot: Node(name.split()[-1], "NNP", entity=i)
        for i, (slot, name) in enumerate(SLOT.items())
    }


def templates() -> list[str]:
    found = [t for options in constructions.CLAUSES.values() for t in options]
    found += [t for options in constructions.PHRASES.values() for _, t in options]
    found += [t for options in constructions.ASIDES.values() for t in options]
    return [*found, *constructions.ADVERBIALS, *constructions.SAYINGS]


@pytest.mark.parametrize("template", templates())
def test_every_template_is_a_tree_in_the_order_of_its_words(template):
    parsed, _ = grammar.parsed(grammar.read(template, phrases()))
    check(parsed)
    words = [part.split("/")[0].partition("#")[0] for part in template.split()]
    expected = [SLOT[w[1:-1]].split()[-1] if w[0] == "{" else w for w in words]
    expected[0] = expected[0][0].upper() + expected[0][1:]
    assert list(parsed.words) == expected


def test_an_object_becomes_the_front_of_a_relative_clause():
    words = phrases()
    clause = grammar.read(constructions.CLAUSES["starred_in"][0], words)
    grammar.relative(clause, "film", Node("which", "WDT"))
    film = Node("Rain", "NNP")
    grammar.insert(film, clause)
    film.after.append(grammar.sign("."))
    parsed, _ = grammar.parsed(film)
    assert " ".join(parsed.words) == "Rain , in which Lee starred ."
    at = {word: i for i, word in enumerate(parsed.words)}
    assert parsed.heads[at["starred"]] == at["Rain"]
    assert parsed.heads[at["which"]] == at["starred"]
    assert parsed.heads[at["in"]] == at["which"]
    assert parsed.arcs[at["starred"]] == "acl:relcl"


SENTENCES = {
    split: written_facts.written(split, count)
    for split, count in {"train": 300, "valid": 60, "test": 200}.items()
}
EVERY = [s for split in SENTENCES.values() for s in split]


def test_sentences_are_trees_whose_arcs_do_not_cross():
    for sentence in EVERY:
        heads = check(sentence.parsed, sentence.name).heads
        arcs = [sorted((i, h)) for i, h in enumerate(heads) if h >= 0]
        for a, b in arcs:
            for c, d in arcs:
                assert not a < c < b < d, sentence.parsed.words


def names(sentence) -> list[str]:
    return [" ".join(sentence.parsed.words[e.start : e.end]) for e in sentence.entities]


def spelled(text: str) -> str:
    return "".join(text.split())


def test_every_relation_is_a_fact_of_the_films():
    for split, found in SENTENCES.items():
        known = film_facts.facts(split)
        facts = {
            (fact.relation, *(spelled(n.partition(":")[2]) for n in fact[1:]))
            for of_relation in known.by_relation.values()
            for fact in of_relation
        }
        for sentence in found:
            words = [spelled(name) for name in names(sentence)]
            for r in sentence.relations:
                assert (r.kind, words[r.head], words[r.tail]) in facts, names(sentence)
                kinds = tuple(sentence.entities[i].kind for i in (r.head, r.tail))
                assert kinds == constructions.RELATIONS[r.kind]


def test_splits_share_no_film_and_no_person():
    seen: dict[str, set[str]] = {}
    for split, found in SENTENCES.items():
        seen[split] = {
            name
            for sentence in found
            for name, entity in zip(names(sentence), sentence.entities, strict=True)
            if entity.kind in ("film", "person")
        }
    assert not seen["train"] & seen["test"]
    assert not seen["train"] & seen["valid"]
    assert not seen["valid"] & seen["test"]


def test_some_nestings_are_in_the_test_alone():
    new = {k: sum(s.name.endswith("/new") for s in v) for k, v in SENTENCES.items()}
    assert new["train"] == new["valid"] == 0
    assert 0.1 < new["test"] / 200 < 0.5


def path(heads, first: int, second: int) -> int:
    """Arcs between two words."""
    above = [first]
    while heads[above[-1]] >= 0:
        above.append(heads[above[-1]])
    steps = 0
    while second not in above:
        second = heads[second]
        steps += 1
    return steps + above.index(second)


def test_words_between_two_entities_grow_and_the_path_does_not():
    near, far = [], []
    for sentence in SENTENCES["train"]:
        for r in sentence.relations:
            ends = [sentence.entities[i].end - 1 for i in (r.head, r.tail)]
            apart = abs(ends[0] - ends[1])
            steps = path(sentence.parsed.heads, *ends)
            (near if apart < 10 else far).append((apart, steps))
    mean = [[sum(c) / len(c) for c in zip(*p, strict=True)] for p in (near, far)]
    assert mean[1][0] > 2.5 * mean[0][0]
    assert mean[1][1] < 1.4 * mean[0][1]


def test_each_pair_has_one_relation_and_some_pairs_have_none():
    pairs = related = 0
    for sentence in SENTENCES["train"]:
        ends = [frozenset((r.head, r.tail)) for r in sentence.relations]
        assert len(ends) == len({*ends})
        related += len(ends)
        pairs += len(sentence.entities) * (len(sentence.entities) - 1) // 2
    assert 0.2 < related / pairs < 0.6


def test_the_same_arguments_give_the_same_sentences():
    written_facts.written.cache_clear()
    assert written_facts.written("valid", 60) == SENTENCES["valid"]
    assert written_facts.written("valid", 60, seed=1) != SENTENCES["valid"]
