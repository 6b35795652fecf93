"""The losses against loops and their limits: a failure means that eq. 1 to 6 are not
what is minimised."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers.cornernet.objective import (
    focal_loss,
    offset_loss,
    pull_loss,
    push_loss,
)

SHAPE = (2, 4, 5, 3)


def focal_by_loops(logits, heat):
    totals = []
    for image, truth in zip(logits, heat, strict=True):
        total = 0.0
        for logit, y in zip(image.ravel(), truth.ravel(), strict=True):
            p = min(max(1 / (1 + math.exp(-logit)), 1e-4), 1 - 1e-4)
            if y == 1:
                total -= (1 - p) ** 2 * math.log(p)
            else:
                total -= (1 - y) ** 4 * p**2 * math.log(1 - p)
        totals.append(total)
    return totals


def test_focal_loss_is_that_of_the_loops():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 4, SHAPE).astype(np.float32)
    heat = rng.random(SHAPE).astype(np.float32)
    heat[0, 1, 2, 0] = heat[1, 3, 3, 1] = 1
    found = focal_loss(jnp.array(logits), jnp.array(heat))
    np.testing.assert_allclose(found, focal_by_loops(logits, heat), rtol=1e-5)


def test_perfect_heat_maps_cost_nothing():
    heat = np.zeros(SHAPE, np.float32)
    heat[:, 1, 2, 0] = 1
    logits = jnp.where(jnp.array(heat) == 1, 20.0, -20.0)
    assert (focal_loss(logits, jnp.array(heat)) / heat[0].size < 1e-6).all()


def test_false_corners_near_a_corner_cost_less():
    logits = jnp.full((1, 1, 3, 1), 1.0)
    costs = [
        float(focal_loss(logits[:, :, :1], jnp.full((1, 1, 1, 1), y)).sum())
        for y in (0.0, 0.5, 0.9)
    ]
    assert costs[0] > costs[1] > costs[2] > 0


def test_equal_tags_pull_no_more_and_distant_ones_push_no_more():
    tags = jnp.array([[0.0, 1.0, 2.5]])
    present = jnp.ones((1, 3), bool)
    assert pull_loss(tags, tags, present).tolist() == [0]
    assert push_loss(tags, tags, present).tolist() == [0]


def test_pull_and_push_are_the_slides_formulas():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 0.5, (2, 5))
    n = 4  # the last is not there
    present = jnp.arange(5)[None] < n
    mean = (a + b) / 2
    pull = sum((a[k] - mean[k]) ** 2 + (b[k] - mean[k]) ** 2 for k in range(n)) / n
    push = sum(
        max(0, 1 - abs(mean[k] - mean[j])) for k in range(n) for j in range(n) if j != k
    ) / (n * (n - 1))
    tags = jnp.array(a)[None], jnp.array(b)[None]
    np.testing.assert_allclose(pull_loss(*tags, present), [pull], rtol=1e-5)
    np.testing.assert_allclose(push_loss(*tags, present), [push], rtol=1e-5)


@pytest.mark.parametrize("count", [0, 1])
def test_images_of_no_or_one_object_have_finite_gradients(count):
    present = jnp.arange(3)[None] < count
    tags = jnp.array([[0.3, 0.2, 0.1]])

    def loss(a, b):
        return (pull_loss(a, b, present) + push_loss(a, b, present)).sum()

    grads = jax.grad(loss, (0, 1))(tags, tags + 0.5)
    assert all(np.isfinite(g).all() for g in grads)
    assert push_loss(tags, tags, present).tolist() == [0]


def test_offsets_cost_by_smooth_l1():
    predicted = jnp.array([[[0.5, 3.0], [9.0, 9.0]]])
    actual = jnp.zeros((1, 2, 2))
    found = offset_loss(predicted, actual, jnp.array([[True, False]]))
    np.testing.assert_allclose(found, [0.5 * 0.25 + 2.5])
