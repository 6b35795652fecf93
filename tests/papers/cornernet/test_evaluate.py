"""What is measured of trained networks: a failure means that a table tells something
else than its title."""

import dataclasses

import jax
import numpy as np
import pytest

from papers import cornernet
from papers.cornernet.config import kind_of
from papers.cornernet.corner_metrics import average_precision, corner_ap, matched
from papers.cornernet.evaluate import ablations, measured

SIZE = (64, 64)


def points(xy, scores=None, classes=None):
    xy = np.array(xy, float).reshape(-1, 2)
    found = {"points": xy, "classes": np.zeros(len(xy), int)}
    if classes is not None:
        found["classes"] = np.array(classes)
    return found if scores is None else {**found, "scores": np.array(scores)}


def test_a_corner_within_a_cell_is_right_once():
    actual = points([[10, 10], [40, 40]])
    found = points([[12, 13], [11, 10], [45, 40], [40, 43]], [0.5, 0.9, 0.8, 0.4])
    assert matched(found, actual, 4.0).tolist() == [-1, 0, -1, 1]


def test_corners_of_another_class_are_wrong():
    actual = points([[10, 10]], classes=[1])
    assert matched(points([[10, 10]], [0.9]), actual, 4.0).tolist() == [-1]


def test_average_precision_by_hand():
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    right = np.array([True, False, True, False])
    # Recall 1/3 at precision 1, 2/3 at precision 2/3, and the third is never found.
    assert average_precision(scores, right, 3) == pytest.approx((1 + 2 / 3) / 3)


def test_quadrants_have_their_own_corners():
    actual = [points([[5, 5], [60, 60]])]
    found = [points([[5, 5], [60, 20]], [0.9, 0.8])]
    by_quadrant = corner_ap(found, actual, SIZE, 4.0)
    assert by_quadrant["top left"] == 1
    assert by_quadrant["bottom right"] == 0
    assert np.isnan(by_quadrant["bottom left"])
    assert by_quadrant["whole"] == pytest.approx(0.5)


@pytest.fixture(scope="module")
def untrained():
    config = cornernet.get_config("smoke")
    return config, cornernet.init(config, jax.random.key(0))


def test_an_untrained_network_with_true_maps_finds_everything(untrained):
    """Nothing but the three true maps leads to boxes; without one of them some are
    missing or wrong."""
    net = measured("corner_pool", *untrained)
    rows = {name: scores.ap for name, scores in ablations(net).items()}
    assert rows["true heat maps, offsets and groups"] > 0.95
    assert rows["as predicted"] < 0.1
    assert rows["true heat maps"] < rows["true heat maps, offsets and groups"]


@pytest.mark.slow
def test_every_value_is_yielded_once(untrained):
    config, state = untrained
    own = dataclasses.replace(config, runs=("corner_pool_0", "no_pool_0"))
    runs = cornernet.runs(own)
    trained = {name: (run.config, state) for name, run in runs.items()}
    values = dict(cornernet.evaluate(own, trained))
    assert {
        "Scores", "Kinds", "Corner pooling", "IoU", "Corners", "True maps",
        "Precision and recall", "Hits and misses", "Heat maps", "Groups",
        "Beside the truth", "Summary",
    } == {*values}  # fmt: skip
    assert values["Heat maps"].dtype == np.uint8


@pytest.mark.slow
def test_at_their_own_size_pictures_are_searched_one_by_one(untrained):
    config, state = untrained
    own = dataclasses.replace(config.eval, view="original", flip=True, images=2)
    config = dataclasses.replace(config, eval=own)
    values = dict(cornernet.evaluate(config, {"main": (config, state)}))
    assert values["Scores"].rows[0][0] == "main"


def test_runs_of_a_kind_differ_in_their_seed_alone():
    config = cornernet.get_config("default")
    runs = cornernet.runs(config)
    assert kind_of("no_pool_2") == ("no_pool", 2)
    for i in range(3):
        a, b = (runs[f"{kind}_{i}"].config for kind in ("corner_pool", "no_pool"))
        assert a.seed == b.seed == config.seed + i
        a.model.corner_pool = b.model.corner_pool
        assert a == b
