"""Figures: what is drawn, not how it looks. A failure means that a curve, a label or a
pixel is not the value it stands for."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from common import figures


def decoded(figure):
    return np.asarray(Image.open(io.BytesIO(figures.png(figure))).convert("RGB"))


def test_a_dashed_series_wears_the_colour_of_the_one_before():
    x = np.arange(5)
    series = {"a": (x, x), "a, valid": (x, x + 1), "b": (x, x + 2)}
    figure = figures.curves(series, "step", "loss", dashed=["a, valid"])
    colours = [to_hex(line.get_color()).upper() for line in figure.axes[0].lines]
    assert colours == [figures.PALETTE[0], figures.PALETTE[0], figures.PALETTE[1]]
    styles = [line.get_linestyle() for line in figure.axes[0].lines]
    assert styles == ["-", "--", "-"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(series)


def test_a_single_measurement_is_visible():
    figure = figures.curves({"a": ([3], [0.5])}, "step", "loss")
    assert figure.axes[0].lines[0].get_marker() == "o"
    assert not figure.legends


@pytest.mark.parametrize("log_y", [False, True])
def test_robust_limits_ignore_the_first_huge_losses(log_y):
    loss = np.concatenate([[1e6, 1e4, np.inf], np.linspace(3, 1, 100), [np.nan]])
    series = {"a": (np.arange(loss.size), loss), "flat": ([0, 99], [2.0, 2.0])}
    limits = {
        robust: figures.curves(series, "step", "loss", robust=robust, log_y=log_y)
        .axes[0]
        .get_ylim()
        for robust in (False, True)
    }
    assert limits[False][1] >= 1e6
    assert 2.8 < limits[True][1] < 3.2
    assert 0.8 < limits[True][0] <= 1


def test_a_log_axis_of_less_than_a_decade_has_plain_numbers():
    figure = figures.curves({"a": ([1, 2], [1.1, 1.4])}, "x", "y", log_y=True)
    figure.canvas.draw()
    labels = figure.axes[0].get_yticklabels(which="both")
    texts = [label.get_text() for label in labels]
    assert "1.20" in texts
    assert not [text for text in texts if "times" in text]


def test_robust_limits_keep_short_and_constant_curves_whole():
    few = figures.curves({"a": ([1, 2, 3], [90, 2, 1])}, "x", "y", robust=True)
    assert few.axes[0].get_ylim()[1] >= 90
    bottom, top = (
        figures.curves({"a": ([1, 2], [5, 5])}, "x", "y", robust=True)
        .axes[0]
        .get_ylim()
    )
    assert bottom < 5 < top


def test_heatmap_names_rows_and_columns_and_thins_crowds():
    values = np.arange(200.0).reshape(2, 100)
    words = [f"w{i}" for i in range(100)]
    figure = figures.heatmap(values, "key", "query", x_ticks=words, y_ticks=["a", "b"])
    axes = figure.axes[0]
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert len(ticks) <= figures.MAX_TICKS
    # A label still names its own column.
    places = axes.get_xticks()
    assert ticks == [words[int(place)] for place in places]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b"]
    np.testing.assert_array_equal(axes.images[0].get_array(), values)


def test_image_grid_shows_true_values_and_gaps():
    grey = np.full((32, 32), 100, np.uint8)
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 255
    figure = figures.image_grid(
        [[grey, None], [None, red]],
        row_labels=["one", "two"],
        column_labels=["in", "out"],
        captions=[["costs $5 or $6", ""], ["", "a red square"]],
    )
    pixels = decoded(figure).reshape(-1, 3)
    for colour in ([100, 100, 100], [255, 0, 0]):
        share = (pixels == colour).all(axis=1).mean()
        assert share > 0.1
    assert sum(bool(axes.images) for axes in figure.axes) == 2


def test_image_grid_refuses_ragged_rows():
    image = np.zeros((4, 4), np.uint8)
    with pytest.raises(ValueError, match="zip"):
        figures.image_grid([[image, image], [image]])


def test_png_is_sharp_and_repeats():
    draw = [figures.curves({"a": ([0, 1], [0, 1])}, "x", "y") for _ in range(2)]
    assert figures.png(draw[0]) == figures.png(draw[1])
    height, width, _ = decoded(draw[0]).shape
    assert (width, height) == tuple(draw[0].get_size_inches() * figures.DPI)


def test_large_places_on_a_log_axis_are_named_shortly():
    places = [512, 9999, 89_088, 1_098_620, 1_928_320, 2.5e9]
    axes = figures.curves({"a": (places, places)}, "x", "y", log_x=True).axes[0]
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert labels == ["512", "9999", "89.1k", "1.1M", "1.93M", "2.5G"]
