"""Average precision. A failure means that our numbers are not those of pycocotools'
own way in (a json, `loadRes`, `summarize`), or that an error stays unnoticed."""

import contextlib
import copy
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from common.contract import UserError
from common.detection_metrics import IOUS, coco_metrics, matches
from common.detection_tables import class_table, summary_table
from common.truth import found, truth

NAMES = ("cat", "dog", "eel")


def random_set(rng, pictures=8, classes=3):
    """Objects of all sizes, crowds, pictures without any; findings near them, far from
    them, with equal scores, and of a class without truths."""
    truths, detections = [], []
    for i in range(pictures):
        n = int(rng.integers(0, 6))
        corner = rng.uniform(0, 300, (n, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(4, 200, (n, 2))], 1)
        labels = rng.integers(0, classes - 1, n)
        crowd = rng.random(n) < 0.2
        area = np.prod(boxes[:, 2:] - boxes[:, :2], -1) * rng.uniform(0.5, 1, n)
        truths.append(truth(boxes, labels, crowd=crowd, area=area, image_id=i))
        k = int(rng.integers(0, 15))
        near = rng.integers(0, n, k) if n else np.zeros(0, int)
        seen = boxes[near] + rng.normal(0, 8, (len(near), 4))
        seen[:, 2:] = np.maximum(seen[:, 2:], seen[:, :2] + 1)
        scores = np.round(rng.random(len(near)), 1)
        seen_labels = np.where(
            rng.random(len(near)) < 0.7, labels[near], rng.integers(0, classes)
        )
        detections.append(found(seen, scores, seen_labels))
    return truths, detections


def by_summarize(truths, detections, classes=3) -> np.ndarray:
    """The twelve numbers as a user of pycocotools gets them."""
    categories = [{"id": 10 * k + 3, "name": NAMES[k]} for k in range(classes)]
    annotations, results = [], []
    for i, (there, seen) in enumerate(zip(truths, detections, strict=True)):
        for j in range(len(there)):
            x1, y1, x2, y2 = there.boxes[j].astype(float)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": i,
                    "category_id": 10 * int(there.classes[j]) + 3,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": float(there.area[j]),
                    "iscrowd": int(there.crowd[j]),
                }
            )
        for j in range(len(seen)):
            x1, y1, x2, y2 = seen.boxes[j].astype(float)
            results.append(
                {
                    "image_id": i,
                    "category_id": 10 * int(seen.classes[j]) + 3,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "score": float(seen.scores[j]),
                }
            )
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(len(truths))],
            "categories": categories,
            "annotations": annotations,
        }
        coco.createIndex()
        scorer = COCOeval(coco, coco.loadRes(copy.deepcopy(results)), "bbox")
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
    return scorer.stats


@pytest.mark.parametrize("seed", range(30))
def test_the_twelve_numbers_are_pycocotools(seed):
    truths, detections = random_set(np.random.default_rng(seed))
    s = coco_metrics(truths, detections, NAMES)
    ours = [s.ap, s.ap50, s.ap75, s.small, s.medium, s.large]
    ours += [s.ar1, s.ar10, s.ar100, s.ar_small, s.ar_medium, s.ar_large]
    np.testing.assert_allclose(
        ours, by_summarize(truths, detections), rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(s.by_class[:2][s.by_class[:2] >= 0].mean(), s.ap)
    np.testing.assert_allclose(s.by_iou.mean(), s.ap)
    np.testing.assert_allclose(s.curve(5).mean(), s.ap75)
    assert s.by_class[2] == -1  # nobody has seen an eel


def test_without_sizes_the_other_numbers_stay():
    truths, detections = random_set(np.random.default_rng(3))
    whole = coco_metrics(truths, detections, NAMES)
    quick = coco_metrics(truths, detections, NAMES, by_size=False)
    assert (quick.ap, quick.ap75, quick.ar100) == (whole.ap, whole.ap75, whole.ar100)
    assert quick.small == quick.ar_large == -1


def test_a_found_box_of_three_is_a_third_of_recall_at_full_precision():
    """Three objects, one hit exactly: precision 1 up to recall 1/3, then 0. Of the 101
    recalls 34 are reached: 0, .01, ... .33."""
    boxes = [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]]
    s = coco_metrics([truth(boxes, [0] * 3)], [found(boxes[:1], [0.9])], ["a"])
    assert s.ap == pytest.approx(34 / 101)
    assert s.small == pytest.approx(s.ap50)
    assert s.medium == s.large == -1
    assert s.ar1 == s.ar100 == pytest.approx(1 / 3)


def test_a_hit_counts_up_to_its_own_iou():
    """An IoU of .82 is a hit at .5 to .8, seven of the ten thresholds."""
    s = coco_metrics(
        [truth([[0, 0, 10, 10]], [0])], [found([[0, 0, 10, 8.2]], [1])], ["a"]
    )
    np.testing.assert_allclose(s.by_iou, (IOUS < 0.82).astype(float))


def test_findings_in_a_crowd_count_neither_way():
    boxes = [[0, 0, 10, 10], [20, 0, 80, 60]]
    there = truth(boxes, [0, 0], crowd=[False, True])
    seen = found([[21, 1, 30, 10], [40, 4, 60, 30], boxes[0]], [0.9, 0.8, 0.5])
    assert coco_metrics([there], [seen], ["a"]).ap == pytest.approx(1)
    plain = truth(boxes, [0, 0])
    assert coco_metrics([plain], [seen], ["a"]).ap < 0.3


def test_findings_on_difficult_objects_count_neither_way():
    boxes = [[0, 0, 10, 10], [20, 0, 80, 60]]
    there = truth(boxes, [0, 0], difficult=[False, True])
    seen = found(boxes[::-1], [0.9, 0.5])
    s = coco_metrics([there], [seen], ["a"])
    assert s.ap == pytest.approx(1)
    assert s.objects.tolist() == [1]
    assert s.large == -1


def test_no_findings_are_zero_and_no_truths_a_dash():
    none = coco_metrics([truth([[0, 0, 9, 9]], [0])], [found([], [])], NAMES)
    assert none.ap == none.small == none.ar100 == 0
    assert none.by_class.tolist() == [0, -1, -1]
    assert summary_table({"x": none}).rows[0][1:7] == [0, 0, 0, 0, None, None]
    empty = coco_metrics([truth([], [])], [found([[0, 0, 9, 9]], [1])], NAMES)
    assert empty.ap == -1
    assert (empty.curve() == -1).all()
    assert class_table(empty).rows == [[name, 0, None, None] for name in NAMES]


def test_the_size_limits_may_be_others():
    """On pictures of 64 pixels nothing is larger than COCO's medium."""
    boxes = [[0, 0, 10, 10], [20, 20, 60, 60]]
    s = coco_metrics(
        [truth(boxes, [0, 0])], [found(boxes[1:], [1])], ["a"], sides=(16, 24)
    )
    assert (s.small, s.medium, s.large) == pytest.approx((0, -1, 1))


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (found([[0, 0, 1, 1]], [np.nan]), "score is NaN"),
        (found([[0, 0, np.inf, 1]], [1]), "not finite"),
        (found([[0, 0, 1, 1]], [1], [3]), "finding of class 3, and there are 3"),
        (found([[0, 0, 1, 1]], [1], [-1]), "class -1"),
    ],
)
def test_what_has_no_rank_or_name_is_refused(seen, says):
    with pytest.raises(UserError, match=says):
        coco_metrics([truth([], [], image_id="p")], [seen], NAMES)


def test_lists_of_unequal_length_are_refused():
    with pytest.raises(UserError, match="1 pictures and findings in 0"):
        coco_metrics([truth([], [])], [], NAMES)


def test_matches_go_to_the_surest_and_to_its_own_class():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60]]
    there = truth(boxes, [0, 1, 0, 0], difficult=[0, 0, 0, 1])
    seen = found(
        [boxes[0], boxes[0], boxes[0], boxes[2], boxes[3]],
        [0.5, 0.9, 0.8, 0.1, 0.2],
        [0, 0, 1, 1, 0],
    )
    assert matches(there, seen).tolist() == [-1, 0, 1, -1, -2]
    assert matches(truth([], []), seen).tolist() == [-1] * 5
    assert matches(there, found([], [])).tolist() == []
