"""From maps to boxes: a failure means that right maps give wrong boxes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.boxes import iou
from common.soft_nms_merge import soft_nms_merge
from papers.cornernet.config import Config, Eval, Targets
from papers.cornernet.decode import (
    Corners,
    decode,
    mirrored_back,
    pair,
    peaks,
)
from papers.cornernet.model import Corner, Prediction
from papers.cornernet.suppression import OFFSET, found_boxes
from papers.cornernet.targets import encode
from papers.cornernet.truth_maps import as_truth

SIZE = (64, 96)
CELLS = (16, 24)
CLASSES = 3
MOST = 6


def scene(rng: np.random.Generator):
    """Up to MOST boxes whose corners of one kind share no cell, nor touch."""
    boxes, classes = [], []
    for _ in range(rng.integers(1, MOST + 1)):
        corner = rng.uniform(0, [SIZE[1] - 12, SIZE[0] - 12])
        sides = rng.uniform(8, [SIZE[1], SIZE[0]] - corner)
        box = np.array([*corner, *(corner + sides)])
        label = int(rng.integers(CLASSES))
        apart = [
            np.abs(box // 4 - b // 4).reshape(2, 2).max(1).min() > 1 for b in boxes
        ]
        if all(apart):
            boxes.append(box)
            classes.append(label)
    n = len(boxes)
    padding = [np.zeros(4)] * (MOST - n)
    present = np.arange(MOST) < n
    return np.array(boxes + padding), np.array(classes + [0] * (MOST - n)), present


def scenes(count: int):
    rng = np.random.default_rng(0)
    boxes, classes, present = zip(*(scene(rng) for _ in range(count)), strict=True)
    arrays = np.array(boxes, np.float32), np.array(classes), np.array(present)
    return tuple(map(jnp.array, arrays))


def nothing(rows: int) -> Prediction:
    """Maps of an untrained network."""
    heat = jnp.full((rows, *CELLS, CLASSES), 0.01)
    zeros = jnp.zeros((rows, *CELLS, 1))
    offset = jnp.zeros((rows, *CELLS, 2))
    return Prediction(*[Corner(heat, zeros, offset)] * 2)


def test_true_maps_give_the_boxes_back():
    boxes, classes, present = scenes(200)
    config = Eval(corners=20, pairs=20)

    @jax.jit
    def run(*objects):
        truth = encode(Targets(), *objects, size=SIZE, cells=CELLS, n_classes=CLASSES)
        maps = as_truth(nothing(200), truth, heat=True, offset=True, tag=True)
        return decode(config, maps, 0.5)

    found = jax.device_get(run(boxes, classes, present))
    scale = np.array([SIZE[1] / CELLS[1], SIZE[0] / CELLS[0]] * 2)
    for i in range(200):
        wanted = np.array(boxes[i])[np.array(present[i])]
        there = np.array(found.present[i]) & (np.array(found.scores[i]) > 0.99)
        own = np.array(found.boxes[i])[there] * scale
        assert len(own) == len(wanted)
        labels = np.array(found.classes[i])[there]
        overlaps = iou(wanted, own)
        best = overlaps.argmax(1)
        assert np.abs(own[best] - wanted).max() < 0.5
        assert (labels[best] == np.array(classes[i])[np.array(present[i])]).all()


def test_peaks_are_cells_that_no_neighbour_of_their_class_exceeds():
    heat = np.random.default_rng(0).random((1, 6, 7, 2)).astype(np.float32)
    found = np.array(peaks(jnp.array(heat)))[0]
    for i in range(6):
        for j in range(7):
            for c in range(2):
                around = heat[0, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2, c]
                own = heat[0, i, j, c]
                assert found[i, j, c] == (own if own == around.max() else 0)


def corners(x, y, score=0.9, label=0, tag=0.0) -> Corners:
    one = [np.full((1, 1), v, np.float32) for v in (score, label, x, y, tag)]
    score, label, x, y, tag = map(jnp.array, one)
    return Corners(score, label.astype(int), x, y, tag)


@pytest.mark.parametrize(
    ("second", "there"),
    [
        (corners(5, 6), True),
        (corners(5, 6, tag=0.5), True),
        (corners(5, 6, tag=0.6), False),
        (corners(5, 6, label=1), False),
        (corners(1, 6), False),
        (corners(5, 1), False),
    ],
    ids=["fits", "tags close", "tags apart", "other class", "left of it", "above it"],
)
def test_pairs_that_cannot_be_a_box_are_rejected(second, there):
    found = jax.jit(lambda a, b: pair(a, b, 1, 0.5))(corners(2, 3, 0.7), second)
    assert bool(found.present[0, 0]) == there
    if there:
        np.testing.assert_allclose(found.scores[0, 0], 0.8, rtol=1e-6)
        assert found.boxes[0, 0].tolist() == [2, 3, 5, 6]


def test_any_pair_fits_an_infinite_threshold():
    found = pair(corners(2, 3), corners(5, 6, tag=1e6), 1, jnp.inf)
    assert bool(found.present[0, 0])


def test_a_mirrored_box_comes_back():
    found = pair(corners(2, 3), corners(5, 6), 1, 0.5)
    assert mirrored_back(found, 24).boxes[0, 0].tolist() == [19, 3, 22, 6]


def test_found_boxes_are_in_pixels_inside_the_input_and_few():
    config = Config()
    config.data.size = (64, 64)
    config.eval.suppression.keep = 3
    found = pair(corners(-1, 3), corners(17, 6), 1, 0.5)
    rows = found_boxes(config, found, (64, 64))
    assert rows["boxes"].shape == (1, 3, 4)
    assert rows["boxes"][0, 0].tolist() == [0, 12, 64, 24]
    assert rows["present"][0].tolist() == [True, False, False]


def merged_by_loops(boxes, scores, corner_scores, sigma, power, least):
    """The published rule, with whole rows."""
    rows = [[*b, s, *c] for b, s, c in zip(boxes, scores, corner_scores, strict=True)]
    results = []
    while rows:
        rows.sort(key=lambda row: -row[4])
        best = rows.pop(0)
        total = np.array([best[5], best[5], best[6], best[6]])
        box = np.array(best[:4]) * total
        left = []
        for row in rows:
            overlap = iou(np.array([best[:4]]), np.array([row[:4]]), 1.0)[0, 0]
            weight = np.exp(-(overlap**2) / sigma)
            mass = (1 - weight) ** power
            own = mass * np.array([row[5], row[5], row[6], row[6]])
            box, total = box + own * np.array(row[:4]), total + own
            row[4] *= weight
            if row[4] >= least:
                left.append(row)
        rows = left
        results.append([*(box / total), best[4]])
    return np.array(results)


def test_merging_suppression_is_the_published_rule():
    rng = np.random.default_rng(0)
    centres = rng.uniform(20, 40, (12, 2))
    sides = rng.uniform(10, 20, (12, 2))
    boxes = np.concatenate([centres - sides / 2, centres + sides / 2], 1)
    corner_scores = rng.uniform(0.2, 1, (12, 2))
    scores = corner_scores.mean(1)
    found = soft_nms_merge(
        jnp.array(boxes)[None], jnp.array(scores)[None], jnp.array(corner_scores)[None],
        sigma=0.5, power=2.0, score_threshold=1e-3, keep=12, offset=OFFSET,
    )  # fmt: skip
    expected = merged_by_loops(boxes, scores, corner_scores, 0.5, 2.0, 1e-3)
    count = int(found.present.sum())
    assert count == len(expected)
    np.testing.assert_allclose(found.boxes[0, :count], expected[:, :4], rtol=1e-4)
    np.testing.assert_allclose(found.scores[0, :count], expected[:, 4], rtol=1e-4)
