"""Batches: what is too long is counted aloud, and what is measured is named by pair."""

import logging
import types

import numpy as np
import pytest

from common.config import changed
from common.contract import UserError
from papers import amr_summarization
from papers.amr_summarization import data, encode, held_out, sources
from papers.amr_summarization.vocabulary import END

SMOKE = amr_summarization.get_config("smoke")


def config_of(run: str, **changes):
    config = changed(SMOKE, {name.replace("__", "."): v for name, v in changes.items()})
    return amr_summarization.runs(config)[run].config


def test_graphs_that_are_too_large_are_left_out_aloud(caplog):
    config = config_of("parser", data__pieces=14)
    with caplog.at_level(logging.INFO):
        rows = data.samples(config).rows
    pairs = sources.load(config)["train"]
    vocab = data.vocabulary(config)
    lengths = [len(encode.encoded(config, vocab, pair).target) for pair in pairs]
    long = sum(length > 14 for length in lengths)
    assert 0 < long < len(pairs)
    assert f"{len(pairs) - long} pairs, {long} too long" in caplog.text
    assert (rows["target"] == END).sum() == len(pairs) - long


def test_no_graph_that_is_small_enough_is_an_error(monkeypatch):
    monkeypatch.setattr(data, "fits", lambda config, sample: False)
    config = config_of("parser", data__sentences=2)
    with pytest.raises(UserError, match=r"data\.pieces"):
        next(data.batches(config, "train"))


@pytest.mark.parametrize("split", ["valid", "test"])
def test_a_row_that_is_measured_holds_the_pair_that_it_names(split):
    config = config_of("parser")
    pairs = data.measured(config)
    vocab = data.vocabulary(config)
    numbers = []
    for batch in data.batches(config, split):
        for row in np.flatnonzero(batch["mask"]):
            pair = pairs[batch["pair"][row]]
            numbers.append(int(batch["pair"][row]))
            own = encode.encoded(config, vocab, pair)
            there = batch["target"][row][batch["segment"][row] > 0]
            np.testing.assert_array_equal(there, own.target)
    count = SMOKE.eval.sentences
    assert (
        numbers == [*range(count)] if split == "valid" else [*range(count, 2 * count)]
    )


def test_a_vocabulary_is_that_of_training_alone():
    config = config_of("generator", data__sentences=3)
    words = set(data.vocabulary(config).symbols)
    said = {f"_{w.lower()}" for p in sources.load(config)["train"][:3] for w in p.words}
    assert {word for word in words if word.startswith("_")} <= said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data__row_words": 8}, "row_words is 16"),
        ({"data__row_written": 20}, "row_written 32"),
        ({"model__n_heads": 3}, "does not divide"),
        ({"runs": ("parsr",)}, "parser"),
    ],
)
def test_what_cannot_work_is_said_before_training(changes, said):
    with pytest.raises(UserError, match=said):
        config_of("parser", **changes)


def test_a_state_that_was_trained_on_other_data_is_noticed():
    config = config_of("parser", data__sentences=30)
    model = config.model
    names = data.vocabulary(config).arrays(model.items, model.symbols)
    state = types.SimpleNamespace(**names._asdict())
    assert held_out.same_data(config, state)
    other = config_of("parser", data__sentences=30, data__min_count=9)
    assert not held_out.same_data(other, state)
