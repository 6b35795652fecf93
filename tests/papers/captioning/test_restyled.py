"""Pictures in another style: what stays, and how much changes."""

import numpy as np
import pytest

from papers.captioning.items import View
from papers.captioning.restyled import SHIFT, restyled

SAND = (210, 180, 120)
RNG = np.random.default_rng(0)


def square(side=40, colour=(200, 40, 60)):
    """A square in the middle of a plain ground."""
    picture = np.full((side, side, 3), SAND, np.uint8)
    picture[side // 4 : -side // 4, side // 4 : -side // 4] = colour
    return picture


def seen(picture):
    """Where the picture differs from its ground."""
    return np.abs(picture.astype(int) - SAND).sum(axis=-1) > 9


def test_a_strength_of_0_changes_nothing():
    picture = RNG.integers(0, 256, (9, 12, 3), np.uint8)
    np.testing.assert_array_equal(restyled(picture, RNG, 0.0), picture)


def test_a_plain_picture_stays_as_it_is():
    plain = np.full((16, 16, 3), SAND, np.uint8)
    for _ in range(20):
        np.testing.assert_array_equal(restyled(plain, RNG, 1.0), plain)


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_the_ground_stays_and_the_middle_moves_by_less_than_the_most(strength):
    picture = square()
    places = []
    for _ in range(50):
        found = restyled(picture, RNG, strength)
        assert found.shape == picture.shape
        assert found.dtype == np.uint8
        places.append(np.argwhere(seen(found)).mean(axis=0) - 19.5)
    most = 40 * SHIFT * strength
    # A zoom multiplies the shift by up to 1.4, and a square may reach the border.
    assert np.abs(places).max() < 2 * most
    assert np.abs(places).max() > 0.4 * most


def test_colours_and_sizes_differ_from_draw_to_draw():
    drawn = [restyled(square(), RNG, 1.0) for _ in range(50)]
    sizes = [seen(picture).sum() for picture in drawn]
    assert max(sizes) > 2 * min(sizes)
    middles = np.array([picture[20, 20] for picture in drawn], float)
    assert (middles.std(axis=0) > 8).all()


def test_training_restyles_and_measuring_does_not():
    picture = square(12)
    view = View(12, 12, restyle=1.0)
    np.testing.assert_array_equal(view(picture), picture)
    assert not np.array_equal(view(picture, RNG), picture)
    np.testing.assert_array_equal(View(12, 12)(picture, RNG), picture)
