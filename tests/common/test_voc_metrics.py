"""VOC's average precision, against cases that are computed by hand."""

import numpy as np
import pytest

from common.contract import UserError
from common.detection_metrics import voc_ap
from common.truth import found, truth

FAR = [500, 500, 520, 520]


def squares(n: int) -> list[list[int]]:
    return [[40 * i, 0, 40 * i + 20, 20] for i in range(n)]


def scored(hits: str, objects: int):
    """A picture of so many objects, and findings, the surest first: "x" hits the next
    object, "." nothing."""
    boxes = squares(objects)
    places = iter(boxes)
    seen = [next(places) if mark == "x" else FAR for mark in hits]
    return [truth(boxes, [0] * objects)], [found(seen, np.linspace(1, 0.1, len(hits)))]


@pytest.mark.parametrize(
    ("hits", "objects", "area", "eleven"),
    [
        # Precision 1, 1/2, 2/3, 1/2, 3/5 at recalls 1/4, 1/4, 1/2, 1/2, 3/4.
        ("x.x.x", 4, (1 + 2 / 3 + 3 / 5) / 4, (3 * 1 + 3 * 2 / 3 + 2 * 3 / 5) / 11),
        ("xxx", 3, 1, 1),
        (".", 2, 0, 0),
        ("", 2, 0, 0),
        # Recall 3/10 is the fourth of the eleven, in whole numbers.
        ("xxx", 10, 3 / 10, 4 / 11),
        # The best precision at this recall or a higher one, 2/3, counts for both.
        (".xx", 2, 2 / 3, 2 / 3),
    ],
)
def test_both_definitions_by_hand(hits, objects, area, eleven):
    truths, detections = scored(hits, objects)
    assert voc_ap(truths, detections).mean == pytest.approx(area, abs=1e-12)
    seven = voc_ap(truths, detections, eleven_points=True)
    assert seven.mean == pytest.approx(eleven, abs=1e-12)


def test_difficult_objects_count_neither_way():
    boxes = squares(3)
    there = truth(boxes, [0] * 3, difficult=[0, 1, 0])
    seen = found([boxes[1], boxes[0], boxes[1]], [0.9, 0.8, 0.7])
    scores = voc_ap([there], [seen])
    assert scores.mean == pytest.approx(1 / 2)
    np.testing.assert_allclose(scores.precision[0], [0, 1, 1])
    np.testing.assert_allclose(scores.recall[0], [0, 1 / 2, 1 / 2])


def test_a_second_finding_of_an_object_is_wrong():
    """Precision 1, 1/2, 2/3: the second counts against the third."""
    boxes = squares(2)
    seen = found([boxes[0], boxes[0], boxes[1]], [0.9, 0.8, 0.7])
    assert voc_ap([truth(boxes, [0, 0])], [seen]).mean == pytest.approx((1 + 2 / 3) / 2)


def test_a_finding_is_compared_with_the_object_that_it_overlaps_most():
    """Unlike COCO's: the nearest is taken already, and the other one stays missed."""
    there = truth([[0, 0, 20, 20], [4, 0, 24, 20]], [0, 0])
    seen = found([[0, 0, 20, 20], [1, 0, 21, 20]], [0.9, 0.8])
    assert voc_ap([there], [seen]).mean == pytest.approx(1 / 2)


def test_corners_are_inclusive_pixels_unless_offset_is_zero():
    """10 x 10 pixels inside 10 x 20 are half of it with continuous corners, and 11 x 11
    of 11 x 21, .524, with inclusive ones."""
    there = [truth([[0, 0, 10, 20]], [0])]
    seen = [found([[0, 0, 10, 10]], [1])]
    assert voc_ap(there, seen, iou=0.52).mean == 1
    assert voc_ap(there, seen, iou=0.52, offset=0).mean == 0
    assert voc_ap(there, seen, iou=0.5, offset=0).mean == 1  # at least, not above


def test_inclusive_pixels_and_the_readers_corners_give_the_same():
    """A reader moves x1 and y1 by a pixel, and the other corner stays."""
    rng = np.random.default_rng(0)
    shift = np.array([1, 1, 0, 0])
    truths, detections = [], []
    for _ in range(6):
        corner = rng.integers(1, 40, (5, 2))
        boxes = np.concatenate([corner, corner + rng.integers(5, 20, (5, 2))], 1)
        seen = boxes + rng.integers(-3, 4, (5, 4))
        truths.append(truth(boxes, [0] * 5))
        detections.append(found(seen, rng.random(5)))
    moved = [truth(x.boxes - shift, x.classes) for x in truths]
    same = [found(x.boxes - shift, x.scores) for x in detections]
    expected = voc_ap(truths, detections)
    assert 0 < expected.mean < 1
    assert voc_ap(moved, same, offset=0).mean == pytest.approx(expected.mean, abs=1e-9)


def test_the_mean_is_over_classes_with_truths_and_ranks_over_all_pictures():
    boxes = squares(1)
    truths = [truth(boxes, [0]), truth(boxes, [2]), truth([], [])]
    detections = [
        found([boxes[0], FAR], [0.4, 0.9], [0, 2]),
        found(boxes, [0.5], [2]),
        found([FAR, FAR], [0.3, 0.9], [0, 1]),
    ]
    scores = voc_ap(truths, detections)
    assert scores.by_class == pytest.approx({0: 1, 2: 1 / 2})
    assert scores.mean == pytest.approx(3 / 4)
    assert voc_ap([truth([], [])], [found([], [])]).mean == -1


def test_bad_input_is_refused():
    with pytest.raises(UserError, match="NaN"):
        voc_ap([truth([], [])], [found([[0, 0, 1, 1]], [np.nan])])
    with pytest.raises(UserError, match="one list for each picture"):
        voc_ap([truth([], [])], [])
