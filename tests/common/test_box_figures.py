"""Drawn boxes lie where the boxes are, and hits are told from misses."""

import subprocess
import sys

import numpy as np
import pytest

from common import box_figures
from common.truth import found, truth

GREY = np.full((64, 96, 3), 90, np.uint8)


def painted(picture, colour):
    """Corners of the pixels that have a colour."""
    rows, columns = np.nonzero((picture == colour).all(-1))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_a_box_is_drawn_on_its_pixels():
    drawn = box_figures.draw(GREY, np.array([[10, 20, 40, 50.0]]), colours=[(9, 8, 7)])
    assert painted(drawn, (9, 8, 7)) == (10, 20, 40, 50)
    assert (drawn[30, 25] == 90).all()
    assert (GREY == 90).all()


def test_small_pictures_are_enlarged_with_their_boxes():
    drawn = box_figures.draw(
        GREY[..., :1],
        np.array([[10, 20, 40, 50.0]]),
        colours=[(9, 8, 7)],
        least_side=200,
    )
    assert drawn.shape == (256, 384, 3)
    assert painted(drawn, (9, 8, 7)) == (40, 80, 160, 200)


def test_names_and_scores_are_written():
    box = np.array([[10, 20, 40, 50.0]])
    bare = box_figures.draw(GREY, box)
    named = box_figures.draw(GREY, box, ["cat"])
    scored = box_figures.draw(GREY, box, ["cat"], [0.5])
    changed = [(a != b).any() for a, b in ((bare, named), (named, scored))]
    assert changed == [True, True]


@pytest.mark.parametrize("pair", [("Tür", "Tor"), ("ä", "ö"), ("кот", "кит")])
def test_letters_of_other_languages_are_told_apart(pair):
    grey = np.full((60, 90, 3), 100, np.uint8)
    box = np.array([[10.0, 30, 60, 50]])
    one, other = (
        box_figures.draw(grey, box, [name], colours=[(0, 0, 0)]) for name in pair
    )
    assert (one != other).any()


def test_names_that_would_hide_a_crowd_are_left_out():
    grey = np.full((60, 90, 3), 100, np.uint8)
    boxes = np.array([[10.0, 20, 30, 40]])
    few = box_figures.draw(grey, boxes, ["name"])
    assert (few != box_figures.draw(grey, boxes)).any()
    many = boxes.repeat(30, 0)
    np.testing.assert_array_equal(
        box_figures.draw(grey, many, ["name"] * 30), box_figures.draw(grey, many)
    )


def test_any_box_can_be_drawn():
    """Outside, inside out, infinite, no number, or none at all."""
    strange = np.array(
        [[-50, -50, -9, -9], [40, 40, 10, 10], [0, 0, np.inf, 9], [np.nan] * 4,
         [-1e9, -1e9, 1e9, 1e9]], np.float32
    )  # fmt: skip
    names = ["a"] * 5
    assert box_figures.draw(GREY, strange, names, [0.1] * 5).shape == GREY.shape
    assert np.array_equal(box_figures.draw(GREY, np.zeros((0, 4))), GREY)


def test_hits_are_told_from_misses():
    real = truth([[0, 0, 20, 20], [40, 0, 60, 20], [70, 40, 90, 60]], [0, 1, 0])
    seen = found(
        [[1, 0, 21, 20], [0, 0, 20, 18], [40, 0, 60, 20]], [0.9, 0.8, 0.7], [0, 0, 0]
    )
    hit, was_seen = box_figures.matched(real, seen)
    assert hit.tolist() == [True, False, False]  # a duplicate; the wrong class
    assert was_seen.tolist() == [True, False, False]
    strip = box_figures.hits_and_misses(
        [(GREY, real, seen), (GREY, real, seen.take([]))], ["cat", "dog"]
    )
    for colour in (box_figures.HIT, box_figures.WRONG, box_figures.MISSED):
        assert (strip == colour).all(-1).any()
    blue = (strip[: GREY.shape[0]] == box_figures.MISSED).all(-1)
    half = strip.shape[1] // 2
    assert blue[:, half:].sum() > blue[:, :half].sum() > 0


def test_truth_is_on_the_left():
    real = truth([[0, 0, 20, 20]], [3])
    both = box_figures.beside_truth(GREY, real, found([], [], []), list("abcd"))
    half = both.shape[1] // 2
    colour = (both == box_figures.class_colour(3)).all(-1)
    assert colour[:, :half].any()
    assert not colour[:, half:].any()


def test_import_leaves_matplotlib_alone():
    code = "import sys, common.box_figures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
