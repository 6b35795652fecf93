"""Settings are chosen on one split and reported on another, and crowds are told."""

import numpy as np
import pytest

from common.data.annotated import AnnotatedImages
from common.truth import truth
from papers import soft_nms
from papers.soft_nms import figures, measure, tables
from papers.soft_nms.settings import NONE, Setting, swept

SIZE = 64


def scenes(seed, count):
    """Two objects of a class; in every other picture they overlap by .6. Four boxes
    around each, as a detector's raw ones."""
    rng = np.random.default_rng(seed)
    boxes, scores, truths = [], [], []
    for i in range(count):
        shift = 5.0 if i % 2 else 32.0
        real = np.array([[2, 20, 22, 44], [2 + shift, 20, 22 + shift, 44]])
        label = i % 3
        truths.append(truth(real, [label, label]))
        own = np.repeat(real, 4, 0) + rng.normal(0, 0.7, (8, 4))
        likely = rng.uniform(0.01, 0.1, (8, 3))
        likely[:, label] = rng.uniform(0.5, 0.9, 8)
        boxes.append(own)
        scores.append(likely)
    return measure.padded(boxes, scores, truths, ("a", "b", "c"))


@pytest.fixture(scope="module")
def compared():
    config = soft_nms.get_config("smoke")
    seeds = [(scenes(2 * i, 12), scenes(2 * i + 1, 24)) for i in range(2)]
    return {
        "one class": [
            measure.Comparison(config, a.one_class, b.one_class) for a, b in seeds
        ],
        "3 classes": [measure.Comparison(config, a, b) for a, b in seeds],
    }


def test_every_setting_is_swept_hard_as_widely_as_linear():
    config = soft_nms.get_config("default").eval
    every = swept(config)
    values = {m: [s.value for s in every if s.method == m] for m in ("hard", "linear")}
    assert values["hard"] == values["linear"]
    assert {str(s) for s in every} >= {"hard 0.3", "linear 0.3", "gaussian 0.5"}


def test_no_suppression_leaves_every_box():
    raw = scenes(0, 4)
    found = measure.suppressed(raw, NONE, 1e-3)
    assert [len(f) for f in found] == [24] * 4
    linear = measure.suppressed(raw, Setting("linear", 1.0), 1e-3)
    for a, b in zip(found, linear, strict=True):
        np.testing.assert_array_equal(a.scores, b.scores)


def test_one_class_has_the_best_score_of_each_box():
    one = scenes(0, 4).one_class
    assert one.scores.shape[-1] == 1
    assert {c for t in one.truths for c in t.classes} == {0}
    np.testing.assert_array_equal(one.scores[..., 0], scenes(0, 4).scores.max(-1))


def test_an_object_with_two_labels_is_one_object():
    boxes = [[0, 0, 9, 9], [5, 5, 20, 20], [0, 0, 9, 9]]
    raw = measure.padded(
        [np.zeros((0, 4))], [np.zeros((0, 3))], [truth(boxes, [0, 1, 2])], "abc"
    )
    assert raw.one_class.truths[0].boxes.tolist() == boxes[:2]


def test_crowds_are_pairs_of_one_class():
    near = [[0, 0, 10, 10], [2, 0, 12, 10]]
    far = [[0, 0, 10, 10], [8, 0, 18, 10]]
    truths = [truth(near, [0, 0]), truth(near, [0, 1]), truth(far, [0, 0]),
              truth([], [])]  # fmt: skip
    assert measure.crowded(truths, 0.3).tolist() == [True, False, False, False]


def test_what_is_chosen_is_the_best_of_the_validation_pictures(compared):
    for seeds in compared.values():
        for one in seeds:
            for method, setting in one.chosen.items():
                own = {s: ap for s, ap in one.sweep.items() if s.method == method}
                assert own[setting] == max(own.values())
            assert [*one.chosen] == ["hard", "linear", "gaussian"]


def test_the_halves_show_where_soft_gains(compared):
    """Hard suppression at .3 loses the crowds' second objects and nothing else."""
    for one in compared["one class"]:
        soft = one.chosen["linear"]
        hard, linear = (one.halves[s] for s in (Setting("hard", 0.3), soft))
        assert linear[0] > hard[0] + 0.1
        assert abs(linear[1] - hard[1]) < 0.05


def test_tables_have_means_of_the_seeds(compared):
    table = tables.methods(compared)
    assert len(table.rows) == 1 + 3 + 3
    rows = {row[0]: row for row in table.rows}
    values = [one.reported[Setting("hard", 0.3)].ap for one in compared["one class"]]
    assert rows["hard 0.3, the paper's"][1] == pytest.approx(
        100 * np.mean(values), abs=0.06
    )
    assert len(table.columns) == len(table.rows[0]) == 1 + 2 * 4
    assert len(tables.halves(compared).rows) == 1 + 3
    assert len(tables.by_iou(compared, "one class").rows[0]) == 11
    assert len(tables.sweep(compared).rows) == 1 + 2 + 2 + 1
    assert tables.gains(compared).rows[0][5] > 5  # hard at the paper's N_t
    gains = {tuple(row[:2]): row[3] for row in tables.gains(compared).rows}
    assert gains["one class", "hard"] == 0


def test_claims_are_judged_over_all_seeds_and_rules(compared):
    """A claim holds where every seed says so, and in part where some do."""
    first, second, flat = tables.claims(compared, "scenes")
    for claim, (kind, seeds) in zip((first, second), compared.items(), strict=True):
        assert f"scenes, {kind}" in claim.here
        gains = [one.gain(m) > 0 for one in seeds for m in ("linear", "gaussian")]
        assert claim.holds is (True if all(gains) else None if any(gains) else False)
    assert "hard" in flat.here


def test_figures_are_drawn(compared):
    assert figures.sensitivity(compared).axes
    assert figures.precision(compared, "one class").axes


def test_lost_neighbours_are_those_that_hard_loses(compared):
    """Pictures of crowds alone are shown; of no crowds, none."""
    one = compared["one class"][0]
    pixels = np.zeros((len(one.test), SIZE, SIZE, 3), np.uint8)
    pictures = AnnotatedImages(("object",), pixels, one.test.truths)
    drawn = figures.lost_neighbours(one, pictures, 3)
    assert drawn.shape[0] > 3 * SIZE
    lone = one.test.take(~measure.crowded(one.test.truths, 0.3))
    alone = measure.Comparison(one.config, one.valid, lone)
    assert figures.lost_neighbours(alone, pictures, 3) is None
