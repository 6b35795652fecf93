"""Augmentations that move boxes. A failure means that a box is no longer around its
object, or that a colour is not the one that HSV says."""

import colorsys

import numpy as np
import pytest

from common.data.box_augment import (
    _recoloured,
    darknet_crop,
    darknet_view,
    distorted,
    inside,
    mirrored,
)
from common.truth import truth

PLAIN = {"hue": 0, "saturation": 1, "exposure": 1}


def square(height, width, box) -> np.ndarray:
    """White in the box, black elsewhere."""
    image = np.zeros((height, width, 3), np.uint8)
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = 255
    return image


def seen(image) -> np.ndarray:
    """The corners of what is white, to half a pixel of blur."""
    lit = image[..., 0] > 190
    rows = np.flatnonzero(lit.any(1))
    columns = np.flatnonzero(lit.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


@pytest.mark.parametrize("shape", [(60, 100), (101, 57), (64, 64)])
@pytest.mark.parametrize("size", [(64, 64), (96, 64), (64, 96)])
def test_boxes_stay_around_their_objects(shape, size):
    box = [20, 16, 44, 50]
    picture = square(*shape, box)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        image, moved = darknet_view(picture, truth([box], [3]), size, rng, **PLAIN)
        assert image.shape == (*size, 3)
        assert image.dtype == np.uint8
        np.testing.assert_allclose(moved.boxes[0], seen(image), atol=1.6)
        assert moved.classes.tolist() == [3]


def test_without_jitter_the_picture_fills_one_side_between_grey():
    picture = square(50, 100, [0, 0, 100, 50])
    rng = np.random.default_rng(0)
    image, moved = darknet_view(
        picture, truth([[0, 0, 100, 50]], [0]), (64, 64), rng, jitter=0, **PLAIN
    )
    top = int(moved.boxes[0, 1])
    np.testing.assert_allclose(moved.boxes, [[0, top, 64, top + 32]])
    assert (image[top : top + 32] == 255).all()
    assert (np.delete(image, slice(top, top + 32), 0) == 128).all()


def test_places_shapes_and_mirrors_vary_as_darknets_do():
    """The ratio of the sides lies between .7 / 1.3 and 1.3 / .7 of the picture's."""
    box = [0, 0, 40, 40]
    picture = square(80, 80, box)
    ratios, lefts, mirrors = [], [], 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        _, moved = darknet_view(picture, truth([box], [0]), (64, 64), rng, **PLAIN)
        x1, _, x2, y2 = moved.boxes[0]
        ratios.append((x2 - x1) / (y2 - moved.boxes[0, 1]))
        lefts.append(x1)
        mirrors += x2 > 32.5
    assert 0.53 < min(ratios) < 0.65
    assert 1.5 < max(ratios) < 1.9
    assert 0.3 < mirrors / 300 < 0.8
    assert len({*lefts}) > 20


def test_the_same_generator_gives_the_same_image():
    picture = square(50, 70, [5, 5, 20, 20])
    objects = truth([[5, 5, 20, 20]], [0])
    one, other, third = (
        darknet_view(picture, objects, (64, 64), np.random.default_rng(seed))[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, other)
    assert (one != third).any()


def test_pictures_without_objects_and_grey_canvases_go_through():
    rng = np.random.default_rng(0)
    image, none = darknet_view(
        np.zeros((1, 300, 3), np.uint8), truth([], []), (32, 32), rng
    )
    assert image.shape == (32, 32, 3)
    assert len(none) == 0


def test_boxes_are_cut_to_the_image_and_slivers_dropped():
    boxes = [[-5, -5, 10, 10], [63.97, 0, 90, 9], [5, 5, 9, 70], [70, 70, 80, 80]]
    kept = inside(truth(boxes, [0, 1, 2, 3]), (64, 64))
    assert kept.boxes.tolist() == [[0, 0, 10, 10], [5, 5, 9, 64]]
    assert kept.classes.tolist() == [0, 2]


def test_twice_mirrored_is_as_it_was():
    picture = square(10, 31, [3, 2, 9, 7])
    once = mirrored(picture, truth([[3, 2, 9, 7]], [0]))
    assert once[1].boxes.tolist() == [[22, 2, 28, 7]]
    np.testing.assert_array_equal(seen(once[0]), once[1].boxes[0])
    image, back = mirrored(*once)
    np.testing.assert_array_equal(image, picture)
    assert back.boxes.tolist() == [[3, 2, 9, 7]]


@pytest.mark.parametrize(
    ("turn", "saturation", "exposure"),
    [(0, 1, 1), (0.1, 1, 1), (-0.1, 1.5, 1), (0.07, 0.7, 1.4), (0, 1, 1 / 1.5)],
)
def test_colours_are_those_of_hsv(turn, saturation, exposure):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (12, 10, 3), np.uint8)
    image[0] = [[0, 0, 0]] * 4 + [[255, 255, 255]] * 3 + [[90, 90, 90]] * 3
    expected = np.zeros((12, 10, 3))
    for i in np.ndindex(12, 10):
        h, s, v = colorsys.rgb_to_hsv(*image[i] / 255)
        h = (h + turn) % 1
        # colorsys wants a saturation up to 1; a channel is linear in it.
        grey = np.array([v] * 3)
        pure = np.array(colorsys.hsv_to_rgb(h, s, v))
        expected[i] = (grey + saturation * (pure - grey)) * exposure
    found = _recoloured(image, turn, saturation, exposure)
    np.testing.assert_allclose(found, expected.clip(0, 1) * 255, atol=0.51)


def test_distortions_are_within_their_bounds_and_both_ways():
    image = np.full((1, 1, 3), 90, np.uint8)
    values = [
        distorted(image, np.random.default_rng(seed), 0.1, 1.5, 1.5)[0, 0, 0]
        for seed in range(200)
    ]
    assert 60 <= min(values) < 64
    assert 130 < max(values) <= 135


def test_a_crop_without_change_is_the_middle():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (40, 40, 3), np.uint8)
    still = {"angle": 0, "aspect": 1, "flip": False, **PLAIN}
    crop = darknet_crop(image, 40, rng, short=(40, 40), **still)
    np.testing.assert_array_equal(crop, image)
    wide = np.pad(image, ((0, 0), (10, 10), (0, 0)))
    lefts = set()
    for seed in range(40):
        crop = darknet_crop(
            wide, 40, np.random.default_rng(seed), short=(40, 40), **still
        )
        lefts.add(int((crop == 0).all((0, 2)).sum()))
    assert len(lefts) > 3  # some of the black sides are in most


def test_a_turned_crop_is_turned_by_its_angle():
    """A bar through the middle."""
    image = np.zeros((81, 81, 3), np.uint8)
    image[38:43] = 255
    angles = []
    for seed in range(30):
        crop = darknet_crop(
            image, 81, np.random.default_rng(seed), short=(81, 81), aspect=1, **PLAIN
        )
        rows = np.arange(81)[:, None]
        lit = crop[..., 0].astype(float)
        middle = (lit * rows).sum(0) / lit.sum(0).clip(1)
        angles.append(np.degrees(np.arctan((middle[70] - middle[10]) / 60)))
    assert 5.5 < np.abs(angles).max() < 7.3
    assert min(angles) < -2 < 2 < max(angles)
