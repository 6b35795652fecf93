"""Summaries against references. A failure means that ROUGE is not the published one."""

import json
from pathlib import Path

import pytest

from common.text.rouge import rouge, words
from papers.gpt2.zero_shot.sentences import sentences


def test_unstemmed_rouge_is_that_of_rouge_score():
    path = Path(__file__).with_name("rouge_scores.json")
    rows = json.loads(path.read_text())
    assert len(rows) > 30
    for prediction, reference, scores in rows:
        own = rouge(prediction, reference, stem=False)
        assert own == pytest.approx(scores, abs=1e-12)


def test_rouge_stems_words_of_more_than_three_letters():
    text = "Running runs happily relational ponies was"  # examples of Porter (1980)
    assert words(text) == ["run", "run", "happili", "relat", "poni", "was"]
    assert rouge("running", "runs").rouge_1 == 1
    assert rouge("running", "runs", stem=False).rouge_1 == 0


def test_sentences_end_where_a_reader_ends_them():
    text = 'Mr. A. Smith said "No." Then\nhe left! (Why?) In the U.S. he\n\nstayed'
    assert sentences(text) == [
        'Mr. A. Smith said "No."',
        "Then he left!",
        "(Why?)",
        "In the U.S. he",
        "stayed",
    ]
    assert sentences("  ") == []
