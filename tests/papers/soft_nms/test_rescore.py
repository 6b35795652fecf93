"""Arrays of any length are suppressed as one picture at a time would be."""

import numpy as np
import pytest

from common.contract import UserError
from common.soft_nms import Suppression
from papers.soft_nms import rescore, soft_nms, soft_nms_merge

METHODS = ("hard", "linear", "gaussian")


def loop(boxes, scores, method, threshold=0.3, sigma=0.5, least=1e-3):
    """The paper's pseudo code on one class: every box's final score, 0 if dropped."""
    scores = np.where(scores >= least, scores, 0).astype(np.float64)
    final = np.zeros(len(scores))
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    while scores.size and scores.max() >= least and scores.max() > 0:
        best = int(scores.argmax())
        final[best] = scores[best]
        low = np.maximum(boxes[best, :2], boxes[:, :2])
        high = np.minimum(boxes[best, 2:], boxes[:, 2:])
        both = np.prod(np.maximum(high - low, 0), 1)
        overlap = both / (areas[best] + areas - both)
        weight = {
            "hard": np.where(overlap > threshold, 0, 1),
            "linear": np.where(overlap > threshold, 1 - overlap, 1),
            "gaussian": np.exp(-(overlap**2) / sigma),
        }[method]
        scores = scores * weight
        scores[best] = 0
    return final


def crowd(seed, n, size=120):
    rng = np.random.default_rng(seed)
    low = rng.random((n, 2)) * size
    boxes = np.concatenate([low, low + 15 + 25 * rng.random((n, 2))], 1)
    return boxes.astype(np.float32), rng.random(n).astype(np.float32)


@pytest.mark.parametrize("method", METHODS)
def test_many_pictures_at_once_are_each_alone(method, monkeypatch):
    """Groups of many lengths, in an order that mixes them, in several chunks."""
    monkeypatch.setattr(rescore, "CHUNK", 64)
    rng = np.random.default_rng(0)
    boxes, scores = crowd(1, 400)
    groups = rng.choice(12, 400, p=np.arange(1, 13) / 78)
    rule = Suppression(method)
    found = rescore.rescored(groups, boxes, scores, rule, per_class=None)
    for group in range(12):
        own = groups == group
        expected = loop(boxes[own], scores[own], method)
        np.testing.assert_allclose(found[own], expected, rtol=2e-5)


def test_only_the_best_of_a_class_take_part():
    boxes, scores = crowd(2, 50)
    found = rescore.rescored(
        np.zeros(50, int), boxes, scores, Suppression("gaussian"), per_class=20
    )
    best = np.argsort(-scores)[:20]
    expected = np.zeros(50)
    expected[best] = loop(boxes[best], scores[best], "gaussian")
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_equal_scores_come_by_index_in_a_large_group():
    boxes = np.arange(40)[:, None] * 50 + np.array([0, 0, 10, 10])
    kept = soft_nms(boxes, np.full(40, 0.5))
    assert kept.index.tolist() == [*range(40)]


@pytest.mark.parametrize("method", METHODS)
def test_a_notebooks_arrays(method):
    boxes, scores = crowd(3, 90)
    kept = soft_nms(boxes, scores, method=method)
    expected = loop(boxes, scores, method)
    assert len(kept.scores) == (expected > 0).sum()
    np.testing.assert_allclose(kept.scores, expected[kept.index], rtol=1e-5)
    assert (np.diff(kept.scores) <= 0).all()
    np.testing.assert_array_equal(kept.boxes, boxes[kept.index])
    if method != "hard":
        assert (kept.scores < scores[kept.index]).any()  # the lowered ones come out
    assert soft_nms(boxes, scores, method=method, keep=7).index.tolist() == (
        kept.index[:7].tolist()
    )


def test_classes_do_not_touch_each_other():
    boxes, scores = crowd(4, 60)
    classes = np.arange(60) % 3
    kept = soft_nms(boxes, scores, classes, method="linear")
    every = np.zeros((60, 3), np.float32)
    every[np.arange(60), classes] = scores
    same = soft_nms(boxes, every, method="linear")
    assert kept.index.tolist() == same.index.tolist()
    assert kept.classes.tolist() == same.classes.tolist() == (kept.index % 3).tolist()
    for c in range(3):
        own = classes == c
        expected = np.sort(loop(boxes[own], scores[own], "linear"))[::-1]
        found = kept.scores[kept.classes == c]
        np.testing.assert_allclose(found, expected[: len(found)], rtol=1e-5)


def test_nothing_in_nothing_out():
    for boxes in (np.zeros((0, 4)), []):
        kept = soft_nms(boxes, [])
        assert kept.boxes.shape == (0, 4)
        assert len(kept.scores) == len(kept.index) == 0
    assert len(soft_nms(np.zeros((2, 4)), np.zeros(2)).scores) == 0


@pytest.mark.parametrize(
    ("boxes", "scores", "says"),
    [(np.zeros((2, 4)), [0.5, np.nan], "NaN"),
     (np.zeros((2, 4)), [0.5, -2.0], "no probabilities"),
     (np.zeros((2, 4)), [0.5, 20.0], "no probabilities"),
     (np.zeros((2, 4)), [0.5], "2 boxes and 1 scores"),
     (np.zeros((2, 5)), [0.5, 0.5], r"boxes \(2, 5\)"),
     (np.full((2, 4), np.inf), [0.5, 0.5], "not finite"),
     ([[0, 0, 5, 5], [9, 9, 4, 4]], [0.5, 0.5], "box 1 has a negative side")],
)  # fmt: skip
def test_bad_arrays_are_one_clear_line(boxes, scores, says):
    with pytest.raises(UserError, match=says):
        soft_nms(boxes, scores)


@pytest.mark.parametrize(
    ("setting", "says"),
    [({"method": "guassian"}, "method=guassian: choose one of hard, linear"),
     ({"sigma": 0}, "sigma=0.0: must be above 0"),
     ({"iou_threshold": 3}, "iou_threshold=3.0: must be between 0 and 1"),
     ({"keep": -1}, "keep=-1: must be at least 1")],
)  # fmt: skip
@pytest.mark.parametrize("function", [soft_nms, soft_nms_merge])
def test_settings_that_no_rule_has_are_refused(function, setting, says):
    with pytest.raises(UserError, match=says):
        function(np.zeros((2, 4)), [0.5, 0.5], **setting)


def test_classes_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="one a box"):
        soft_nms(np.zeros((2, 4)), [0.5, 0.5], [0])
    with pytest.raises(UserError, match="no room for classes"):
        soft_nms(np.zeros((2, 4)), np.zeros((2, 3)), [0, 1])


def merged_by_loop(boxes, scores, corners, power, sigma=0.5, least=1e-3):
    """CornerNet's merging, box by box, with whole rows swapped."""
    left = [[*b, s, *c] for b, s, c in zip(boxes, scores, corners, strict=True)]
    left = [np.array(row, np.float64) for row in left if row[4] >= least]
    result = []
    while left:
        best = max(range(len(left)), key=lambda i: left[i][4])
        row = left.pop(best)
        if row[4] < least:
            break
        sums = np.array([*row[:2] * row[5], *row[2:4] * row[6]])
        weight_sums = np.array([row[5], row[5], row[6], row[6]])
        for other in left:
            low = np.maximum(row[:2], other[:2])
            high = np.minimum(row[2:4], other[2:4])
            both = np.prod(np.maximum(high - low, 0))
            area = np.prod(row[2:4] - row[:2]) + np.prod(other[2:4] - other[:2])
            weight = np.exp(-((both / (area - both)) ** 2) / sigma)
            share = (1 - weight) ** power
            sums += [*other[:2] * other[5] * share, *other[2:4] * other[6] * share]
            weight_sums += np.array([other[5], other[5], other[6], other[6]]) * share
            other[4] *= weight
        left = [other for other in left if other[4] >= least]
        result.append([*sums / weight_sums, row[4]])
    return np.array(result)


@pytest.mark.parametrize("power", [1.0, 6.0, 10.0])
def test_merged_boxes_are_weighted_means_of_corners(power):
    boxes, scores = crowd(5, 40, size=40)
    corners = np.random.default_rng(5).uniform(0.2, 1, (40, 2)).astype(np.float32)
    kept = soft_nms_merge(boxes, scores, corners, power=power)
    expected = merged_by_loop(boxes, scores, corners, power)
    assert len(kept.scores) == len(expected)
    np.testing.assert_allclose(kept.scores, expected[:, 4], rtol=1e-4)
    np.testing.assert_allclose(kept.boxes, expected[:, :4], rtol=1e-4, atol=1e-3)
    assert np.abs(kept.boxes - boxes[kept.index]).max() > 0.1


def test_merging_leaves_lone_boxes_and_other_classes_alone():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]], np.float32)
    kept = soft_nms_merge(boxes, [0.9, 0.8, 0.7], classes=[0, 1, 0])
    np.testing.assert_array_equal(kept.boxes, boxes)
    assert len(soft_nms_merge(np.zeros((0, 4)), []).boxes) == 0
