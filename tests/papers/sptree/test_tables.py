"""Tables and claims of known answers: right ones, and ones without relations."""

import dataclasses

import pytest

from common.text.parses import Parsed
from papers.sptree import claims, figures, get_config, runs, tables
from papers.sptree.corpus import corpus
from papers.sptree.paper_results import PARTS, TEST
from papers.sptree.scored import Scored
from papers.sptree.sources.annotated_sentence import (
    AnnotatedSentence,
    Entity,
    Relation,
)


def scored(name, config, change=lambda s: s):
    gold = corpus(config).sentences["test"]
    said = [[change(s) for s in gold]] * config.seeds
    return Scored(name, config, gold, said, 0.0, 100, 10)


@pytest.fixture
def rows():
    config = get_config("smoke")
    own = {name: run.config for name, run in runs(config).items()}

    def silent(sentence):
        return dataclasses.replace(sentence, relations=())

    return {
        "sptree": scored("sptree", own["sptree"]),
        "no_tree": scored("no_tree", own["no_tree"], silent),
    }


def test_table_1_has_both_runs_and_the_paper_s_rows(rows):
    table = tables.end_to_end(rows)
    right, silent, *paper = table.rows
    assert right == ["sptree", 100, 100, 100, 0, 100, 100, 100, 0, 100]
    assert silent[1:4] == [100, 100, 100]
    assert silent[5:8] == [0, 0, 0]
    assert len(paper) == len(TEST)
    assert {len(row) for row in table.rows} == {len(table.columns)}


def test_table_2_says_which_difference_is_no_chance(rows):
    whole, without = tables.parts(rows).rows
    assert whole[4] == 100
    assert whole[6] is None
    assert without[4] == 0
    assert without[6] < 0.05
    assert whole[-1] == f"{PARTS['sptree'][1]}"
    alike = tables.parts({"sptree": rows["sptree"], "no_ep": rows["sptree"]})
    assert alike.rows[1][6] is None or alike.rows[1][6] == 1


def test_all_tables_are_rectangular(rows):
    for table in (
        tables.structures(rows),
        tables.by_distance(rows),
        tables.by_type(rows["sptree"]),
        tables.data(rows["sptree"].config),
        tables.semeval(rows),
    ):
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_relations_by_distance_are_all_relations(rows):
    *_, (_, *counts) = tables.by_distance(rows).rows
    gold = rows["sptree"].gold
    assert sum(counts) == sum(len(s.relations) for s in gold)


def test_the_claim_of_the_tree_holds_where_it_does(rows):
    (claim,) = claims.of(rows)
    assert claim.holds
    swapped = {"sptree": rows["no_tree"], "no_tree": rows["sptree"]}
    (claim,) = claims.of(swapped)
    assert claim.holds is False
    same = {"sptree": rows["sptree"], "no_tree": rows["sptree"]}
    (claim,) = claims.of(same)
    assert claim.holds is None


def test_the_sentence_shown_is_right_and_its_path_is_the_tree_s(rows):
    row = rows["sptree"]
    shown = figures.telling(row.gold, row.said[0])
    assert shown in row.gold
    assert shown.relations
    silent = rows["no_tree"]
    assert figures.telling(silent.gold, silent.said[0]) is None
    assert figures.path((1, -1, 1, 2), 0, 3) == [(0, 1), (3, 2), (2, 1)]


def test_an_arc_of_two_paths_has_both_colours():
    """And what a dollar sign begins is no formula, which may be a wrong one."""
    parsed = Parsed(("a", "b$\\frac$", "c"), ("",) * 3, (1, -1, 1), ("",) * 3)
    entities = tuple(Entity(i, i + 1, "x") for i in range(3))
    relations = (Relation("r", 0, 2), Relation("s", 1, 2))
    sentence = AnnotatedSentence(parsed, entities, relations, "")
    (axes,) = figures.tree(sentence).axes
    colours = [arc.get_edgecolor() for arc in axes.patches]
    assert [colours.count(colour) for colour in colours] == [2, 2, 1]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["a (x) r c (x)", "b$\\frac$ (x) s c (x)"]
    axes.figure.draw_without_rendering()
