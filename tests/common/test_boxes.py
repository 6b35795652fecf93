"""Boxes: forms are inverses, overlaps count pixels, letterboxes follow darknet."""

import jax.numpy as jnp
import numpy as np
import pytest

from common import boxes

WHOLE = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 40]], np.float32)


def test_the_forms_are_inverses():
    for there, back in (
        (boxes.to_centres, boxes.from_centres),
        (boxes.to_corner_size, boxes.from_corner_size),
    ):
        assert np.array_equal(back(there(WHOLE)), WHOLE)
        assert np.array_equal(back(there(jnp.asarray(WHOLE))), WHOLE)
    assert boxes.to_centres(WHOLE)[1].tolist() == [10, 5, 10, 10]
    assert boxes.to_corner_size(WHOLE)[2].tolist() == [20, 20, 10, 20]


@pytest.mark.parametrize("offset", [0, 1])
def test_iou_is_the_share_of_counted_pixels(offset):
    """Boxes of whole pixels, painted and counted."""
    rng = np.random.default_rng(0)
    low = rng.integers(0, 12, (20, 2))
    some = np.concatenate([low, low + rng.integers(0, 9, (20, 2))], 1)

    def painted(box):
        mask = np.zeros((40, 40), bool)
        x1, y1, x2, y2 = box
        mask[y1 : y2 + offset, x1 : x2 + offset] = True
        return mask

    masks = np.array([painted(box) for box in some])
    either = (masks[:, None] | masks).sum((2, 3))
    both = (masks[:, None] & masks).sum((2, 3))
    expected = np.where(either > 0, both / np.maximum(either, 1), 0)
    found = boxes.iou(some.astype(np.float32), some.astype(np.float32), offset)
    assert np.allclose(found, expected, atol=1e-6)
    assert np.allclose(boxes.area(some, offset), masks.sum((1, 2)))


def test_clip_and_flip():
    outside = np.array([[-5, -5, 5, 50], [30, 2, 40, 8]], np.float32)
    assert boxes.clip(outside, 20, 30).tolist() == [[0, 0, 5, 20], [30, 2, 30, 8]]
    assert boxes.flip(WHOLE, 30)[1].tolist() == [15, 0, 25, 10]
    assert np.array_equal(boxes.flip(boxes.flip(WHOLE, 30), 30), WHOLE)


@pytest.mark.parametrize(
    ("picture", "net"),
    [((375, 500), (416, 416)), ((501, 333), (416, 416)), ((97, 331), (352, 608)),
     ((416, 416), (416, 416)), ((1, 900), (32, 32))],
)  # fmt: skip
def test_letterbox_and_back(picture, net):
    box = boxes.letterbox(*picture, *net)
    height, width = picture
    rng = np.random.default_rng(0)
    some = rng.random((50, 4)).astype(np.float32) * [width, height, width, height]
    some = some.astype(np.float32)
    for convert in (np.asarray, jnp.asarray):
        back = box.boxes_back(box.boxes_in(convert(some)))
        assert np.abs(np.asarray(back) - some).max() < 1e-4 * max(1, width / 500)
    inside = box.boxes_in(np.array([[0, 0, width, height]], np.float32))[0]
    assert (inside[:2] >= 0).all()
    assert (inside[2:] <= (net[1], net[0])).all()
    assert box.inner[0] == net[0] or box.inner[1] == net[1]


def test_letterbox_numbers_are_darknets():
    """By hand from darknet's letterbox_image: 375 * 416 // 500 = 312, (416 - 312) // 2;
    an odd rest is rounded down."""
    landscape = boxes.letterbox(375, 500, 416, 416)
    assert (landscape.inner, landscape.left, landscape.top) == ((312, 416), 0, 52)
    odd = boxes.letterbox(333, 500, 416, 416)
    assert (odd.inner, odd.left, odd.top) == ((277, 416), 0, 69)


def test_pixels_go_where_their_boxes_go():
    pixels = np.zeros((60, 100, 3), np.uint8)
    pixels[20:40, 50:80] = 255
    box = boxes.letterbox(60, 100, 128, 128)
    canvas = box.picture_in(pixels)
    assert canvas.shape == (128, 128, 3)
    assert (canvas[: box.top] == boxes.GREY).all()
    rows, columns = np.nonzero(canvas[..., 0] > 200)
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    expected = box.boxes_in(np.array([[50, 20, 80, 40]], np.float32))[0]
    assert np.abs(seen - expected).max() <= 1
    grey = box.picture_in(pixels[..., :1])
    assert np.array_equal(grey[..., 0], canvas[..., 0])
