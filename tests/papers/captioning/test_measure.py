"""Scores of captions, differences between runs, claims and tables."""

import dataclasses

import numpy as np
import pytest

from papers.captioning import claims, sheets, tables
from papers.captioning.baselines import constant_scores, reference_scores
from papers.captioning.config import Config
from papers.captioning.differences import difference
from papers.captioning.measure import (
    Measured,
    Scorer,
    Seed,
    scorer_of,
)
from papers.captioning.sources.generated import generated
from papers.captioning.vocabulary import UNK

PICTURES = generated("test", 60)


def seed(captions, nll, pictures=PICTURES) -> Seed:
    """A language model with these captions, and so many nats a target."""
    targets = np.full(len(pictures), 40)
    said = [caption.split() for caption in captions]
    scorer = scorer_of(pictures)
    nll = np.broadcast_to(nll, len(pictures)) * targets
    return Seed(
        tuple(captions), nll, targets, scorer.cider_d(said), scorer.scores(said)
    )


def run(name, *seeds, guidance="image") -> Measured:
    config = Config()
    config.model.guidance = guidance
    return Measured(name, config, PICTURES, np.arange(len(PICTURES)), seeds)


def references(place, wrong=0):
    """One reference of each picture; of the first `wrong` pictures, another's."""
    own = [texts[place] for texts in PICTURES.texts]
    return own[1 : wrong + 1] + own[wrong:]


def test_a_reference_is_exact_and_another_caption_is_not():
    scores = seed(references(0), 1.0).scores
    assert scores["exact"] == 100
    assert scores["B4"] == pytest.approx(100)
    assert scores["ROUGE-L"] == pytest.approx(100)
    assert scores["distinct"] == len({*references(0)})
    assert seed(references(0, wrong=30), 1.0).scores["exact"] < 60


def test_unk_is_a_share_of_words():
    scorer = Scorer([[["a", "dog"]], [["a", "cat"]]])
    scores = scorer.scores([["a", UNK], ["a", "cat"]])
    assert scores["UNK"] == 25
    assert scorer.scores([[], []])["UNK"] == 0


def test_a_constant_caption_is_one_and_references_beat_it():
    constant = constant_scores(PICTURES.captions(0)[0], PICTURES)
    assert constant["distinct"] == 1
    person = reference_scores(PICTURES)
    assert person["CIDEr-D"] > constant["CIDEr-D"]
    assert person["B4"] > constant["B4"]


def test_a_reference_has_none_to_be_scored_against_where_it_is_the_only_one():
    one = dataclasses.replace(PICTURES, texts=tuple(own[:1] for own in PICTURES.texts))
    assert reference_scores(one) is None


def test_means_and_spreads_are_over_the_seeds():
    row = run("nt2", seed(references(0), 1.0), seed(references(0), 1.3))
    assert row.mean("nll") == pytest.approx(1.15)
    assert row.spread("nll") == pytest.approx(0.15)
    assert row.mean("CIDEr-D") == pytest.approx(row.seeds[0].cider_d.mean())
    assert run("nt2", seed(references(0), 1.0)).spread("nll") is None


def test_a_difference_is_of_the_same_pictures_with_its_error():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, len(PICTURES))
    good = run("a", seed(references(0), 1.0 + noise))
    bad = run("b", seed(references(0, wrong=30), 1.2 + noise))
    found = difference(good, bad)
    assert found.nll == pytest.approx(-0.2)
    assert found.nll_error == pytest.approx(0, abs=1e-9)  # the noise is the same
    assert found.cider > 2 * found.cider_error > 0
    assert found.better is True
    assert difference(bad, good).better is False
    assert difference(good, good).better is None


def test_the_error_of_a_difference_is_that_of_many_draws():
    rng = np.random.default_rng(1)
    one = seed(references(0), 1.0)
    drawn = []
    for _ in range(60):
        nll = one.targets * (1 + rng.normal(0, 0.3, len(PICTURES)))
        other = dataclasses.replace(one, nll=nll)
        drawn.append(difference(run("a", other), run("b", one)))
    assert np.std([d.nll for d in drawn]) == pytest.approx(
        np.mean([d.nll_error for d in drawn]), rel=0.25
    )


def test_better_in_one_number_alone_is_partly():
    less = run("a", seed(references(0), 0.8))
    more = run("b", seed(references(0), 1.0))
    assert difference(less, more).better is None
    assert difference(more, less).better is False


def all_rows():
    good = seed(references(0), 0.8), seed(references(1), 0.82)
    bad = seed(references(0, wrong=40), 1.0), seed(references(1, wrong=40), 1.02)
    return {
        "td_sentence": run("td_sentence", *good, guidance="text"),
        "img_glstm": run("img_glstm", *good),
        "nt2": run("nt2", *bad, guidance="none"),
        "nt2_frozen": run("nt2_frozen", *bad, guidance="none"),
    }


def test_claims_are_told_of_the_runs_that_are_there():
    found = {claim.claim: claim for claim in claims.of(all_rows(), "60 shapes")}
    assert len(found) == 4
    assert found["text-conditional attention is ahead of NeuralTalk2"].holds is True
    better = "a guidance that depends on the text is better than the image alone"
    assert found[better].holds is None  # the two are the same
    assert found["the image encoder matters"].holds is None
    assert "97.0 with VGG-16" in found["the image encoder matters"].there
    assert not [*claims.of({"nt2": all_rows()["nt2"]}, "60 shapes")]


def test_runs_of_a_warm_start_are_compared_with_each_other():
    rows = {f"{name}_warm": row for name, row in all_rows().items()}
    rows["nt2"] = rows.pop("nt2_warm")
    found = [claim.claim for claim in claims.of(rows, "60 shapes")]
    assert found == [
        "a guidance that depends on the text is better than the image alone"
    ]


def test_the_table_has_all_runs_and_what_needs_no_model():
    rows = all_rows()
    baselines = {
        "constant": constant_scores("a", PICTURES),
        "person": reference_scores(PICTURES),
        "none": None,
    }
    table = tables.captions(rows, {"nt2": "tuned"}, baselines)
    assert {len(row) for row in table.rows} == {len(table.columns)}
    named = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert [*named] == [*rows, "constant", "person"]
    assert named["nt2"]["encoder"] == "tuned"
    assert named["nt2"]["guidance"] == "image at the first step"
    assert named["td_sentence"]["guidance"] == "image x sentence, tanh"
    assert named["td_sentence"]["nll"] == pytest.approx(0.81)
    assert named["td_sentence"]["±"] == pytest.approx(0.01)
    assert named["constant"]["nll"] is None
    assert named["constant"]["distinct"] == 1
    assert len({*table.columns}) == len(table.columns)


def test_differences_and_seeds_have_a_row_a_run():
    rows = all_rows()
    rows["one"] = run("one", seed(references(0), 1.0))
    table = tables.differences(rows, "img_glstm")
    named = {row[0]: row for row in table.rows}
    assert [*named] == ["td_sentence", "nt2", "nt2_frozen"]
    assert named["nt2"][3] == "0 of 2"
    assert named["nt2"][1] == pytest.approx(0.2)
    seeds = tables.by_seed(rows)
    assert {len(row) for row in seeds.rows} == {5}
    assert seeds.rows[-1][1:3] == [pytest.approx(1.0), None]


def test_what_captions_get_right_is_a_mean_over_seeds():
    rows = {"a": run("a", seed(references(2), 1.0), seed(references(2, 50), 1.0))}
    (name, things, colours, nouns, grounds), chance = tables.facts(rows).rows
    assert name == "a"
    assert things < 100
    assert things < colours
    assert things < nouns < 100
    assert 50 <= grounds < 100
    assert chance[0] == "a reference of another picture"
    assert chance[1] < 30


def test_pictures_stand_over_what_each_run_says():
    config = Config()
    config.eval.pictures = 8
    found = [*sheets.sheets(config, all_rows())]
    assert len(found) == 2
    assert found[0].shape[0] > found[1].shape[0]
    assert found[0].shape[2] == 3
    config.eval.pictures = 0
    assert not [*sheets.sheets(config, all_rows())]
    grid = sheets.grid([np.zeros((4, 6, 3), np.uint8)] * 3, columns=2)
    assert grid.shape == (2 * 20, 2 * 22, 3)
    assert (grid == 0).sum() == 3 * 4 * 6 * 3
