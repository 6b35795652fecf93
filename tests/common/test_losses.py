"""Losses against numpy, optax and samples, and at their extremes. A failure means
another value or gradient than the formula's, or one that is not finite."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from common.losses import (
    absolute_error,
    cross_entropy,
    distillation,
    ensemble_logits,
    gan_discriminator,
    gan_generator,
    gaussian_kl,
    matching_gradient,
    soft_cross_entropy,
    soft_gradient,
)

CLASSES = 7


def example(scale=1.0):
    rng = np.random.default_rng(0)
    logits = scale * rng.normal(size=(3, 4, CLASSES)).astype(np.float32)
    return logits, rng.integers(0, CLASSES, (3, 4)).astype(np.int32)


def test_cross_entropy_is_minus_the_log_probability_of_the_label():
    logits, labels = example(3.0)
    expected = np.zeros(labels.shape)
    for row in np.ndindex(*labels.shape):
        exp = np.exp(logits[row].astype(np.float64))
        expected[row] = -np.log(exp[labels[row]] / exp.sum())
    loss = cross_entropy(jnp.asarray(logits), jnp.asarray(labels))
    np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-6)
    reference = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    np.testing.assert_allclose(loss, reference, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("logits", "expected", "gradient"),
    [
        ([1e4, 0.0], 0.0, [0, 0]),
        ([0.0, 1e4], 1e4, [-1, 1]),
        ([-1e30, 1e30], 2e30, [-1, 1]),
    ],
)
def test_huge_logits_cost_their_difference(logits, expected, gradient):
    loss = jax.value_and_grad(lambda x: cross_entropy(x, jnp.int32(0)))
    value, slope = loss(jnp.array(logits))
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(slope, gradient)


def test_the_gradient_is_softmax_minus_one_hot():
    logits, labels = example(2.0)
    weight = np.random.default_rng(1).normal(size=labels.shape)

    def loss(logits):
        return jnp.sum(cross_entropy(logits, jnp.asarray(labels)) * weight)

    softmax = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = (softmax - np.eye(CLASSES)[labels]) * weight[..., None]
    gradient = jax.grad(loss)(jnp.asarray(logits))
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


def test_bfloat16_logits_are_reduced_in_float32():
    logits, labels = example(3.0)
    rounded = jnp.asarray(logits, jnp.bfloat16)
    loss = cross_entropy(rounded, jnp.asarray(labels))
    expected = cross_entropy(rounded.astype(jnp.float32), jnp.asarray(labels))
    np.testing.assert_array_equal(loss, expected)
    assert np.any(loss != loss.astype(jnp.bfloat16).astype(jnp.float32))


@pytest.mark.parametrize("label", [-100, -1, CLASSES, 10_000])
def test_a_masked_label_out_of_range_leaves_the_loss_and_the_gradient_alone(label):
    logits, labels = example()
    logits = jnp.asarray(logits)
    labels = jnp.asarray(labels)
    mask = jnp.ones(labels.shape).at[1, 2].set(0.0)

    def loss(logits, labels):
        return jnp.sum(cross_entropy(logits, labels) * mask)

    expected = jax.value_and_grad(loss)(logits, labels)
    found = jax.value_and_grad(loss)(logits, labels.at[1, 2].set(label))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    np.testing.assert_array_equal(found[1], expected[1])
    assert np.all(found[1][1, 2] == 0)


def soft_example(scale=3.0, classes=10):
    rng = np.random.default_rng(1)
    z, v = scale * rng.normal(size=(2, 5, classes))
    return jnp.asarray(z), jnp.asarray(v), jnp.asarray(rng.integers(0, classes, 5))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5, 20.0])
def test_the_soft_gradient_is_q_minus_p_over_t(temperature):
    z, v, _ = soft_example()

    def loss(z, v):
        return jnp.sum(soft_cross_entropy(z, v, temperature))

    towards_z, towards_v = jax.grad(loss, (0, 1))(z, v)
    expected = soft_gradient(z, v, temperature)
    np.testing.assert_allclose(towards_z, expected, atol=1e-6)
    q, p = (jax.nn.softmax(x / temperature) for x in (z, v))
    np.testing.assert_allclose(expected, (q - p) / temperature, atol=1e-6)
    assert not towards_v.any()


def test_hot_targets_ask_for_matching_logits():
    """T^2 N times the gradient tends to z - v, with an error that falls as 1 / T."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        z, v = 3 * rng.normal(size=(2, 10))
        z = jnp.asarray(z - z.mean())
        v = jnp.asarray(v - v.mean())
        errors = []
        for temperature in (1e2, 1e3, 1e4):
            gradient = jax.grad(soft_cross_entropy)(z, v, temperature)
            assert gradient.dtype == jnp.float64
            limit = matching_gradient(z, v, temperature)
            scale = 10 * temperature**2
            np.testing.assert_allclose(limit * scale, z - v, rtol=1e-9)
            errors.append(float(jnp.abs(gradient - limit).max() * scale))
        np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 10, rtol=0.05)
        assert 0.01 < errors[0] < 1.0
        shifted = matching_gradient(z + 7.0, v - 3.0, 5.0)
        np.testing.assert_allclose(shifted, matching_gradient(z, v, 5.0), atol=1e-12)


def test_labels_alone_are_plain_cross_entropy_bit_for_bit():
    z, v, labels = soft_example()
    plain = jax.value_and_grad(lambda z: cross_entropy(z, labels).sum())(z)
    mixed = jax.value_and_grad(lambda z: distillation(z, v, labels, 1.0, 1.0).sum())(z)
    np.testing.assert_array_equal(plain[0], mixed[0])
    np.testing.assert_array_equal(plain[1], mixed[1])


@pytest.mark.parametrize("temperature", [1.0, 3.0, 100.0])
def test_a_student_that_matches_its_teacher_is_left_alone(temperature):
    z, _, labels = soft_example()
    loss, slope = jax.value_and_grad(
        lambda z, v: distillation(z, v, labels, temperature).sum()
    )(z, z)
    np.testing.assert_allclose(loss, 0.0, atol=1e-3 * temperature**2)
    np.testing.assert_allclose(slope, 0.0, atol=1e-6 * temperature)


def test_the_objectives_are_weighed_and_the_soft_one_scaled_by_t_squared():
    z, v, labels = soft_example()
    weight = 0.3
    temperatures = jnp.array([1.0, 2.0, 4.0, 8.0, 20.0])

    def slopes(loss):
        return jax.grad(lambda z: jnp.sum(loss(z)))(z)

    found = slopes(lambda z: distillation(z, v, labels, temperatures, weight))
    soft = temperatures[:, None] ** 2 * soft_gradient(z, v, temperatures)
    hard = slopes(lambda z: cross_entropy(z, labels))
    expected = (1 - weight) * soft + weight * hard
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    # Without the factor a soft gradient would all but vanish at T = 20.
    assert 0.1 < jnp.abs(soft[4]).max() / jnp.abs(soft[0]).max() < 10


def test_ensembles_average_probabilities_or_their_logarithms():
    z = 2 * jax.random.normal(jax.random.key(0), (4, 3, 6))
    p = np.asarray(jax.nn.softmax(z), np.float64)
    mean = jax.nn.softmax(ensemble_logits(z))
    np.testing.assert_allclose(mean, p.mean(1), rtol=1e-5)
    product = np.exp(np.log(p).mean(1))
    geometric = jax.nn.softmax(ensemble_logits(z, "geometric"))
    np.testing.assert_allclose(
        geometric, product / product.sum(-1, keepdims=True), rtol=1e-5
    )
    alone = ensemble_logits(z[:, :1])
    np.testing.assert_allclose(jax.nn.softmax(alone / 7), jax.nn.softmax(z[:, 0] / 7),
                               rtol=1e-5)  # fmt: skip
    with pytest.raises(ValueError, match="arithmetic or geometric"):
        ensemble_logits(z, "median")


MU = np.array([[[0.9, -0.7], [0.4, 0.0]], [[-1.5, 0.2], [0.0, 1.1]]])
STD = np.array([[[1.0, 0.3], [2.0, 0.8]], [[0.5, 1.4], [1.0, 0.1]]])


@pytest.mark.parametrize("std", [1.0, STD], ids=["one", "any"])
def test_gaussian_kl_is_what_samples_of_q_say(std):
    """It is the mean of log q(z) - log p(z) over samples of q."""
    eps = np.random.default_rng(0).normal(size=(100_000, *MU.shape))
    z = MU + std * eps
    log_ratio = (np.square(z) - np.square(eps)) / 2 - np.log(std)
    estimate = log_ratio.sum((2, 3)).mean(0)
    kl = gaussian_kl(jnp.asarray(MU), jnp.asarray(std))
    np.testing.assert_allclose(kl, estimate, rtol=0.02)


def test_gaussian_kl_is_half_of_mu_squared_where_deviations_are_one():
    mu = jnp.asarray(MU)
    expected = 0.5 * np.square(MU).sum((1, 2))
    np.testing.assert_allclose(gaussian_kl(mu), expected, rtol=1e-6)
    ones = jnp.ones_like(mu)
    np.testing.assert_allclose(gaussian_kl(mu, ones), expected, rtol=1e-6)
    np.testing.assert_array_equal(gaussian_kl(0 * mu, ones), [0, 0])
    np.testing.assert_allclose(jax.grad(lambda x: gaussian_kl(x).sum())(mu), mu)


def test_gaussian_kl_is_least_at_the_prior():
    def loss(mu, std):
        return gaussian_kl(mu, std).sum()

    at = jnp.zeros_like(MU), jnp.ones_like(MU)
    for slope in jax.grad(loss, (0, 1))(*at):
        np.testing.assert_allclose(slope, 0, atol=1e-6)
    for std in (0.9, 1.1):
        assert (gaussian_kl(at[0], std * at[1]) > 0.01).all()


def test_absolute_error_is_a_mean_over_each_example():
    rng = np.random.default_rng(0)
    image, target = rng.normal(size=(2, 3, 4, 5, 2))
    expected = [sum(abs(x - y).flat) / 40 for x, y in zip(image, target, strict=True)]
    error = absolute_error(jnp.asarray(image), jnp.asarray(target))
    np.testing.assert_allclose(error, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "slope"),
    [
        ("nsgan", -1 / (1 + np.exp(-10))),
        ("minimax", -1 / (1 + np.exp(10))),  # -4.5e-5
        ("lsgan", 2 * (-10 - 1)),
    ],
)
def test_what_moves_a_generator_that_fools_nobody(kind, slope):
    gradient = jax.grad(lambda x: gan_generator(x[None], kind)[0])(-10.0)
    np.testing.assert_allclose(gradient, slope, rtol=1e-5)


def grids():
    """Logits on a real and on a fake grid, and the sigmoids of both."""
    logits = 3 * np.random.default_rng(0).normal(size=(2, 4, 3, 2))
    return *map(jnp.asarray, logits), *(1 / (1 + np.exp(-logits)))


def test_gan_losses_are_binary_cross_entropies_or_squares():
    real, fake, d_real, d_fake = grids()
    pixels = (1, 2)
    expected = {
        "nsgan": (-np.log(d_real) - np.log(1 - d_fake)).mean(pixels),
        "lsgan": ((real - 1) ** 2 + fake**2).mean(pixels),
    }
    for kind, value in expected.items():
        found = gan_discriminator(real, fake, kind)
        np.testing.assert_allclose(found, value, rtol=1e-5)
    expected = {
        "nsgan": -np.log(d_fake).mean(pixels),
        "lsgan": ((fake - 1) ** 2).mean(pixels),
        "minimax": np.log(1 - d_fake).mean(pixels),
    }
    for kind, value in expected.items():
        np.testing.assert_allclose(gan_generator(fake, kind), value, rtol=1e-5)
    default = gan_discriminator(real, fake, "nsgan"), gan_generator(fake, "nsgan")
    np.testing.assert_array_equal(gan_discriminator(real, fake), default[0])
    np.testing.assert_array_equal(gan_generator(fake), default[1])


def test_the_minimax_game_is_zero_sum():
    real, fake, *_ = grids()

    def both(fake):
        return gan_discriminator(real, fake) + gan_generator(fake, "minimax")

    np.testing.assert_allclose(both(fake), both(fake - 2.0), rtol=1e-5)


def test_a_discriminator_that_cannot_tell_pays_least_for_saying_one_half():
    """The least is 2 log 2, by theorem 1 of Goodfellow et al. 2014."""

    def loss(logits):
        return gan_discriminator(logits, logits)

    at = jnp.zeros((3, 2, 2))
    np.testing.assert_allclose(loss(at), 2 * np.log(2), rtol=1e-6)
    slope = jax.grad(lambda x: loss(x).sum())(at)
    np.testing.assert_allclose(slope, 0, atol=1e-7)
    for logit in (-1.0, -0.1, 0.1, 1.0):
        assert (loss(at + logit) > 2 * np.log(2) + 1e-3).all()


def test_large_logits_cost_what_they_should_and_stay_finite():
    large = jnp.array([1e4, -1e4])
    np.testing.assert_allclose(gan_discriminator(large, -large), [0, 2e4], atol=1e-6)
    np.testing.assert_allclose(gan_generator(large), [0, 1e4], atol=1e-6)
    np.testing.assert_allclose(gan_generator(large, "minimax"), [-1e4, 0], atol=1e-6)
    for kind in ("nsgan", "lsgan", "minimax"):
        slope = jax.grad(lambda x, kind=kind: gan_generator(x, kind).sum())(large)
        assert np.isfinite(slope).all()
    slopes = jax.grad(lambda *x: gan_discriminator(*x).sum(), (0, 1))(large, large)
    np.testing.assert_allclose(slopes, [[0, -1], [1, 0]], atol=1e-6)
