"""The tables of trained detectors. Fails where numbers are of other boxes than those
that the network finds."""

import jax
import numpy as np
import pytest

from common.config import changed
from common.contract import Table, UserError
from common.detection_metrics import coco_metrics
from common.metrics import over
from common.soft_nms import Suppression
from papers.yolov3 import annotations, measure, train
from papers.yolov3.data import batches
from papers.yolov3.evaluate import evaluate
from papers.yolov3.runs import runs
from papers.yolov3.variants import get_config


@pytest.fixture(scope="module")
def trained():
    made = runs(get_config("smoke"))
    config = made["yolov3"].config
    return {"yolov3": (config, train.init(config, jax.random.key(0)))}


@pytest.fixture(scope="module")
def raw(trained):
    return measure.raw_detections(*trained["yolov3"], "valid")


def test_raw_boxes_after_suppression_are_what_a_step_of_evaluation_finds(trained, raw):
    config, state = trained["yolov3"]
    step = jax.jit(lambda batch: train.eval_step(config, state, batch))
    outputs = over(step, batches(config, "valid"))
    truths, found = measure.measured(config, "valid", outputs["found"])
    again = measure.after_suppression(raw, config.eval.suppression)
    assert len(found) == len(again) == 8
    for one, other in zip(found, again, strict=True):
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)
        assert (one.boxes >= 0).all()
        assert (one.boxes <= 64).all()
        np.testing.assert_allclose(one.scores, other.scores, rtol=1e-5)
        np.testing.assert_array_equal(one.classes, other.classes)
    scores = coco_metrics(truths, found, measure.names(config))
    assert measure.validate(config, outputs)["ap"] == scores.ap


def test_every_class_of_a_raw_box_has_its_score(raw):
    assert len(raw) == 8
    for one in raw:
        assert one.scores.shape == (len(one.boxes), 12)
        assert one.size == (64, 64)
        assert (one.scores.max(1) > 0).all()


def test_a_network_that_diverged_is_refused_and_not_scored_as_finding_nothing(trained):
    config, state = trained["yolov3"]
    broken = state.replace(params=jax.tree.map(lambda x: x * np.nan, state.params))
    with pytest.raises(UserError, match="NaN"):
        measure.raw_detections(config, broken, "valid")
    outputs = over(
        jax.jit(lambda batch: train.eval_step(config, broken, batch)),
        batches(config, "valid"),
    )
    with pytest.raises(UserError, match="NaN"):
        measure.validate(config, outputs)


def test_truth_itself_scores_1():
    config = runs(get_config("smoke"))["yolov3"].config
    raw = []
    for truth in annotations.annotated(config.data, "valid").truths:
        scores = np.zeros((len(truth), 12), np.float32)
        scores[np.arange(len(truth)), truth.classes] = 0.9
        raw.append(measure.Raw(truth.boxes, scores, (64, 64)))
    rule = Suppression("linear", iou_threshold=0.6)
    scores = measure.scored(config, raw, "valid", rule)
    assert scores.ap50 == pytest.approx(1.0)
    best = measure.best_setting(config, raw, "hard")
    assert best.scores.ap == max(
        measure.scored(config, raw, "valid", Suppression(score_threshold=0.005, **s)).ap
        for s in measure.SETTINGS["hard"]
    )


def test_every_table_and_picture_comes_once(trained):
    config = changed(trained["yolov3"][0], {"eval.compare": False})
    both = dict.fromkeys(("yolov3", "scratch"), (config, trained["yolov3"][1]))
    values = dict(evaluate(config, both))
    assert [row[0] for row in values["Average precision"].rows] == ["yolov3", "scratch"]
    assert (
        values["Average precision"].rows[0][1:]
        == (values["Average precision"].rows[1][1:])
    )
    assert isinstance(values["Summary"], Table)
    assert values["Summary"].rows[0][-1] == "no"  # equal nets: no effect
    assert values["Hits and misses"].dtype == np.uint8
    classes = values["By class"].rows
    assert [row[0] for row in classes] == [*map(str, range(10)), "even", "odd"]
    truths = measure.truths_of(config, "test")
    assert sum(row[1] for row in classes) == sum(map(len, truths))


def test_what_did_not_help_is_told_beside_the_paper(trained):
    config = changed(trained["yolov3"][0], {"eval.compare": False, "eval.pictures": 0})
    both = dict.fromkeys(("yolov3", "focal"), (config, trained["yolov3"][1]))
    values = dict(evaluate(config, both))
    assert values["What did not help"].rows == [["focal", 0.0, 0.0, "about 2 AP less"]]
