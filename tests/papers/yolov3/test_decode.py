"""Boxes from raw outputs. Fails where a cell, a prior or a scale is mistaken."""

import jax.numpy as jnp
import numpy as np
import pytest

from common.boxes import to_centres
from papers.yolov3.decode import decode, grid, in_slots, scales
from papers.yolov3.model import build
from papers.yolov3.targets import count_slots

CFG = build("yolov3", 2)
SCALES = scales(CFG)
PRIORS = np.array(
    [[10, 13], [16, 30], [33, 23], [30, 61], [62, 45], [59, 119], [116, 90],
     [156, 198], [373, 326]], np.float32,
)  # fmt: skip
ANCHORS = jnp.array(PRIORS)


def test_a_416_image_has_10647_boxes_on_three_scales():
    assert [scale.stride for scale in SCALES] == [32, 16, 8]
    assert count_slots(SCALES, (416, 416)) == 10_647
    assert len(grid(SCALES, (416, 416), ANCHORS).cell) == 10_647


def test_zeros_are_a_priors_own_box_in_the_middle_of_its_cell():
    height, width = 64, 96
    maps = [jnp.zeros((1, height // s.stride, width // s.stride, 3, 7)) for s in SCALES]
    found = decode(in_slots(maps), grid(SCALES, (height, width), ANCHORS))
    boxes = to_centres(np.asarray(found.boxes[0]))
    slot = 0
    for scale in SCALES:
        for j in range(height // scale.stride):
            for i in range(width // scale.stride):
                for prior in scale.mask:
                    centre = [(i + 0.5) * scale.stride, (j + 0.5) * scale.stride]
                    expected = [*centre, *PRIORS[prior]]
                    np.testing.assert_allclose(boxes[slot], expected, rtol=1e-5)
                    slot += 1
    assert slot == len(boxes)
    np.testing.assert_allclose(found.objectness, 0.5)


def test_figure_2_by_hand():
    maps = [np.zeros((1, 64 // s.stride, 64 // s.stride, 3, 7)) for s in SCALES]
    maps[1][0, 2, 1, 0] = [1.0, -2.0, 0.3, -0.4, 2.0, -1.0, 3.0]
    found = decode(in_slots([*map(jnp.array, maps)]), grid(SCALES, (64, 64), ANCHORS))
    slot = 2 * 2 * 3 + (2 * 4 + 1) * 3
    sigmoid = lambda t: 1 / (1 + np.exp(-t))  # noqa: E731
    x, y = 16 * (1 + sigmoid(1.0)), 16 * (2 + sigmoid(-2.0))
    w, h = 30 * np.exp(0.3), 61 * np.exp(-0.4)
    corners = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
    np.testing.assert_allclose(found.boxes[0, slot], corners, rtol=1e-5)
    np.testing.assert_allclose(found.objectness[0, slot], sigmoid(2.0), rtol=1e-6)
    both = [sigmoid(-1.0), sigmoid(3.0)]
    np.testing.assert_allclose(found.classes[0, slot], both, rtol=1e-6)


@pytest.mark.parametrize(
    ("xy", "x"), [("linear", 16 + 0.25 * 16), ("multiple", 16 + 0.25 * 30)]
)
def test_centres_without_a_sigmoid(xy, x):
    maps = [np.zeros((1, 64 // s.stride, 64 // s.stride, 3, 7)) for s in SCALES]
    maps[1][0, 2, 1, 0, 0] = 0.25
    raw = in_slots([*map(jnp.array, maps)])
    found = decode(raw, grid(SCALES, (64, 64), ANCHORS), xy)
    box = to_centres(found.boxes[0, 2 * 2 * 3 + (2 * 4 + 1) * 3])
    np.testing.assert_allclose(box, [x, 32, 30, 61], rtol=1e-5)


def test_a_huge_logit_is_a_finite_box():
    raw = jnp.full((1, 63, 7), 1e4)
    assert np.isfinite(decode(raw, grid(SCALES, (32, 32), ANCHORS)).boxes).all()
