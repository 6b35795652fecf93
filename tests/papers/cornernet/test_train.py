"""Training: a failure means that a step does not minimise eq. 6 over its batch, or that
nothing is learnt."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers import cornernet
from papers.cornernet import objective
from papers.cornernet.config import Config
from papers.cornernet.measure import find, maps_of, scores_of
from papers.cornernet.pixels import MEAN, STD, jittered, normalised, varied
from papers.cornernet.train import predicted, targets_of
from tests import optimised


@pytest.fixture(scope="module")
def smoke():
    config = cornernet.get_config("smoke")
    state = cornernet.init(config, jax.random.key(0))
    return config, state, next(cornernet.batches(config, "train"))


def test_validation_divides_by_the_counts_of_each_image(smoke):
    """Its loss is the mean of what one image alone would cost."""
    config, state, _ = smoke
    batch = next(iter(cornernet.batches(config, "valid")))
    batch["mask"][5:] = 0
    found = jax.jit(partial(cornernet.eval_step, config))(state, batch)

    @jax.jit
    def alone(state, batch):
        """The images as five batches of one."""
        both = predicted(config, state, batch["image"]), targets_of(config, batch)
        losses = []
        for i in range(5):
            own, truth = jax.tree.map(lambda x, i=i: x[i : i + 1], both)
            total = objective.counts(truth)
            terms = objective.terms(own, truth, total, jnp.float32(1))
            losses.append(objective.weighted(config.objective, terms)[0])
        return losses

    losses = alone(state, batch)
    np.testing.assert_allclose(found["loss"].value, np.mean(losses), rtol=1e-4)


@pytest.mark.slow
def test_images_without_objects_train_on_false_corners_alone(smoke):
    config, state, batch = smoke
    empty = {**batch, "present": np.zeros_like(batch["present"])}
    after, metrics = jax.jit(partial(cornernet.train_step, config))(state, empty)
    assert float(metrics["objects"]) == 0
    assert float(metrics["pull"]) == float(metrics["push"]) == 0
    assert float(metrics["detection"]) > 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after.params))


def test_colours_vary_by_image_and_not_in_evaluation():
    config = Config()
    config.data.colour = 0.4
    config.data.lighting = 0.1
    images = np.full((3, 4, 4, 3), (200, 100, 50), np.uint8)
    plain = normalised(config, images)
    expected = (np.array([200, 100, 50]) / 255 - MEAN) / STD
    np.testing.assert_allclose(plain[0, 0, 0], expected, rtol=1e-5)
    new = np.asarray(varied(config, images, jax.random.key(0)))
    assert len({tuple(image[0, 0]) for image in new.round(4)}) == 3
    config.data.colour = config.data.lighting = 0.0
    np.testing.assert_array_equal(varied(config, images, jax.random.key(0)), plain)


def test_colour_jitter_is_of_bounded_strength():
    """A grey picture keeps its greys: contrast and saturation leave it as it is."""
    image = np.full((2, 2, 3), 0.5, np.float32)
    for seed in range(10):
        found = np.asarray(jittered(image, jax.random.key(seed), 0.4))
        assert np.ptp(found) < 1e-6
        assert 0.3 - 1e-6 <= found.min() <= found.max() <= 0.7 + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("corner_pool", [True, False], ids=["pool", "no_pool"])
def test_a_small_network_learns_eight_images_by_heart(corner_pool):
    config = cornernet.get_config("smoke")
    config.model = dataclasses.replace(
        config.model, widths=(16, 24, 32), blocks=(1, 1, 1), stem_width=8,
        feature_width=24, pool_width=12, head_width=16, corner_pool=corner_pool,
    )  # fmt: skip
    config.data = dataclasses.replace(config.data, scenes=8, size=(64, 64))
    config.optim.lr = 5e-3
    state = cornernet.init(config, jax.random.key(0))
    step = optimised.train_step(cornernet, config)
    data = cornernet.batches(config, "train")
    for _ in range(250):
        state, _ = step(state, next(data))
    maps = maps_of(config, state, "train")
    found = find(maps, config.eval.tag_threshold)
    scores = scores_of(config, maps.truths, found, maps.data.names)
    assert scores.ap50 > 0.85  # 0.89 of both: one of 16 objects is missed
