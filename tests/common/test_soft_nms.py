"""Suppression is the paper's loop: compared with 25 lines of numpy, and by its laws."""

from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.box_figures import matched
from common.boxes import iou
from common.soft_nms import Suppression, by_config, soft_nms, suppress
from common.truth import Found, truth

METHODS = ("hard", "linear", "gaussian")


def oracle(boxes, scores, method, iou_threshold=0.3, sigma=0.5, least=1e-3, offset=0.0):
    """The loop of the paper, box by box: indices and scores of what is selected."""
    scores = scores.astype(np.float64).copy()
    left = [i for i in range(len(scores)) if scores[i] >= least]
    selected, final = [], []
    while left:
        best = max(left, key=lambda i: (scores[i], -i))
        if scores[best] < least or scores[best] <= 0:
            break
        left.remove(best)
        selected.append(best)
        final.append(scores[best])
        x1, y1, x2, y2 = boxes[best]
        for i in left:
            a1, b1, a2, b2 = boxes[i]
            width = min(x2, a2) - max(x1, a1) + offset
            height = min(y2, b2) - max(y1, b1) + offset
            if width <= 0 or height <= 0:
                continue
            union = (x2 - x1 + offset) * (y2 - y1 + offset) - width * height
            overlap = width * height / (union + (a2 - a1 + offset) * (b2 - b1 + offset))
            if method == "gaussian":
                scores[i] *= np.exp(-(overlap**2) / sigma)
            elif overlap > iou_threshold:
                scores[i] *= 0 if method == "hard" else 1 - overlap
    return np.array(selected, int), np.array(final)


def random_set(seed, n, size=100):
    """Boxes around a few places, some of them twice."""
    rng = np.random.default_rng(seed)
    centres = rng.random((max(n // 4, 1), 2)) * size
    low = centres[rng.integers(len(centres), size=n)] + rng.normal(0, 3, (n, 2))
    boxes = np.concatenate([low, low + 10 + 20 * rng.random((n, 2))], 1)
    if n > 2:
        boxes[-1] = boxes[0]
    return boxes.astype(np.float32), rng.random(n).astype(np.float32)


def selected(found):
    """Indices and scores of the boxes that are there."""
    present = np.asarray(found.present)
    return np.asarray(found.index)[present], np.asarray(found.scores)[present]


@pytest.mark.parametrize("method", METHODS)
def test_equals_the_loop_on_200_random_sets(method):
    rng = np.random.default_rng(1)
    programs = soft_nms._cache_size()
    for seed in range(200):
        n = [0, 1, 2][seed] if seed < 3 else int(rng.integers(3, 40))
        boxes, scores = random_set(seed, n)
        offset = seed % 2
        alive = np.arange(40) < n
        found = soft_nms(
            np.pad(boxes, ((0, 40 - n), (0, 0))),
            np.pad(scores, (0, 40 - n)),
            method=method,
            alive=alive,
            offset=float(offset),
        )
        index, values = selected(found)
        expected, final = oracle(boxes, scores, method, offset=offset)
        assert index.tolist() == expected.tolist(), seed
        assert np.allclose(values, final, rtol=1e-5)
    assert soft_nms._cache_size() == programs + 1


@pytest.mark.parametrize(
    ("method", "final"),
    [("hard", {"A": 0.9, "D": 0.6}),
     ("linear", {"A": 0.9, "D": 0.6, "C": 0.466667, "B": 0.16}),
     ("gaussian", {"A": 0.9, "D": 0.6, "C": 0.560516, "B": 0.205329})],
)  # fmt: skip
def test_worked_example(method, final):
    """Four boxes of inclusive pixels, by hand."""
    boxes = jnp.array(
        [[0, 0, 9, 9], [0, 0, 9, 7], [0, 5, 9, 14], [50, 50, 59, 59]], jnp.float32
    )
    scores = jnp.array([0.9, 0.8, 0.7, 0.6])
    index, values = selected(soft_nms(boxes, scores, method=method, offset=1.0))
    assert ["ABCD"[i] for i in index] == [*final]
    assert np.allclose(values, [*final.values()], atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_equals_the_authors_code(method):
    """Boxes, scores and order, of stored outputs (soft_nms_reference.py)."""
    with np.load(Path(__file__).with_name("soft_nms_reference.npz")) as file:
        for seed in range(6):
            rows, kept = file[f"rows_{seed}"], file[f"{method}_{seed}"]
            room = [(0, 60 - len(rows)), (0, 0)]
            padded = np.pad(rows, room)
            found = soft_nms(padded[:, :4], padded[:, 4], method=method, offset=1.0)
            there = np.asarray(found.present)
            assert there.sum() == len(kept)
            np.testing.assert_array_equal(found.boxes[there], kept[:, :4])
            np.testing.assert_allclose(found.scores[there], kept[:, 4], rtol=1e-5)


def test_suppress_is_each_class_alone():
    boxes, _ = random_set(0, 60)
    scores = np.random.default_rng(0).random((60, 5)).astype(np.float32)
    found = suppress(boxes, scores, method="gaussian", keep=60)
    rows = []
    for c in range(5):
        index, values = oracle(boxes, scores[:, c], "gaussian")
        rows += [(-v, c, i) for i, v in zip(index, values, strict=True)]
    expected = sorted(rows)[:60]
    assert np.allclose(found.scores, [-v for v, _, _ in expected], rtol=1e-5)
    assert np.asarray(found.classes).tolist() == [c for _, c, _ in expected]
    assert np.asarray(found.index).tolist() == [i for _, _, i in expected]
    assert np.array_equal(found.boxes, boxes[np.asarray(found.index)])


def test_a_config_says_all():
    boxes, _ = random_set(3, 30)
    scores = np.random.default_rng(3).random((30, 4)).astype(np.float32)
    found = by_config(boxes, scores, Suppression("linear", keep=7, per_class=5))
    assert found.scores.shape == (7,)
    agnostic = by_config(boxes, scores, Suppression(iou_threshold=0.2, agnostic=True))
    index = np.asarray(agnostic.index)[np.asarray(agnostic.present)]
    overlaps = iou(boxes[index], boxes[index]) - np.eye(len(index))
    assert overlaps.max() <= 0.2
    assert np.array_equal(agnostic.classes[: len(index)], scores[index].argmax(-1))


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_is_each_of_its_images(method):
    """Side by side, under vmap, and one after another, with the table of all pairs
    and without."""
    sets = [random_set(seed, 150) for seed in range(3)]
    boxes = np.stack([b for b, _ in sets])
    scores = np.random.default_rng(0).random((3, 150, 4)).astype(np.float32)

    def one(boxes, scores):
        return suppress(boxes, scores, method=method, keep=50, per_class=40)

    together = one(boxes, scores)
    mapped = jax.vmap(one)(boxes, scores)
    for i in range(3):
        alone = one(boxes[i], scores[i])
        for found in (together, mapped):
            row = jax.tree.map(lambda x, i=i: x[i], found)
            chex.assert_trees_all_close(row, alone, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_where_all_are_kept_no_class_loses_one(method):
    """1,500 places, of which classes fill few or many."""
    boxes, _ = random_set(2, 150)
    scores = np.random.default_rng(2).random((150, 10)).astype(np.float32) ** 3
    found = suppress(boxes, scores, method=method, keep=1500)
    alone = soft_nms(np.broadcast_to(boxes, (10, 150, 4)), scores.T, method=method)
    there = np.asarray(alone.present)
    values = np.asarray(alone.scores)[there]
    order = np.argsort(-values, kind="stable")
    present = np.asarray(found.present)
    assert present.sum() == len(values)
    np.testing.assert_allclose(found.scores[present], values[order], rtol=1e-6)
    classes = np.broadcast_to(np.arange(10)[:, None], there.shape)[there]
    assert np.asarray(found.classes)[present].tolist() == classes[order].tolist()
    index = np.asarray(alone.index)[there]
    assert np.asarray(found.index)[present].tolist() == index[order].tolist()


def test_without_the_table_of_pairs_it_is_the_same(monkeypatch):
    boxes, _ = random_set(0, 150)
    scores = np.random.default_rng(0).random((150, 4)).astype(np.float32)
    with_table = suppress(boxes, scores)
    monkeypatch.setattr("common.soft_nms.TABLE", 0)
    chex.assert_trees_all_close(suppress(boxes, scores), with_table, rtol=1e-6)


@pytest.mark.parametrize("n", [128, 129, 300, 1000])
def test_rows_of_any_length_have_one_best(n):
    """Lengths around those in which scores are compared; many scores are equal."""
    scores = np.random.default_rng(n).integers(1, 9, n).astype(np.float32) / 9
    boxes = np.arange(n, dtype=np.float32)[:, None] * 20 + [0, 0, 10, 10]
    index, values = selected(soft_nms(boxes, scores))
    assert index.tolist() == np.argsort(-scores, kind="stable").tolist()
    assert np.array_equal(values, np.sort(scores)[::-1])


def pair(overlap):
    """Two boxes, 10 x 10, with this IoU."""
    shift = 10 * (1 - overlap) / (1 + overlap)
    boxes = np.array([[0, 0, 10, 10], [shift, 0, 10 + shift, 10]], np.float32)
    return boxes, np.array([0.9, 0.8], np.float32)


def rescored(overlap, **rule):
    """The second score of `pair` after suppression by the first."""
    found = soft_nms(*pair(overlap), score_threshold=0.0, **rule)
    return float(found.scores[1])


def test_the_limits_of_the_rules():
    assert rescored(0.29, method="linear") == pytest.approx(0.8)
    assert rescored(0.29, method="hard") == pytest.approx(0.8)
    assert rescored(0.5, method="linear") == pytest.approx(0.4)
    assert rescored(1.0, method="linear") == 0
    assert rescored(1.0, method="gaussian") == pytest.approx(0.8 * np.exp(-2))
    assert rescored(0.7, method="linear", iou_threshold=1.0) == pytest.approx(0.8)


@pytest.mark.parametrize("seed", range(3))
def test_gaussian_with_no_width_is_hard_at_no_overlap(seed):
    boxes, scores = random_set(seed, 40)
    soft, _ = selected(soft_nms(boxes, scores, method="gaussian", sigma=1e-9))
    hard, _ = selected(soft_nms(boxes, scores, method="hard", iou_threshold=1e-4))
    overlaps = np.asarray(iou(boxes, boxes))
    assert not ((overlaps > 0) & (overlaps < 1e-4)).any()
    assert soft.tolist() == hard.tolist()


def test_hard_keeps_no_two_that_overlap_and_drops_none_that_stands_alone():
    boxes, scores = random_set(0, 200)
    index, values = selected(soft_nms(boxes, scores, method="hard"))
    overlaps = np.asarray(iou(boxes, boxes)) > 0.3
    assert np.array_equal(values, scores[index])
    assert overlaps[np.ix_(index, index)].sum() == len(index)
    stronger = overlaps & (scores > scores[:, None])
    dropped = np.setdiff1d(np.flatnonzero(scores >= 1e-3), index)
    assert stronger[np.ix_(dropped, index)].any(1).all()


@pytest.mark.parametrize("method", METHODS)
def test_scores_only_fall_and_the_best_stays(method):
    boxes, scores = random_set(4, 60)
    index, values = selected(soft_nms(boxes, scores, method=method))
    assert values[0] == scores.max()
    assert (values <= scores[index]).all()
    assert (np.diff(values) <= 0).all()
    assert not np.array_equal(values, scores[index]) or method == "hard"


@pytest.mark.parametrize("method", METHODS)
def test_a_box_far_away_changes_nothing_else(method):
    boxes, scores = random_set(5, 60)
    alone, values = selected(soft_nms(boxes, scores, method=method))
    far = np.concatenate([boxes, [[9000, 9000, 9010, 9010]]]).astype(np.float32)
    both = selected(soft_nms(far, np.append(scores, np.float32(0.5)), method=method))
    kept = both[0] != 60
    assert both[0][kept].tolist() == alone.tolist()
    assert np.allclose(both[1][kept], values, rtol=1e-6)
    assert both[1][~kept] == 0.5


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_the_boxes_does_not_matter(method):
    boxes, scores = random_set(6, 60)
    order = np.random.default_rng(0).permutation(60)
    index, values = selected(soft_nms(boxes, scores, method=method))
    again, same = selected(soft_nms(boxes[order], scores[order], method=method))
    assert order[again].tolist() == index.tolist()
    assert np.allclose(values, same, rtol=1e-5)


def test_equal_scores_come_by_index():
    boxes = np.arange(4)[:, None] * 20 + np.array([[0, 0, 10, 10]], np.float32)
    index, _ = selected(soft_nms(boxes, np.full(4, 0.5, np.float32)))
    assert index.tolist() == [0, 1, 2, 3]


def test_one_rule_for_the_threshold():
    """A lone box below it ends, as does the first, the last, and one that decays."""
    assert not soft_nms(*pair(0.0), score_threshold=0.95).present.any()
    boxes, _ = pair(0.0)
    low = np.array([5e-4, 0.8], np.float32)
    assert selected(soft_nms(boxes, low))[0].tolist() == [1]
    assert selected(soft_nms(boxes[:1], low[:1]))[0].tolist() == []
    found = soft_nms(*pair(0.9), method="linear", score_threshold=0.2)
    assert selected(found)[0].tolist() == [0]


def test_scores_and_boxes_that_are_no_numbers_take_no_part():
    boxes, scores = random_set(7, 30)
    expected = selected(soft_nms(boxes[:28], scores[:28], method="gaussian"))
    scores[28] = np.nan
    boxes[29, 2] = np.nan
    found = selected(soft_nms(boxes, scores, method="gaussian"))
    assert found[0].tolist() == expected[0].tolist()
    assert np.allclose(found[1], expected[1])


def test_no_gradient_passes():
    boxes, scores = random_set(8, 20)
    grad = jax.grad(lambda s: soft_nms(boxes, s).scores.sum())(jnp.asarray(scores))
    assert not grad.any()


def test_more_places_than_boxes():
    boxes, scores = random_set(9, 5)
    found = soft_nms(boxes, scores, keep=9)
    assert found.scores.shape == (9,)
    assert not found.present[5:].any()
    many = suppress(boxes, np.stack([scores, scores], 1), keep=30)
    assert many.scores.shape == (30,)
    assert int(many.present.sum()) == 2 * int(found.present.sum())
    none = suppress(np.zeros((0, 4), np.float32), np.zeros((0, 3), np.float32))
    assert not none.present.any()
    assert none.classes.shape == (100,)


def test_soft_finds_both_of_two_objects():
    """Two objects with an IoU of .6, each found by jittered boxes, in 100 scenes: hard
    suppression at .5 can never find the second one."""
    real = 5 * pair(0.6)[0]
    rng = np.random.default_rng(0)
    boxes = np.repeat(real, 4, 0) + rng.normal(0, 1.5, (100, 8, 4))
    scores = rng.uniform(0.6, 0.9, (100, 8))
    recalls = {}
    for method in METHODS:
        rows = jax.device_get(soft_nms(boxes, scores, method=method, iou_threshold=0.5))
        seen = []
        for i in range(100):
            classes = np.where(rows.present[i], 0, -1)
            one = Found(rows.boxes[i], rows.scores[i], classes)
            seen.append(matched(truth(real, [0, 0]), one, 0.75)[1])
        recalls[method] = np.mean(seen)
    assert recalls["hard"] <= 0.6
    assert recalls["linear"] > 0.95
    assert recalls["gaussian"] > 0.95
