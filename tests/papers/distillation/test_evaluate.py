"""Measurements, tables and predictions. A failure means that a table shows other
numbers than its models have, or, slowly, that distillation does not help."""

import itertools

import jax
import numpy as np
import pytest
from PIL import Image

from common.contract import Table, UserError
from common.losses import ensemble_logits
from papers.distillation import data, measure, teacher, train
from papers.distillation.evaluate import evaluate
from papers.distillation.predict import classify, predict
from papers.distillation.runs import runs
from papers.distillation.variants import get_config
from tests import optimised
from tests.papers.distillation.distilling import first

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("true", [-3.0, 0.0, 4.5])
def test_the_best_shift_undoes_a_bias(true):
    labels = RNG.integers(0, 5, 4000)
    logits = 8.0 * np.eye(5)[labels] + RNG.gumbel(size=(4000, 5))
    biased = measure.shifted(logits, (2, 3), -true)
    found = measure.best_shift(biased, labels, (2, 3))
    assert found == pytest.approx(true, abs=2.5)
    repaired = measure.accuracy(measure.shifted(biased, (2, 3), found), labels)
    assert repaired >= measure.accuracy(logits, labels)
    np.testing.assert_array_equal(biased[:, [0, 1, 4]], logits[:, [0, 1, 4]])


def test_trained_accuracy_is_that_of_each_members_own_images(smoke):
    config, state = smoke["soft_part"]
    found = measure.trained_accuracy(config, state)
    split = data.load(config.data, "train")
    indices = data.chosen(config)
    for member in range(config.members):  # two seeds at each of two temperatures
        rows = indices[member % 2]
        logits = train.forward(config, state, split.images[rows][:, None])
        expected = 100 * np.mean(logits[:, member].argmax(-1) == split.labels[rows])
        assert found[member] == pytest.approx(expected)


def test_logits_do_not_depend_on_how_they_are_batched(smoke):
    config, state = smoke["ensemble"]
    images = data.load(config.data, "test").images[:70]  # 64 a batch
    found = measure.logits(config, state, images)
    expected = train.forward(config, state, images[:, None])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_evaluate_sets_our_numbers_beside_the_papers(smoke, tmp_path):
    config = get_config("smoke")
    config.eval.write = str(tmp_path / "logits.safetensors")
    values = dict(evaluate(config, smoke))
    table = values["Ensemble and distilled model"]
    assert [row[-2:] for row in table.rows] == [
        [58.9, 10.9],
        [61.1, 10.7],
        [60.8, 10.7],
    ]
    ensemble, taught = smoke["ensemble"]
    test = data.load(config.data, "test")
    members = train.forward(ensemble, taught, test.images[:, None])
    right = measure.accuracy(np.asarray(ensemble_logits(members)), test.labels)
    assert table.rows[1][2] == pytest.approx(right)
    each = measure.accuracy(np.asarray(members), test.labels)
    assert table.rows[0][2] == pytest.approx(each.mean())
    few = values["Few labels"]
    assert [row[-2:] for row in few.rows] == [[63.4, 58.9], [67.3, 44.5], [65.4, 57.0]]
    assert [row[2] for row in few.rows] == [512, 51, 51]
    assert few.rows[0][3] == 4  # the ensemble's members
    assert {"Soft targets", "Accuracy against temperature", "Specialists",
            "Cost of a step", "Summary"} <= {*values}  # fmt: skip
    assert all(isinstance(name, str) for name in values)
    written = teacher.read(config.eval.write, 512, 10)
    cached = smoke["distilled"][1].teacher["logits"]
    np.testing.assert_allclose(written, cached, atol=1e-5)


def test_a_student_is_measured_without_its_teachers_run(smoke):
    values = dict(evaluate(get_config("smoke"), {"distilled": smoke["distilled"]}))
    (row,) = values["Ensemble and distilled model"].rows
    assert row[0] == "distilled at T = 2"


def test_specialists_do_not_predict_alone(smoke):
    with pytest.raises(UserError, match="--run=baseline"):
        next(predict(*smoke["specialists"], "a.png"))


def test_predict_shows_student_and_teacher(smoke, tmp_path):
    config, state = smoke["distilled"]
    image = data.load(config.data, "test").images[0]
    Image.fromarray(image[..., 0]).save(tmp_path / "a.png")
    Image.fromarray(image[..., 0]).resize((20, 20)).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"c\.png"):
        (_, table), records = predict(config, state, str(tmp_path))
    assert isinstance(table, Table)
    assert table.note == "skipped, unreadable: c.png"
    models = ["student"] * 2 + ["teacher"] * 2
    assert [row[1] for row in table.rows[::5]] == models
    first, *_ = records.rows
    assert first["input"] == "a.png"
    logits = ensemble_logits(train.forward(config, state, image[None, None]))
    p = np.asarray(jax.nn.softmax(logits))[0]
    assert [c["probability"] for c in first["classes"]] == pytest.approx(
        np.sort(p)[::-1][:5].tolist(), rel=1e-4
    )
    assert first["classes"][0]["name"] == str(p.argmax())
    np.testing.assert_allclose(classify(config, state, image[None]), p[None], rtol=1e-4)
    with pytest.raises(UserError, match=r"\[3\] of float64 is no picture: give uint8"):
        classify(config, state, [np.zeros(3)])
    with pytest.raises(UserError, match="does not exist: give a picture or a folder"):
        next(predict(config, state, str(tmp_path / "nowhere")))


@pytest.fixture(scope="module")
def digits():
    """Rows of the paper's experiments, trained on scikit-learn's digits."""

    config = get_config("smoke")
    config.data.source = "embedded"
    config.data.name = "digits"
    config.data.batch_size = 64
    for net in config.teacher, config.student:
        net.hidden = (128, 128)
        net.jitter = 0
        net.max_norm = 0.0
    config.teacher.dropout = 0.3
    config.optim.lr = 1e-3
    config.loop.steps = 800
    config.seed = 1
    config.experiment.seeds = 3
    config.experiment.share = 0.03
    config.experiment.temperatures = (4.0,)
    config.experiment.without = 3
    config.runs = ("baseline", "ensemble", "distilled", "hard_part", "soft_part",
                   "hard_without", "soft_without")  # fmt: skip
    config.experiment.members = 10
    config.experiment.longer = 4.0
    trained = {}
    for name, run in runs(config).items():
        state = first(run, trained)
        step = optimised.train_step(train, run.config)
        batches = data.batches(run.config, "train")
        for batch in itertools.islice(batches, run.config.loop.steps):
            state, _ = step(state, batch)
        trained[name] = run.config, state
    return config, trained


@pytest.fixture(scope="module")
def measured(digits):
    """What evaluation yields of these rows, by name."""
    return dict(evaluate(*digits))


@pytest.mark.slow
def test_soft_targets_beat_labels_by_five_points_on_three_per_cent(digits):
    _, trained = digits
    right = {}
    for name in ("hard_part", "soft_part"):
        run, state = trained[name]
        test = data.load(run.data, "test")
        logits = measure.logits(run, state, test.images)
        right[name] = measure.accuracy(logits, test.labels)
    gains = right["soft_part"] - right["hard_part"]
    assert gains.mean() >= 5
    assert gains.min() > 0


@pytest.mark.slow
def test_most_of_what_an_ensemble_gains_survives_in_one_model(measured):
    rows = measured["Ensemble and distilled model"].rows
    single, ensemble, distilled = (row[4] for row in rows)  # test loss
    assert ensemble < single
    assert single - distilled > 0.5 * (single - ensemble)


@pytest.mark.slow
def test_a_shifted_bias_finds_the_class_that_the_student_never_saw(measured):
    table = measured["Classes that the transfer set lacks"]
    rows = {row[1]: row for row in table.rows}
    *_, hard_before, _, _, hard_after, _, _ = rows["labels"]
    *_, soft_before, _, _, soft_after, _, _ = rows["soft targets"]
    assert hard_before == 0
    assert soft_before > 0
    assert soft_after > max(soft_before, 50)
    assert hard_after < soft_after
