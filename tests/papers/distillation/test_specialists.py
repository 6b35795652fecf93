"""Specialists: clusters, dustbins, sampling and the joint answer. A failure means that
one of the paper's section 5 formulas is not computed."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers.distillation import joint, specialists, train
from papers.distillation.variants import get_config
from tests.papers.distillation.distilling import started

RNG = np.random.default_rng(0)
SPECIAL = jnp.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 0]], bool)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_online_kmeans_finds_groups_that_are_apart():
    centres = 5 * np.eye(4, 6)
    groups = RNG.integers(0, 4, 40)
    groups[:4] = range(4)
    columns = (centres[groups] + 0.3 * RNG.normal(size=(40, 6))).T
    found = np.asarray(specialists.online_kmeans(jnp.asarray(columns), 4))
    pairs = {*zip(groups.tolist(), found.tolist(), strict=True)}
    assert len(pairs) == 4


def test_classes_that_are_confused_are_one_cluster():
    """The generalist confuses classes 0 to 2, and classes 3 to 5."""
    labels = RNG.integers(0, 6, 3000)
    near = labels[:, None] // 3 == np.arange(6) // 3
    logits = 3.0 * near + 2.0 * np.eye(6)[labels] + 0.5 * RNG.normal(size=(3000, 6))
    similar = specialists.confusion(jnp.asarray(logits))
    found = np.asarray(specialists.online_kmeans(similar, 2))
    assert len({*found[:3].tolist()}) == len({*found[3:].tolist()}) == 1
    assert found[0] != found[3]


def test_every_class_has_one_specialist(smoke):
    special = smoke["specialists"][1].special
    np.testing.assert_array_equal(special["classes"].sum(0), np.ones(10))
    assert special["frequency"].sum() == pytest.approx(1.0)


def test_a_specialist_starts_as_the_generalist(smoke):
    config, state = smoke["specialists"]
    generalist = smoke["baseline"]
    images = RNG.integers(0, 256, (5, 1, 8, 8, 1), np.uint8)
    expected = train.forward(*generalist, images)
    found = train.forward(config, state, images)
    for m in range(config.seeds):
        np.testing.assert_allclose(found[:, m, :10], expected[:, 0], atol=1e-5)
    np.testing.assert_array_equal(found[..., 10], 0)


def test_losses_are_those_of_own_classes_and_a_dustbin():
    logits = RNG.normal(size=(50, 2, 7)).astype(np.float32)
    labels = RNG.integers(0, 6, (50, 1)).repeat(2, axis=1)
    frequency = np.bincount(labels[:, 0], minlength=6) / 50
    special = {"classes": SPECIAL, "frequency": jnp.asarray(frequency)}
    found = np.asarray(specialists.losses(special, jnp.asarray(logits), labels))
    for m, own in enumerate(([0, 1], [2, 3, 4])):
        share = frequency[own].sum()
        weight = {True: 0.0, False: 0.0}
        for row in range(50):
            p = softmax(logits[row, m, [*own, 6]])
            label = labels[row, m]
            is_own = label in own
            place = own.index(label) if is_own else len(own)
            w = 0.5 / (share if is_own else 1 - share)
            weight[is_own] += w / 50
            assert found[row, m] == pytest.approx(-w * np.log(p[place]), rel=1e-4)
        assert weight == {True: pytest.approx(0.5), False: pytest.approx(0.5)}


def test_the_sampling_ratio_takes_the_weights_back():
    """A posterior learnt from weighted images, once corrected, is the true one."""
    chances = RNG.random((8, 6))
    chances /= chances.sum()  # p(image, class)
    frequency = chances.sum(0)
    weighted = np.zeros((8, 2, 7))
    true = np.zeros((8, 2, 7))
    for m, own in enumerate(([0, 1], [2, 3, 4])):
        others = [c for c in range(6) if c not in own]
        share = frequency[own].sum()
        merged = np.zeros((8, 7))
        merged[:, own] = chances[:, own]
        merged[:, 6] = chances[:, others].sum(1)
        true[:, m] = merged / merged.sum(1, keepdims=True)
        merged[:, own] *= 0.5 / share
        merged[:, 6] *= 0.5 / (1 - share)
        weighted[:, m] = merged / merged.sum(1, keepdims=True)
    special = {"classes": SPECIAL, "frequency": jnp.asarray(frequency)}
    with np.errstate(divide="ignore"):
        logits = jnp.asarray(np.maximum(np.log(weighted), -50))
    found = softmax(np.asarray(joint.unbiased(special, logits), np.float64))
    np.testing.assert_allclose(found, true, atol=1e-5)


def divergence(q, p_general, p_special, active):
    """Eq. 5 in numpy, probabilities in."""
    total = np.sum(p_general * np.log(p_general / q))
    for own, p in (([0, 1], p_special[0]), ([2, 3, 4], p_special[1])):
        if (0 if own == [0, 1] else 1) in active:
            others = [c for c in range(6) if c not in own]
            merged = np.array([*q[own], q[others].sum()])
            p = p[[*own, 6]] / p[[*own, 6]].sum()
            total += np.sum(p * np.log(p / merged))
    return total


def example(n=6):
    generalist = 2 * RNG.normal(size=(n, 6))
    special = {"classes": SPECIAL, "frequency": jnp.full(6, 1 / 6)}
    raw = jnp.asarray(2 * RNG.normal(size=(n, 2, 7)))
    return generalist, np.asarray(joint.unbiased(special, raw))


def test_divergence_is_the_sum_of_eq_5():
    (z, *_), (experts, *_) = example()
    other = RNG.normal(size=6)
    found = joint.divergence(
        jnp.asarray(other), jnp.asarray(z), jnp.asarray(experts), SPECIAL,
        jnp.array([True, False]),
    )  # fmt: skip
    expected = divergence(softmax(other), softmax(z), softmax(experts), {0})
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_the_joint_answer_minimises_the_divergence():
    generalist, experts = example()
    infer = jax.jit(partial(joint.infer, steps=2000))
    z = infer(jnp.asarray(generalist), jnp.asarray(experts), SPECIAL)
    for i, best in enumerate(generalist.argmax(1)):
        active = {m for m in range(2) if SPECIAL[m, best]}
        args = softmax(generalist[i]), softmax(experts[i]), active
        q = softmax(np.asarray(z[i], np.float64))
        least = divergence(q, *args)
        for _ in range(50):
            other = softmax(np.log(q) + 0.05 * RNG.normal(size=6))
            assert divergence(other, *args) > least - 1e-4
        if not active:
            np.testing.assert_allclose(q, softmax(generalist[i]), atol=1e-5)


def test_a_specialist_that_agrees_changes_nothing():
    generalist, _ = example()
    log_p = np.log(softmax(generalist))
    agreeing = np.zeros((6, 2, 7))
    for m, own in enumerate(([0, 1], [2, 3, 4])):
        others = [c for c in range(6) if c not in own]
        agreeing[:, m, :6] = np.where(SPECIAL[m], log_p, specialists.NEVER)
        agreeing[:, m, 6] = np.log(np.exp(log_p[:, others]).sum(1))
    z = joint.infer(jnp.asarray(generalist), jnp.asarray(agreeing), SPECIAL)
    np.testing.assert_allclose(jax.nn.softmax(z), softmax(generalist), atol=1e-5)


def test_specialists_need_an_mlp():
    config = get_config("smoke")
    config.teacher.kind = "resnet"
    config.teacher.max_norm = 0.0
    with pytest.raises(ValueError, match="specialists are made of"):
        started(config)
