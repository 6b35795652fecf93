"""Training a detector. Fails where it learns otherwise than the paper says."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.config import changed
from common.contract import UserError
from common.metrics import over
from papers.yolov3 import detector, train
from papers.yolov3.cfg import shared_layers
from papers.yolov3.config import network
from papers.yolov3.data import batches
from papers.yolov3.measure import validate
from papers.yolov3.runs import runs
from papers.yolov3.variants import get_config
from tests import optimised
from tests.papers.yolov3.boxed_folder import write


@pytest.fixture(scope="module")
def made():
    return {name: run.config for name, run in runs(get_config("smoke")).items()}


def test_the_detector_starts_from_the_classifiers_trunk(made):
    classifier = train.init(made["classifier"], jax.random.key(1))
    moved = jax.tree.map(lambda x: x + 1.0, classifier.batch_stats)
    classifier = classifier.replace(batch_stats=moved)
    after = {"classifier": (made["classifier"], classifier)}
    detector = train.init(made["yolov3"], jax.random.key(0), after=after)
    alone = train.init(made["yolov3"], jax.random.key(0))
    shared = shared_layers(network(made["yolov3"]), network(made["classifier"]))
    assert shared > 5
    for name, layer in detector.params.items():
        own = int(name.removeprefix("layer_")) < shared
        expected = (classifier if own else alone).params[name]
        jax.tree.map(np.testing.assert_array_equal, layer, expected)
    for name, layer in detector.batch_stats.items():
        own = int(name.removeprefix("layer_")) < shared
        expected = (classifier if own else alone).batch_stats[name]
        jax.tree.map(np.testing.assert_array_equal, layer, expected)


def test_runs_come_after_the_classifier_but_for_scratch():
    config = get_config("smoke")
    config.runs = ("yolov3", "scratch", "yolov3_seed2", "focal", "classifier")
    made = runs(config)
    assert [name for name, run in made.items() if run.after] == [
        "yolov3", "yolov3_seed2", "focal"
    ]  # fmt: skip
    assert made["yolov3_seed2"].config.seed == 2
    assert made["focal"].config.objective.focal > 0
    config.runs = ("yolov4",)
    with pytest.raises(UserError, match="yolov4"):
        runs(config)


def test_the_rate_rises_with_the_fourth_power():
    config = changed(get_config("coco"), {"data.names": ()})
    rate = train._rate(config)
    for step in (1, 10, 500, 999):
        expected = 1e-3 * (step / 1000) ** 4
        np.testing.assert_allclose(rate(step - 1), expected, rtol=1e-5)
    np.testing.assert_allclose(rate(1000), 1e-3, rtol=1e-6)
    np.testing.assert_allclose(rate(400_001), 1e-4, rtol=1e-5)
    np.testing.assert_allclose(rate(450_001), 1e-5, rtol=1e-5)


def test_only_kernels_decay(made):
    config = changed(made["yolov3"], {"burn_in": 0})
    state = train.init(config, jax.random.key(0))
    ones = jax.tree.map(jnp.ones_like, state.params)
    nothing = jax.tree.map(jnp.zeros_like, ones)
    updates, _ = train._tx(config).update(nothing, state.opt_state, ones)
    for path, update in jax.tree.flatten_with_path(updates)[0]:
        kernel = path[-1].key == "kernel"
        expected = -config.optim.lr * config.optim.weight_decay * kernel
        np.testing.assert_allclose(update, expected, atol=1e-12)


def test_slots_start_as_unsure_as_the_bias_says(made):
    config = made["yolov3"]
    state = train.init(config, jax.random.key(0))
    image = next(batches(config, "train"))["image"]
    said = detector.predicted(config, train.ema_variables(state), state.anchors, image)
    assert 0.5 * jax.nn.sigmoid(-4.0) < jnp.median(said.objectness)
    assert jnp.median(said.objectness) < 2 * jax.nn.sigmoid(-4.0)


def test_boxes_found_are_those_of_the_surest_slots(made):
    config = made["yolov3"]
    state = train.init(config, jax.random.key(0))
    (batch, *_) = batches(config, "valid")
    variables = train.ema_variables(state)
    said = detector.predicted(config, variables, state.anchors, batch["image"])
    found = detector.best(config, said)
    scores = np.asarray(said.objectness[..., None] * said.classes)
    np.testing.assert_allclose(found["scores"][:, 0], scores.max((1, 2)), rtol=1e-5)
    slot, label = np.unravel_index(scores[0].argmax(), scores[0].shape)
    np.testing.assert_allclose(found["boxes"][0, 0], said.boxes[0, slot], rtol=1e-5)
    assert found["classes"][0, 0] == label


@pytest.mark.slow
def test_a_tiny_net_overfits_16_pictures(tmp_path):
    """Of three classes at 96 x 96, to AP50 .95: rectangles of three colours."""
    names = [f"p{i}" for i in range(16)]
    rng = np.random.default_rng(0)
    pictures = {name: ((96, 96), _rectangles(rng)) for name in names}
    write(tmp_path, pictures, dict.fromkeys(("train", "val", "test"), names))
    config = changed(
        get_config("smoke"),
        {
            "model.width": 8,
            "model.priors": "found",
            "data.root": str(tmp_path),
            "data.size": 96,
            "data.batch_size": 16,
            "optim.name": "adam",
            "optim.lr": 5e-3,
            "optim.weight_decay": 0.0,
            "optim.schedule.decay": "cosine",
            "loop.steps": 400,
            "burn_in": 0,
            "runs": ("yolov3",),
        },
    )
    config = runs(config)["yolov3"].config
    assert config.model.classes == 3
    state = train.init(config, jax.random.key(0))
    step = optimised.train_step(train, config)
    stream = batches(config, "train")
    for _ in range(config.loop.steps):
        state, _ = step(state, next(stream))
    evaluate = jax.jit(partial(train.eval_step, config, state))
    outputs = over(evaluate, batches(config, "valid"))
    scores = validate(config, outputs)
    assert scores["ap50"] >= 0.95, scores


def _rectangles(rng):
    """Two, in different halves of the picture."""
    found = []
    for left in (0, 48):
        width, height = rng.integers(14, 44, 2)
        x = left + rng.integers(0, 48 - width)
        y = rng.integers(0, 96 - height)
        label = ("bird", "cat", "dog")[rng.integers(3)]
        found.append((label, int(x), int(y), int(x + width), int(y + height)))
    return found
