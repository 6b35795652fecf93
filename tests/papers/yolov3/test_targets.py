"""Who answers for an object. Fails where an object has no slot, or two."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.boxes import from_centres, iou
from papers.yolov3.decode import grid, scales
from papers.yolov3.model import build
from papers.yolov3.targets import Truths, best_prior, count_slots, targets

SCALES = scales(build("yolov3", 4))
SIZE = (416, 416)
ANCHORS = np.array(
    [[10, 13], [16, 30], [33, 23], [30, 61], [62, 45], [59, 119], [116, 90],
     [156, 198], [373, 326]], np.float32,
)  # fmt: skip
GRID = grid(SCALES, SIZE, jnp.array(ANCHORS))
NOWHERE = jnp.zeros((count_slots(SCALES, SIZE), 4))


MOST = 32  # objects of a case, padded


def truths(centres, classes, present=None):
    boxes = np.zeros((MOST, 4), np.float32)
    boxes[: len(classes)] = from_centres(np.array(centres, np.float32).reshape(-1, 4))
    labels = np.zeros(MOST, int)
    labels[: len(classes)] = classes
    there = np.zeros(MOST, bool)
    there[: len(classes)] = True if present is None else present
    return Truths(jnp.array(boxes), jnp.array(labels), jnp.array(there))


@partial(jax.jit, static_argnames="positive_above")
def compiled(given, predicted, ignore, positive_above=None):
    return targets(
        given, GRID, SCALES, jnp.array(ANCHORS), predicted, SIZE, 4,
        ignore=ignore, positive_above=positive_above,
    )  # fmt: skip


def aims(given, predicted=NOWHERE, ignore=0.5, positive_above=None):
    found = compiled(given, predicted, ignore, positive_above)
    return jax.tree.map(np.asarray, found)


def test_every_object_has_one_slot_over_all_scales():
    rng = np.random.default_rng(0)
    centres = np.concatenate(
        [rng.uniform(0, 416, (30, 2)), np.exp(rng.uniform(1.5, 6, (30, 2)))], -1
    )
    cells = {tuple(np.floor(c[:2] / 8)) for c in centres}
    assert len(cells) == 30  # no two can want one slot
    found = aims(truths(centres, np.zeros(30, int)))
    assert int(found.positive.sum()) == 30


def test_the_priors_own_boxes_are_their_own():
    boxes = np.concatenate([np.zeros((9, 2)), ANCHORS], -1)
    found = best_prior(jnp.array(from_centres(boxes)), jnp.array(ANCHORS))
    assert found.tolist() == [*range(9)]
    centres = np.concatenate([np.full((9, 2), 200.0), ANCHORS], -1)
    found = aims(truths(centres, np.zeros(9, int)))
    slots = np.flatnonzero(found.positive)
    assert np.asarray(GRID.prior)[slots].tolist() == [
        *ANCHORS[6:].tolist(), *ANCHORS[3:6].tolist(), *ANCHORS[:3].tolist()
    ]  # fmt: skip
    np.testing.assert_allclose(found.log_sides[slots], 0, atol=1e-6)


def test_a_slot_is_told_where_the_centre_lies_and_how_large_the_box_is():
    found = aims(truths([[100.0, 203.0, 40.0, 50.0]], [2]))
    (slot,) = np.flatnonzero(found.positive)
    prior = np.asarray(GRID.prior)[slot]
    stride = float(GRID.stride[slot, 0])
    assert prior.tolist() == [30, 61]
    assert stride == 16
    assert GRID.cell[slot].tolist() == [100 // 16, 203 // 16]
    np.testing.assert_allclose(found.offset[slot], [100 / 16 % 1, 203 / 16 % 1])
    np.testing.assert_allclose(
        found.log_sides[slot], np.log([40 / 30, 50 / 61]), rtol=1e-5
    )
    np.testing.assert_allclose(found.scale[slot], 2 - 40 * 50 / 416**2, rtol=1e-6)
    assert found.classes[slot].tolist() == [0, 0, 1, 0]


def test_of_two_objects_in_a_slot_the_last_ones_box_is_learnt_and_both_labels():
    """person and woman: labels that overlap are both right."""
    first, last = [100.0, 203.0, 40.0, 50.0], [101.0, 204.0, 41.0, 52.0]
    found = aims(truths([first, last], [1, 3]))
    (slot,) = np.flatnonzero(found.positive)
    assert found.classes[slot].tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(found.offset[slot], [101 / 16 % 1, 204 / 16 % 1])
    other = aims(truths([last, first], [3, 1]))
    np.testing.assert_allclose(other.offset[slot], [100 / 16 % 1, 203 / 16 % 1])


def test_absent_objects_change_nothing():
    box = [100.0, 203.0, 40.0, 50.0]
    alone = aims(truths([box], [1]), predicted=NOWHERE + jnp.array([80, 180, 120, 230]))
    padded = aims(
        truths([box, [100.0, 203.0, 41.0, 50.0], [0, 0, 0, 0]], [1, 2, 3], [1, 0, 0]),
        predicted=NOWHERE + jnp.array([80, 180, 120, 230]),
    )
    for name in alone._fields:
        kept = getattr(alone, name)
        np.testing.assert_array_equal(kept, getattr(padded, name), err_msg=name)


def test_a_slot_that_overlaps_an_object_is_not_told_that_it_is_none():
    given = truths([[100.0, 200.0, 40.0, 50.0]], [1])
    near = NOWHERE.at[5].set(jnp.array([81.0, 176.0, 121.0, 224.0]))
    far = near.at[6].set(jnp.array([100.0, 200.0, 140.0, 250.0]))
    found = aims(given, far)
    assert np.flatnonzero(found.ignored).tolist() == [5]
    everywhere = aims(given, NOWHERE + given.boxes[0])
    (slot,) = np.flatnonzero(everywhere.positive)
    assert not everywhere.ignored[
        slot
    ]  # the object's own slot is positive all the same
    assert int(everywhere.ignored.sum()) == len(NOWHERE) - 1


def test_two_thresholds_make_more_slots_positive():
    given = truths([[100.0, 200.0, 40.0, 50.0], [300.0, 300.0, 30.0, 60.0]], [1, 2])
    near = NOWHERE.at[5].set(given.boxes[1] + 1)
    assert iou(near[5:6], given.boxes[1:2])[0, 0] > 0.7
    found = aims(given, near, ignore=0.3, positive_above=0.7)
    assert found.positive[5]
    assert int(found.positive.sum()) == 3
    assert found.classes[5].tolist() == [0, 0, 1, 0]
    assert not aims(given, near, ignore=0.3).positive[5]


@pytest.mark.parametrize("edge", [0.0, 416.0])
def test_a_centre_on_the_border_has_a_cell(edge):
    assert int(aims(truths([[edge, edge, 40, 50]], [0])).positive.sum()) == 1


def test_a_prior_of_two_scales_makes_two_slots_positive_and_one_of_none_nothing():
    """The masks of darknet's first tiny cfg."""
    tiny = scales(build("yolov3-tiny-trained", 4))
    anchors = jnp.array(
        [[10, 14], [23, 27], [37, 58], [81, 82], [135, 169], [344, 319]]
    )
    anchors = anchors.astype(jnp.float32)
    nowhere = jnp.zeros((count_slots(tiny, SIZE), 4))
    slots = grid(tiny, SIZE, anchors)

    @jax.jit
    def rule(given):
        return targets(given, slots, tiny, anchors, nowhere, SIZE, 4, ignore=0.5)

    for prior, count in [(0, 0), (1, 1), (3, 2), (4, 1)]:
        given = truths([[200.0, 200.0, *np.asarray(anchors[prior])]], [0])
        assert int(rule(given).positive.sum()) == count, prior
