"""BLEU, ROUGE-L and CIDEr-D beside coco-caption's code, and what must hold of them."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from common.contract import UserError
from papers.captioning.caption_metrics import (
    DocumentFrequencies,
    bleu,
    cider_d,
    longest_common,
    rouge_l,
)

CASES = json.loads(Path(__file__).with_name("coco_caption.json").read_text())


def split(texts):
    return [text.split() for text in texts]


@pytest.mark.parametrize("name", CASES)
def test_they_are_coco_captions(name):
    case = CASES[name]
    given = split(case["candidates"]), [split(own) for own in case["references"]]
    assert bleu(*given) == pytest.approx(case["bleu"], abs=1e-9)
    np.testing.assert_allclose(rouge_l(*given), case["rouge_l"], atol=1e-12)
    np.testing.assert_allclose(cider_d(*given), case["cider_d"], atol=1e-9)


def test_bleu_of_a_hand_made_pair():
    """5 of 6 words are right and 2 of 5 pairs; the reference has 7 words."""
    candidate = split(["the cat sat on the grass"])
    reference = [split(["the cat lay on the green grass"])]
    b1, b2, b3, b4 = bleu(candidate, reference)
    short = math.exp(1 - 7 / 6)
    assert b1 == pytest.approx(short * 5 / 6)
    assert b2 == pytest.approx(short * math.sqrt(5 / 6 * 2 / 5))
    assert b3 == pytest.approx(0, abs=1e-4)
    assert b4 == pytest.approx(0, abs=1e-3)


def test_bleu_is_of_the_corpus_and_not_a_mean_over_images():
    candidates = split(["a b c d e f g h", "x"])
    references = [[candidates[0]], [split(["y"])[0]]]
    assert bleu(candidates, references)[0] == pytest.approx(8 / 9)


def test_bleu_counts_a_word_as_often_as_one_reference_has_it():
    references = [split(["the cat", "the dog the"])]
    assert bleu(split(["the the the"]), references)[0] == pytest.approx(2 / 3)


def test_of_two_references_as_close_the_shorter_one_counts():
    """3 and 5 words are as close to 4: nothing is punished."""
    references = [split(["a b c", "a b c d e"])]
    assert bleu(split(["a b c d"]), references)[0] == pytest.approx(1)


def test_rouge_l_takes_the_best_precision_and_the_best_recall():
    references = [split(["a b", "a x b y c z"])]
    precision = 1.0
    recall = 1.0
    assert rouge_l(split(["a b c"]), references)[0] == pytest.approx(
        (1 + 1.2**2) * precision * recall / (recall + 1.2**2 * precision)
    )
    assert longest_common("abcbdab", "bdcaba") == 4


def test_what_is_a_reference_is_perfect():
    references = [split(["a red dog runs", "dogs"]), split(["two big cats sit here"])]
    candidates = [own[0] for own in references]
    assert bleu(candidates, references) == pytest.approx((1, 1, 1, 1))
    assert rouge_l(candidates, references) == pytest.approx([1, 1])
    only = [[own[0]] for own in references]
    assert cider_d(candidates, only) == pytest.approx([10, 10])


def test_an_empty_caption_scores_nothing():
    references = [split(["a red dog runs"]), split(["two cats sit"])]
    assert bleu([[], []], references) == pytest.approx((0, 0, 0, 0))
    assert rouge_l([[], []], references).tolist() == [0, 0]
    assert cider_d([[], []], references).tolist() == [0, 0]


def test_cider_d_of_one_image_is_0_because_all_words_are_common():
    assert cider_d(split(["a dog"]), [split(["a dog"])]).tolist() == [0]


def test_cider_d_of_a_part_with_the_sets_frequencies_is_that_of_the_whole():
    case = CASES["forty"]
    given = split(case["candidates"]), [split(own) for own in case["references"]]
    frequencies = DocumentFrequencies.of(given[1])
    part = cider_d(given[0][:5], given[1][:5], frequencies)
    np.testing.assert_allclose(part, case["cider_d"][:5], atol=1e-9)


def test_repeating_a_right_word_gains_nothing_in_cider_d():
    references = [split(["red dog"]), split(["blue cat"]), split(["a tree"])]
    once = cider_d(split(["red dog", "z", "z"]), references)[0]
    often = cider_d(split(["red red dog dog", "z", "z"]), references)[0]
    assert often < once


@pytest.mark.parametrize(
    ("candidates", "references"),
    [([], []), ([["a"]], []), ([["a"]], [[]])],
    ids=["nothing", "too few", "no reference"],
)
def test_what_cannot_be_scored_is_one_line(candidates, references):
    for score in (bleu, rouge_l, cider_d):
        with pytest.raises(UserError) as error:
            score(candidates, references)
        assert "\n" not in str(error.value)
