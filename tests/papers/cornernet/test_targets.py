"""Heat maps, cells and radii of given boxes: a failure means that the network is asked
for something else than the paper says."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.boxes import iou
from papers.cornernet.config import Targets
from papers.cornernet.targets import (
    encode,
    heat_maps,
    legacy_radius,
    object_radius,
    penalty_radius,
)


def radius(height: float, width: float, overlap: float) -> float:
    return float(object_radius(np.array(height), np.array(width), overlap))


@pytest.mark.parametrize(("overlap", "expected"), [(0.3, 5.7805), (0.7, 2.1548)])
def test_radius_of_the_specified_size(overlap, expected):
    assert abs(radius(20.0, 40.0, overlap) - expected) < 1e-4


@pytest.mark.parametrize("overlap", [0.3, 0.5, 0.7])
def test_corners_moved_by_the_radius_reach_the_overlap(overlap):
    """Of the three ways that both corners may move, the worst gives it exactly."""
    rng = np.random.default_rng(0)
    for height, width in rng.uniform(2, 100, (50, 2)):
        r = radius(height, width, overlap)
        box = np.array([[0.0, 0.0, width, height]])
        moved = box + r * np.array(
            [[1, 1, 1, 1], [1, 1, -1, -1], [-1, -1, 1, 1]], float
        )
        reached = iou(box, moved)[0]
        assert abs(reached.min() - overlap) < 1e-9


def test_the_first_release_had_a_larger_radius():
    sizes = np.random.default_rng(0).uniform(2, 100, (2, 50))
    right = object_radius(*sizes, 0.7)
    legacy = legacy_radius(*sizes, 0.7)
    assert (legacy > right).all()
    # Of its three roots the third, which lacks a divisor, is the smallest.
    h, w = 20.0, 40.0
    b, root = -1.4 * 60, np.sqrt((1.4 * 60) ** 2 + 16 * 0.7 * 0.3 * h * w)
    found = legacy_radius(np.array(h), np.array(w), 0.7)
    np.testing.assert_allclose(found, (b + root) / 2)


def test_radii_are_whole_cells_and_never_negative():
    sides = jnp.array([0.0, 1.0, 3.0, 20.0])
    found = penalty_radius(Targets(), sides, 2 * sides)
    assert found.tolist() == [0, *np.floor(object_radius(sides, 2 * sides, 0.3)[1:])]
    constant = penalty_radius(Targets("constant", constant=2.5), sides, sides)
    assert constant.tolist() == [2.5] * 4


def by_loops(objects, cells, n_classes):
    heat = np.zeros((*cells, n_classes))
    for row, column, r, label in objects:
        sigma = (2 * r + 1) / 6
        for i in range(cells[0]):
            for j in range(cells[1]):
                dy, dx = i - row, j - column
                if max(abs(dx), abs(dy)) <= r:
                    value = np.exp(-(dx * dx + dy * dy) / (2 * sigma**2))
                    heat[i, j, label] = max(heat[i, j, label], value)
    return heat


def test_heat_maps_are_those_of_the_loops():
    objects = [(2, 3, 2.0, 0), (3, 4, 1.0, 0), (0, 9, 3.0, 2), (5, 0, 0.0, 1)]
    row, column, r, label = (jnp.array(x) for x in zip(*objects, strict=True))
    found = heat_maps(row, column, r, label, (6, 10), 3)
    np.testing.assert_allclose(found, by_loops(objects, (6, 10), 3), atol=1e-6)
    assert (found == 1).sum() == 4


def test_published_sizes_scale_boxes_by_128_to_511():
    boxes = jnp.array([[[100.0, 40.0, 510.0, 511.0]]])
    run = partial(encode, Targets(), size=(511, 511), cells=(128, 128), n_classes=1)
    found = jax.jit(run)(boxes, jnp.zeros((1, 1), int), jnp.ones((1, 1), bool))
    tl, br, _ = found
    x, y = 100 * 128 / 511, 40 * 128 / 511
    assert (int(tl.column[0, 0]), int(tl.row[0, 0])) == (int(x), int(y))
    np.testing.assert_allclose(tl.offset[0, 0], [x % 1, y % 1], atol=1e-4)
    # The lower edge of the input lies on that of the last cell.
    assert (int(br.column[0, 0]), int(br.row[0, 0])) == (127, 127)
    np.testing.assert_allclose(br.offset[0, 0], [510 * 128 / 511 - 127, 1], atol=1e-4)


def test_objects_that_are_not_there_leave_no_heat():
    boxes = jnp.tile(jnp.array([4.0, 4.0, 20.0, 20.0]), (1, 3, 1))
    present = jnp.zeros((1, 3), bool)
    run = partial(encode, Targets(), size=(32, 32), cells=(8, 8), n_classes=2)
    found = jax.jit(run)(boxes, jnp.zeros((1, 3), int), present)
    assert not found.top_left.heat.any()
    assert not found.bottom_right.heat.any()
