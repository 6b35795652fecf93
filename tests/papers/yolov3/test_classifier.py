"""Training classifiers. A failure means that pictures are cut, turned or coloured
otherwise than darknet does, or that a detector does not get its trunk."""

import jax
import numpy as np
import pytest

from common.data import augment
from papers.yolov3 import classifier

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (12, 16, 3), np.uint8)
BLOCKS = np.kron(RNG.integers(0, 256, (4, 4, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def crop(picture, side, scale=1.0, aspect=1.0, angle=0.0, place=(0.0, 0.0)):
    return classifier.rotated_crop(picture, side, scale, aspect, angle, place)


def test_a_crop_without_changes_is_the_pictures_middle():
    np.testing.assert_array_equal(crop(PICTURE, 8), PICTURE[2:10, 4:12])


def test_a_crop_lies_right_and_down_of_the_middle():
    np.testing.assert_array_equal(crop(PICTURE, 8, place=(3, -2)), PICTURE[:8, 7:15])


def test_a_quarter_turn_turns_the_picture():
    square = PICTURE[:, :12]
    turned = crop(square, 12, angle=np.pi / 2)
    np.testing.assert_allclose(turned.astype(int), np.rot90(square), atol=1)


def test_what_is_outside_of_the_picture_is_black():
    found = crop(PICTURE, 20)
    np.testing.assert_array_equal(found[4:16, 2:18], PICTURE)
    assert not found[:4].any()
    assert not found[:, :2].any()


def test_scale_and_aspect_stretch_height_and_width():
    """Twice as high and, with aspect 2, as wide as before."""
    found = crop(BLOCKS, 32, scale=2.0, aspect=2.0)
    rows = BLOCKS[8:24].repeat(2, 0)
    inside = [4, 12, 20, 28]  # middles of blocks
    np.testing.assert_array_equal(found[8::16, inside], rows[8::16, inside])


def test_colours_stay_without_changes():
    found = classifier.recoloured(PICTURE, 0.0, 1.0, 1.0).astype(int)
    assert np.abs(found - PICTURE).max() <= 6  # HSV has 8 bits


def test_a_third_of_a_turn_of_hue_makes_red_green():
    red = np.full((2, 2, 3), [200, 0, 0], np.uint8)
    green = classifier.recoloured(red, 1 / 3, 1.0, 1.0)
    np.testing.assert_allclose(green.astype(int), [[[0, 200, 0]] * 2] * 2, atol=6)
    blue = classifier.recoloured(red, -1 / 3, 1.0, 1.0)
    np.testing.assert_allclose(blue.astype(int), [[[0, 0, 200]] * 2] * 2, atol=6)


def test_saturation_and_exposure_scale_and_are_clipped():
    pink = np.full((1, 1, 3), [200, 100, 100], np.uint8)
    grey = classifier.recoloured(pink, 0.0, 0.0, 1.0)
    np.testing.assert_array_equal(grey, [[[200, 200, 200]]])
    bright = classifier.recoloured(pink, 0.0, 1.0, 9.0)
    np.testing.assert_allclose(bright.astype(int), [[[255, 127, 127]]], atol=2)


def test_factors_lie_between_a_limit_and_its_inverse():
    rng = np.random.default_rng(0)
    factors = np.array([classifier.factor(rng, 0.75) for _ in range(400)])
    assert factors.min() >= 0.75
    assert factors.max() <= 1 / 0.75
    assert 0.4 < np.mean(factors < 1) < 0.6


@pytest.mark.parametrize("shape", [(40, 60, 3), (60, 40, 3), (7, 5, 3)])
def test_augmented_pictures_are_squares_and_differ(shape):
    picture = np.full(shape, 128, np.uint8)
    rng = np.random.default_rng(0)
    found = [classifier.augmented(picture, 32, rng) for _ in range(8)]
    assert {(x.shape, x.dtype) for x in found} == {((32, 32, 3), np.dtype("uint8"))}
    assert len({x.tobytes() for x in found}) > 1
    assert all(x[16, 16].any() for x in found)
    again = classifier.augmented(picture, 32, np.random.default_rng(0))
    np.testing.assert_array_equal(again, found[0])


def test_the_middle_square_is_what_a_classifier_is_tested_on():
    wide = classifier.centre_square(PICTURE, 12)
    np.testing.assert_array_equal(wide, PICTURE[:, 2:14])
    high = classifier.centre_square(PICTURE.transpose(1, 0, 2), 6)
    expected = augment.resize(PICTURE.transpose(1, 0, 2)[2:14], (6, 6))
    np.testing.assert_array_equal(high, expected)


def test_the_rate_rises_and_falls_with_the_fourth_power():
    rate = jax.jit(classifier.polynomial(0.1, 1000, power=4.0, burn_in=10))
    rates = [float(rate(step)) for step in (0, 4, 9, 500, 999, 1000)]
    expected = [1e-4, 0.5**4, 0.991**4, 0.5**4, 0.001**4, 0.0]
    np.testing.assert_allclose(rates, 0.1 * np.array([1e-4, *expected[1:]]), rtol=1e-3)
