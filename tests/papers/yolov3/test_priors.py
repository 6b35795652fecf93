"""Priors. A failure means that k-means does not find the sizes that boxes have."""

import numpy as np
import pytest

from common.contract import UserError
from papers.yolov3 import priors
from papers.yolov3.architectures import COCO_ANCHORS, MASKS

ANCHORS = np.array(COCO_ANCHORS, np.float64)


def boxes_around(anchors, count: int = 200, spread: float = 0.1):
    rng = np.random.default_rng(0)
    sizes = rng.lognormal(0, spread, (len(anchors), count, 2)) * anchors[:, None]
    return rng.permutation(sizes.reshape(-1, 2))


def test_k_means_recovers_the_sizes_that_boxes_scatter_around():
    found = priors.k_means(boxes_around(ANCHORS), 9)
    np.testing.assert_allclose(found, ANCHORS, rtol=0.1)


def test_more_priors_fit_better():
    sides = np.random.default_rng(1).lognormal(3, 1, (1000, 2))
    ious = [priors.mean_iou(sides, priors.k_means(sides, n)) for n in (1, 3, 5, 9)]
    assert ious == sorted(ious)
    assert ious[-1] > ious[-2] + 0.02


def test_iou_is_that_of_boxes_with_one_centre():
    overlap = priors.iou(np.array([[2.0, 3.0]]), np.array([[4.0, 1.0], [2.0, 3.0]]))
    np.testing.assert_allclose(overlap, [[2 / (6 + 4 - 2), 1.0]])


def test_the_published_priors_own_boxes_are_their_own():
    assert priors.best(ANCHORS, ANCHORS).tolist() == [*range(9)]
    assert priors.truths_of_masks(ANCHORS, ANCHORS, MASKS) == [3, 3, 3]


def test_a_prior_that_no_mask_has_is_said():
    """As in the cfg with which yolov3-tiny was trained."""
    small = ANCHORS[:6]
    masks = ((3, 4, 5), (1, 2, 3))
    table = priors.table(small, small, masks, (32, 16))
    scales = [row[3] for row in table.rows]
    assert scales == ["none", "/ 16", "/ 16", "/ 32, / 16", "/ 32", "/ 32"]
    assert [row[4] for row in table.rows] == [1] * 6
    assert "mean IoU of a box with its best prior 1.000" in table.note
    assert "3 at / 32, 3 at / 16" in table.note


def test_the_same_boxes_give_the_same_priors():
    sides = boxes_around(ANCHORS, spread=0.5)
    np.testing.assert_array_equal(priors.k_means(sides, 9), priors.k_means(sides, 9))


def test_fewer_sizes_than_priors_repeat_and_it_is_said():
    sides = np.array([[4.0, 4.0], [1.0, 2.0], [4.0, 4.0]])
    with pytest.warns(UserWarning, match="2 different sizes: 3 priors repeat"):
        found = priors.k_means(sides, 3)
    np.testing.assert_array_equal(found, [[1, 2], [1, 2], [4, 4]])


@pytest.mark.parametrize(
    ("sides", "why"),
    [([], "has none"), ([[1, 0]], "above 0"), ([[1, np.nan]], "above 0")],
)
def test_boxes_that_have_no_size_are_refused(sides, why):
    with pytest.raises(UserError, match=why):
        priors.k_means(np.array(sides), 2)
