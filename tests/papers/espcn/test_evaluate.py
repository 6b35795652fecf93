"""The report. A failure means that a method is missing, that borders count, or that a
crop is taken where nothing happens."""

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from common.contract import Table, UserError
from papers import espcn
from papers.espcn.data import pairs
from papers.espcn.evaluate import quality
from papers.espcn.figures import liveliest
from papers.espcn.filters import SIDE, drawn
from papers.espcn.upscaling import bicubic_upscaler


def test_the_methods_stand_side_by_side():
    config = espcn.get_config("smoke")
    trained = {
        name: (run.config, espcn.init(run.config, jax.random.key(0)))
        for name, run in espcn.runs(config).items()
    }
    results = dict(espcn.evaluate(config, trained))
    table = results["PSNR"]
    assert list(table.columns) == ["image", "bicubic", "srcnn_9_1_5", "espcn"]
    *rows, (_, *means) = table.rows
    tests = {pair.name: pair for pair in pairs(config, "test")}
    bicubic = bicubic_upscaler(config.model)
    for name, decibels, *_ in rows:
        assert decibels == quality(tests[name], bicubic(tests[name].low))[0]
    values = np.array([row[1:] for row in rows], float)
    np.testing.assert_allclose(means, values.mean(0))
    assert isinstance(results["Crops"], Figure)
    before, after, names = results[f"{rows[0][0]}: bicubic and espcn"]
    assert names == ("bicubic", "espcn")
    assert before.shape == after.shape
    assert (before != after).any()
    assert {"First-layer filters", "Last-layer filters"} <= {*results}
    assert isinstance(results["Summary"], Table)
    costs = {row[0]: row for row in results["Operations and time"].rows}
    assert costs["espcn"][2] == 1
    assert costs["srcnn_9_1_5"][2] == costs["srcnn_9_1_5"][1] / costs["espcn"][1]


def test_a_trained_run_is_scored_on_another_set(tmp_path):
    config = espcn.get_config("smoke")
    (run, *_) = espcn.runs(config).values()
    trained = {"run": (run.config, espcn.init(run.config, jax.random.key(0)))}
    pixels = np.random.default_rng(0).integers(0, 256, (60, 66, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "other.png")
    config.eval.test_root = str(tmp_path)
    results = dict(espcn.evaluate(config, trained))
    assert [row[0] for row in results["PSNR"].rows] == ["other.png", "mean"]
    config.eval.test_root = str(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"config\.eval\.test_root=.*nowhere"):
        next(espcn.evaluate(config, trained))


def test_equal_images_are_perfect_and_a_border_does_not_count():
    (pair, *_) = pairs(espcn.get_config("smoke"), "test")
    wrong = pair.high.copy()
    wrong[:3] = 0
    wrong[:, -3:] = 1
    decibels, similarity = quality(pair, wrong)
    assert np.isinf(decibels)
    assert similarity == 1


def test_a_crop_is_where_most_happens():
    y = np.full((90, 120, 1), 0.5)
    y[40:60, 70:90, 0] = np.indices((20, 20)).sum(0) % 2
    rows, columns = liveliest(y, 24)
    assert rows.start <= 40 < 60 <= rows.stop
    assert columns.start <= 70 < 90 <= columns.stop
    assert liveliest(y, 500) == (slice(0, 90), slice(0, 120))


def test_filters_stand_by_their_variance_and_zero_is_grey():
    """Two 2 x 2 filters: the stronger one first, its largest weight white or black."""
    weak = np.array([[0, 0], [0, 0.5]])
    strong = np.array([[0, 0], [0, -2.0]])
    sheet = drawn(np.stack([weak, strong]))
    assert sheet.dtype == np.uint8
    first, second = sheet[:, :SIDE], sheet[:, -SIDE:]
    assert (first[0, 0], first[-1, -1]) == (128, 0)
    assert (second[0, 0], second[-1, -1]) == (128, 255)
