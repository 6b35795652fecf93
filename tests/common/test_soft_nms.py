"""Suppression is the paper's loop: compared with 25 lines of numpy, and by its laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.boxes import iou
from common.soft_nms import Suppression, by_config, soft_nms, suppress

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
    compiled = jax.jit(
        lambda boxes, scores, alive, offset: soft_nms(
            boxes, scores, method=method, alive=alive, offset=offset
        )
    )
    rng = np.random.default_rng(1)
    for seed in range(200):
        n = [0, 1, 2][seed] if seed < 3 else int(rng.integers(3, 40))
        boxes, scores = random_set(seed, n)
        offset = seed % 2
        alive = np.arange(40) < n
        found = compiled(
            np.pad(boxes, ((0, 40 - n), (0, 0))), np.pad(scores, (0, 40 - n)), alive,
            float(offset),
        )  # fmt: skip
        index, values = selected(found)
        expected, final = oracle(boxes, scores, method, offset=offset)
        assert index.tolist() == expected.tolist(), seed
        assert np.allclose(values, final, rtol=1e-5)
    assert compiled._cache_size() == 1


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
