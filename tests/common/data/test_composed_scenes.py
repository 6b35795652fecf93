"""Composed scenes. A failure means that splits share a digit or a photograph, that a
box is not the tight box of its ink, or that the crowds are not what they say."""

import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from common.data import scene_parts
from common.data.composed_scenes import digit_crops, scenes
from common.data.scene_parts import PHOTOGRAPHS

SPLITS = ("train", "valid", "test")


def overlaps(truth) -> np.ndarray:
    """IoU of all pairs of a picture's boxes; 0 of a box with itself."""
    a = truth.boxes[:, None].astype(float)
    b = truth.boxes[None].astype(float)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    both = sides.clip(0).prod(-1)
    areas = (truth.boxes[:, 2:] - truth.boxes[:, :2]).astype(float).prod(-1)
    iou = both / (areas[:, None] + areas - both)
    np.fill_diagonal(iou, 0)
    return iou


def test_splits_share_no_photograph_and_no_digit():
    names = [name for split in SPLITS for name in PHOTOGRAPHS[split]]
    assert len({*names}) == len(names) == 12
    glyphs = {}
    for split, count in zip(SPLITS, (350, 50, 100), strict=True):
        digits = scene_parts._digits(split)
        assert [*map(len, digits)] == [count] * 10
        glyphs[split] = {
            (digit.size, digit.tobytes()) for of_class in digits for digit in of_class
        }
    assert not glyphs["train"] & glyphs["test"]
    assert not glyphs["train"] & glyphs["valid"]
    assert not glyphs["valid"] & glyphs["test"]


@pytest.mark.parametrize("split", SPLITS)
def test_a_scene_is_the_same_however_many_are_made(split):
    few = scenes(split, 3)
    more = scenes(split, 5)
    np.testing.assert_array_equal(few.pictures, more.pictures[:3])
    for i in range(3):
        np.testing.assert_array_equal(few.truth(i).boxes, more.truth(i).boxes)
    other = scenes(split, 3, seed=1)
    assert (other.pictures != few.pictures).any((1, 2, 3)).all()


def test_boxes_are_whole_pixels_inside_the_scene_and_of_the_sizes_asked_for():
    data = scenes("train", 100, size=64, ink=(16, 36), digits=(2, 4))
    assert data.pictures.shape == (100, 64, 64, 3)
    assert data.pictures.dtype == np.uint8
    for truth in data.truths:
        assert 1 <= len(truth) <= 4
        assert (truth.boxes >= 0).all()
        assert (truth.boxes <= 64).all()
        np.testing.assert_array_equal(truth.boxes, np.round(truth.boxes))
        longer = (truth.boxes[:, 2:] - truth.boxes[:, :2]).max(-1)
        assert (longer >= 13).all()
        assert (longer <= 36).all()
        assert not truth.crowd.any()
        assert not truth.difficult.any()


def test_a_box_is_tight_around_the_brightest_pixels():
    """Digits are of 120 and more in each channel, the photographs below 103."""
    data = scenes("train", 60, digits=(1, 1))
    gaps = []
    for i in range(60):
        x1, y1, x2, y2 = data.truth(i).boxes[0].astype(int)
        inked = (data.picture(i) > 103).any(-1)
        rows = np.flatnonzero(inked.any(1))
        columns = np.flatnonzero(inked.any(0))
        gaps.append([columns[0] - x1, rows[0] - y1, x2 - 1 - columns[-1]])
        gaps[-1].append(y2 - 1 - rows[-1])
    assert np.min(gaps) == 0  # nothing bright is outside
    assert np.mean(np.array(gaps) <= 2) > 0.95  # pale ends of strokes are inside


def test_a_third_of_the_digits_have_a_neighbour_of_their_class():
    data = scenes("train", 300)
    crowded = []
    for truth in data.truths:
        iou = overlaps(truth)
        same = truth.classes[:, None] == truth.classes
        assert iou.max() <= 0.65 + 1e-6
        assert (iou[~same] <= 0.65 + 1e-6).all()
        crowded += [*((iou * same).max(0) > 0.3)]
    assert 0.3 < np.mean(crowded) < 0.5
    assert 2.8 < np.mean([*map(len, data.truths)]) < 3.2


def test_one_class_and_parity_are_the_same_scenes_with_other_labels():
    ten = scenes("test", 8)
    one = scenes("test", 8, one_class=True)
    both = scenes("test", 8, parity=True)
    assert ten.names == tuple("0123456789")
    assert one.names == ("digit",)
    assert both.names[10:] == ("even", "odd")
    for i in range(8):
        n = len(ten.truth(i))
        assert (one.truth(i).classes == 0).all()
        np.testing.assert_array_equal(one.truth(i).boxes, ten.truth(i).boxes)
        classes = both.truth(i).classes
        np.testing.assert_array_equal(classes[:n], ten.truth(i).classes)
        np.testing.assert_array_equal(classes[n:], 10 + classes[:n] % 2)
        np.testing.assert_array_equal(both.truth(i).boxes[n:], ten.truth(i).boxes)


def test_log_uniform_sizes_have_as_many_small_ones_as_large_ones():
    """The median of log-uniform 8..48 is 19.6, of uniform ones 28."""
    data = scenes("train", 200, size=96, ink=(8, 48), digits=(1, 2), log_uniform=True)
    boxes = np.concatenate([truth.boxes for truth in data.truths])
    longer = (boxes[:, 2:] - boxes[:, :2]).max(-1)
    assert 16 < np.median(longer) < 23


def test_digit_crops_have_equal_classes_and_differ_between_splits():
    data = digit_crops("valid", 40)
    assert data.images.shape == (40, 32, 32, 3)
    assert [*np.bincount(data.labels)] == [4] * 10
    assert (data.images.max((1, 2, 3)) > 110).all()
    assert (digit_crops("test", 40).images != data.images).any()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"split": "tset"}, "did you mean test"),
        ({"count": 0}, "give 1 or more"),
        ({"ink": (16, 80)}, "the scene's size"),
        ({"digits": (3, 2)}, "1 <= a <= b"),
    ],
)
def test_what_cannot_be_composed_is_refused(changed, says):
    with pytest.raises(UserError, match=says):
        scenes(**{"split": "test", "count": 2, **changed})


def test_a_part_of_a_photograph_shows_most_of_its_shorter_side(monkeypatch):
    ramp = np.repeat(np.arange(250, dtype=np.uint8)[None, :, None], 400, axis=0)
    photograph = Image.fromarray(np.repeat(ramp, 3, axis=2))  # x is the brightness
    monkeypatch.setattr(scene_parts, "_photograph", lambda _: photograph)
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(40):
        row = scene_parts.part_of("x", 50, rng)[20, :, 0] / scene_parts.DIM
        shares.append((row[-1] - row[0]) / 250)
    assert 0.55 < min(shares) < 0.7
    assert 0.9 < max(shares) <= 1
