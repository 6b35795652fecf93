"""Training a detector. Fails where it learns otherwise than the paper says."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.config import changed
from common.contract import UserError
from common.data.pipeline import pipeline
from common.detection_metrics import coco_metrics
from common.metrics import over
from papers.yolov3 import annotations, data, train
from papers.yolov3.cfg import shared_layers
from papers.yolov3.config import network, runs
from papers.yolov3.data import batches
from papers.yolov3.variants import get_config


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
    said = train.predicted(config, train.ema_variables(state), state.anchors, image)
    assert 0.5 * jax.nn.sigmoid(-4.0) < jnp.median(said.objectness)
    assert jnp.median(said.objectness) < 2 * jax.nn.sigmoid(-4.0)


def test_boxes_found_are_those_of_the_surest_slots(made):
    config = made["yolov3"]
    state = train.init(config, jax.random.key(0))
    (batch, *_) = batches(config, "valid")
    variables = train.ema_variables(state)
    said = train.predicted(config, variables, state.anchors, batch["image"])
    found = train.best(config, said)
    scores = np.asarray(said.objectness[..., None] * said.classes)
    np.testing.assert_allclose(found["scores"][:, 0], scores.max((1, 2)), rtol=1e-5)
    slot, label = np.unravel_index(scores[0].argmax(), scores[0].shape)
    np.testing.assert_allclose(found["boxes"][0, 0], said.boxes[0, slot], rtol=1e-5)
    assert found["classes"][0, 0] == label


@pytest.mark.slow
def test_a_tiny_net_overfits_16_pictures():
    """Of three classes at 96 x 96, to AP50 .95."""
    config = changed(
        get_config("smoke"),
        {
            "model.width": 8,
            "model.priors": "found",
            "data.size": 96,
            "data.scenes": 16,
            "data.held_out": 16,
            "data.batch_size": 16,
            "data.labels": "one",
            "data.ink": (16.0, 60.0),
            "optim.name": "adam",
            "optim.lr": 5e-3,
            "optim.weight_decay": 0.0,
            "optim.schedule.decay": "cosine",
            "loop.steps": 300,
            "burn_in": 0,
            "runs": ("yolov3",),
        },
    )
    config = runs(config)["yolov3"].config
    state = train.init(config, jax.random.key(0))
    step = jax.jit(partial(train.train_step, config), donate_argnums=0)
    stream = batches(config, "train")
    for _ in range(config.loop.steps):
        state, _ = step(state, next(stream))
    seen = _as_validation(config)
    found = over(jax.jit(partial(train.eval_step, config, state)), seen)
    rows = found["found"]
    scores = coco_metrics(*measured(config, "train", rows), names(config))
    assert scores.ap50 >= 0.95


def _as_validation(config):
    """The training pictures, in order."""
    items = data._InOrder(config, annotations.annotated(config.data, "train"))
    return pipeline(items, batch_size=8, repeat=False)
