"""Toy domains of squares. A failure means that the measures of hue and place do not
tell a right translation from a wrong one."""

import numpy as np
import pytest

from papers.unit.squares import Squares, hue_right, square_iou


def stacked(domain, size=(16, 16), n=200, seed=0):
    return np.stack([item["image"] for item in Squares(domain, size, n, seed)])


def boxes(images, channel):
    """Top, left, height and width of what is bright in a channel."""
    found = []
    for image in images:
        rows, columns = (
            np.flatnonzero(image[..., channel].max(x) > 150) for x in (1, 0)
        )
        found.append((rows[0], columns[0], np.ptp(rows) + 1, np.ptp(columns) + 1))
    return np.array(found)


@pytest.mark.parametrize(("domain", "channel"), [("a", 0), ("b", 2)])
@pytest.mark.parametrize(("size", "sides"), [
    ((16, 16), range(4, 8)), ((32, 48), range(8, 15)), ((64, 32), range(8, 15)),
])  # fmt: skip
def test_an_image_is_one_square_of_its_colour_on_dark_noise(
    domain, channel, size, sides
):
    images = stacked(domain, size)
    tops, lefts, heights, widths = boxes(images, channel).T
    np.testing.assert_array_equal(heights, widths)
    assert {*heights.tolist()} == {*sides}
    for image, top, left, side in zip(images, tops, lefts, heights, strict=True):
        square = image[top : top + side, left : left + side].copy()
        assert (square[..., channel] >= 200).all()
        square[..., channel] -= 200
        image[top : top + side, left : left + side] = square
    assert images.max() < 50
    assert images.std() > 10
    assert tops.min() == lefts.min() == 0
    assert (tops + heights).max() == size[0]
    assert (lefts + widths).max() == size[1]


def test_images_depend_on_seed_domain_and_index_alone():
    np.testing.assert_array_equal(stacked("a"), stacked("a", n=300)[:200])
    places = [boxes(stacked(x, seed=s), c) for x, c, s in
              (("a", 0, 0), ("b", 2, 0), ("a", 0, 1))]  # fmt: skip
    for i in range(3):
        for j in range(i):
            assert (places[i] == places[j]).all(1).mean() < 0.05
    with pytest.raises(IndexError):
        Squares("a", (16, 16), 3, 0)[3]


def test_hue_is_right_where_the_squares_colour_is():
    red, blue = stacked("a"), stacked("b")
    assert hue_right(red, "a") == hue_right(blue, "b") == 1
    assert hue_right(red, "b") == hue_right(blue, "a") == 0
    assert hue_right(np.concatenate([red[:50], blue[:150]]), "b") == 0.75
    assert hue_right(red[..., ::-1], "b") == 1
    assert hue_right(red % 50, "a") == 0  # no square at all
    grey = np.full((3, 16, 16, 3), 200, np.uint8)
    assert hue_right(grey, "a") == hue_right(grey, "b") == 0


@pytest.mark.parametrize("moved", range(8))
def test_iou_is_that_of_the_squares(moved):
    """Two squares of side 6, one moved down and right."""
    still = np.zeros((2, 16, 16, 3), np.uint8)
    other = still.copy()
    still[:, 2:8, 2:8, 0] = 255
    other[:, 2 + moved : 8 + moved, 2 + moved : 8 + moved, 2] = 255
    other[1] = 0
    common = max(6 - moved, 0) ** 2
    np.testing.assert_allclose(square_iou(other, still), [common / (72 - common), 0])
    np.testing.assert_array_equal(square_iou(other[1:], other[1:]), [0])


def test_recoloured_squares_keep_their_place():
    red = stacked("a")
    np.testing.assert_array_equal(square_iou(red[..., ::-1], red), np.ones(200))
    assert square_iou(stacked("b"), red).mean() < 0.2
