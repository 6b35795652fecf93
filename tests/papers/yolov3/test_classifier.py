"""Training classifiers. A failure means that they see other parts of a picture than
darknet's, or learn at another rate."""

import jax
import numpy as np
import pytest

from common.data import augment
from papers.yolov3 import classifier

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (12, 16, 3), np.uint8)


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
