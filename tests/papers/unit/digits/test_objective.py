"""The digit experiment against the formulas of the released code. A failure means that
a term has another value, or that it trains other layers."""

import dataclasses
import itertools
from functools import cache, partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers import unit
from papers.unit import train
from papers.unit.config import Adaptation, Config, Data, Model
from papers.unit.config import runs as runs_of
from papers.unit.digits import networks, objective
from papers.unit.digits.networks import DigitDiscriminator, DigitTranslator
from papers.unit.directions import DIRECTIONS
from papers.unit.objective import noise

# No two weights are one.
WEIGHTS = Adaptation(
    width=4, discriminator_width=4, dropout=(0.0,) * 4, adversarial=2.0, kl=3.0,
    reconstruction=5.0, feature=7.0, classify=11.0,
)  # fmt: skip
KEY = jax.random.key(3)
TERMS = {
    "generators": objective.generator_terms,
    "discriminators": objective.discriminator_terms,
}


def config(**fields):
    return Config(
        model=Model(family="adaptation", channels=(1, 1)),
        adaptation=dataclasses.replace(WEIGHTS, **fields),
        data=Data("labelled", size=(16, 16)),
    )


@cache
def rows():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 3, 16, 16, 1)).astype(np.float32)
    return {
        "a": jnp.asarray(a),
        "b": jnp.asarray(0.3 * b + 0.5),  # another distribution
        "label_a": jnp.array([2, 7, 9]),
        "row": jnp.array([4, 5, 6]),
    }


def images():
    return {domain: rows()[domain] for domain in "ab"}


@cache
def variables():
    """Large random parameters, and statistics that are not the initial ones."""
    init = partial(objective.init, config())
    params, stats = jax.eval_shape(init, KEY, *images().values())
    rng = np.random.default_rng(1)

    def draw(like):
        *window, inputs, features = like.shape if like.ndim == 4 else (1, 1, 4)
        scale = np.sqrt(np.prod(window) * min(inputs, features))
        return jnp.asarray(rng.normal(size=like.shape) / scale, jnp.float32)

    def moment(path, like):
        mean = path[-1].key == "mean"
        drawn = (
            rng.normal(0, 0.2, like.shape) if mean else rng.uniform(0.2, 1, like.shape)
        )
        return jnp.asarray(drawn, jnp.float32)

    stats = jax.tree_util.tree_map_with_path(moment, stats)
    return jax.tree.map(draw, params), stats


@cache
def terms(player, **fields):
    """The parts of a player's loss, whose sum is the loss, and new statistics. Not
    compiled, which takes longer."""
    loss, parts, stats = TERMS[player](
        config(**fields), *variables(), rows(), KEY, None
    )
    np.testing.assert_allclose(loss, sum(parts.values()), rtol=1e-6)
    return parts, stats


def largest(tree):
    return max(float(abs(x).max()) for x in jax.tree.leaves(tree))


def discriminate(discriminators, method, images):
    run = DigitDiscriminator(config()).apply
    return run({"params": discriminators}, images, method=method)


def real_logits(model, images):
    """Logits of two classes: translated, real."""
    return model.real(model.features(images))[:, 0, 0]


def cross_entropy(logits, classes):
    logits = np.asarray(logits, np.float64)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    return np.mean(-np.log(p[np.arange(len(p)), classes]))


def translated(key):
    """({"aa", "ba", "ab", "bb": images}, mu, sigma) with noise from `key`."""
    params, stats = variables()
    run = partial(DigitTranslator(config()).apply, train=True, mutable="batch_stats")
    values = {"params": params["generators"], "batch_stats": stats}
    (mu, sigma), _ = run(values, images(), method="encode")
    keys = jax.random.split(key)
    eps = [noise(k, mu[:3], rows()["row"]) for k in keys]
    z = mu + sigma * jnp.concatenate(eps)
    x, _ = run(values, z, method="generate")
    ways = {"aa": x["a"][:3], "ba": x["a"][3:], "ab": x["b"][:3], "bb": x["b"][3:]}
    return ways, mu, sigma


def test_discriminators_minimise_what_the_released_code_writes():
    keys = jax.random.split(KEY, 5)
    x, *_ = translated(keys[1])
    discriminators = variables()[0]["discriminators"]
    logits = partial(discriminate, discriminators)
    real = cross_entropy(logits(real_logits, images()), 1)
    recon = cross_entropy(logits(real_logits, {"a": x["aa"], "b": x["bb"]}), 0)
    translation = cross_entropy(logits(real_logits, {"a": x["ba"], "b": x["ab"]}), 0)
    digits = cross_entropy(logits("classify", {"a": rows()["a"]}), rows()["label_a"])
    features = {
        way: np.asarray(logits("features", {way[1]: x[way]}), np.float64) for way in x
    }
    squares = (features["ab"] - features["aa"]) ** 2 + (
        features["ba"] - features["bb"]
    ) ** 2
    expected = {
        "discriminators": 2 * (real + 0.5 * (recon + translation)),
        "classify": 11 * digits,
        "features": 7 * squares.sum((1, 2, 3)).mean(),
    }
    found, _ = terms("discriminators")
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name].mean(), value, rtol=1e-4, err_msg=name)


def test_generators_minimise_what_the_released_code_writes():
    """The sum of twice the KL, whose constant the released code leaves out."""
    x, mu, sigma = translated(jax.random.split(KEY)[0])
    logits = partial(discriminate, variables()[0]["discriminators"], real_logits)
    recon = cross_entropy(logits({"a": x["aa"], "b": x["bb"]}), 1)
    translation = cross_entropy(logits({"a": x["ba"], "b": x["ab"]}), 1)
    mu, sigma = (np.asarray(v, np.float64) for v in (mu, sigma))
    kl = (mu**2 + sigma**2 - np.log(sigma**2) - 1).sum() / 3
    squares = sum(((x[d + d] - images()[d]) ** 2).sum() for d in "ab") / 3
    found, _ = terms("generators")
    assert found.keys() == {"vae", "gan"}
    np.testing.assert_allclose(
        found["gan"].mean(), 2 * (recon + translation), rtol=1e-4
    )
    np.testing.assert_allclose(found["vae"].mean(), 3 * kl + 5 * squares, rtol=1e-4)


def test_features_are_equal_where_both_domains_have_the_same_layers():
    """With the same last layers of the generators and the same first layer of the
    discriminators, x_ab is x_aa."""
    params, stats = variables()
    g = params["generators"]
    d = params["discriminators"]
    g = {**g, "gen_b": g["gen_a"], "out_b": g["out_a"]}
    same = {**d, "first_b": d["first_a"]}
    terms = partial(
        objective.discriminator_terms, batch_stats=stats, rows=rows(), key=KEY,
        axis_name=None,
    )  # fmt: skip
    one_way, two_ways = (
        terms(config(), {"generators": g, "discriminators": x}).parts for x in (same, d)
    )
    assert largest(one_way["features"]) == 0
    assert two_ways["features"].min() > 1e-3


def test_a_classifier_alone_is_cross_entropy_alone():
    classifier_only = {"adversarial": 0.0, "feature": 0.0}
    found, stats = terms("discriminators", **classifier_only)
    assert found.keys() == {"classify"}
    discriminators = variables()[0]["discriminators"]
    logits = discriminate(discriminators, "classify", {"a": rows()["a"]})
    for i in range(3):
        expected = 11 * cross_entropy(logits[i : i + 1], rows()["label_a"][i])
        np.testing.assert_allclose(found["classify"][i], expected, rtol=1e-5)
    chex.assert_trees_all_equal(stats, variables()[1])

    def loss(own):
        params = {**variables()[0], "generators": own}
        return objective.generator_terms(
            config(**classifier_only), params, variables()[1], rows(), KEY, None
        ).loss.sum()

    assert largest(jax.grad(loss)(variables()[0]["generators"])) == 0
    adapted = runs_of(unit.get_config("smoke"))["adapted"].config
    adapted.runs = ("source_only",)
    assert not objective.trains_generators(runs_of(adapted)["source_only"].config)
    assert objective.trains_generators(adapted)


def test_labels_of_a_train_the_layers_that_b_s_digits_go_through():
    discriminators = variables()[0]["discriminators"]

    def loss(own):
        params = {**variables()[0], "discriminators": own}
        return objective.discriminator_terms(
            config(adversarial=0.0, feature=0.0), params, {}, rows(), KEY, None
        ).loss.sum()

    sizes = {n: largest(x) for n, x in jax.grad(loss)(discriminators).items()}
    trained = {n for n, size in sizes.items() if size > 1e-4}
    assert trained == {"first_a", "deeper_0", "deeper_1", "deeper_2", "digit"}
    assert sizes["first_b"] == sizes["real"] == 0
    run = partial(objective.class_logits, config())
    for name in sizes:
        zero = jax.tree.map(jnp.zeros_like, discriminators[name])
        changed = {**discriminators, name: zero}
        for domain in "ab":
            image = rows()[domain]
            one, other = (run(x, image, domain) for x in (discriminators, changed))
            on_the_way = name not in ("real", {"a": "first_b", "b": "first_a"}[domain])
            assert np.any(one != other) == on_the_way
    one_way = {**discriminators, "first_b": discriminators["first_a"]}
    a, b = (run(one_way, rows()["a"], domain) for domain in "ab")
    np.testing.assert_array_equal(a, b)


def test_both_directions_go_through_one_inner_part():
    params, stats = variables()
    own = {f"{part}_{d}": d for part in ("enc", "gen", "out") for d in "ab"}
    unused = {"sigma"}  # translations are made at the mean

    def both(generators):
        values = {"params": generators, "batch_stats": stats}
        run = partial(objective.translate, config(), values)
        return {way: run(rows()[way.source], way) for way in DIRECTIONS}

    before = both(params["generators"])
    for name, part in params["generators"].items():
        # The kernels alone: a bias before a norm does nothing.
        zero = jax.tree.map(lambda x: 0 * x if x.ndim == 4 else x, part)
        after = both({**params["generators"], name: zero})
        for way in before:
            end = way.source if name.startswith("enc") else way.target
            used = name not in unused and own.get(name, end) == end
            assert np.any(before[way] != after[way]) == used, (name, way)


def test_inner_layers_normalise_both_domains_together():
    """Mean and variance are those of the union: with two batches of one size, the mean
    of the means, and the mean of the variances plus the variance of the means."""
    params, stats = variables()
    values = {"params": params["generators"], "batch_stats": stats}
    encode = partial(DigitTranslator(config()).apply, values, method="encode")
    run = partial(
        encode,
        train=True,
        mutable=["batch_stats", "intermediates"],
        capture_intermediates=lambda module, _: module.name == "conv",
    )
    _, joint = run(images())
    seen = joint["intermediates"]
    joint = joint["batch_stats"]

    def moved(name, x):
        x = x.reshape(-1, x.shape[-1])
        old = stats[name]["BatchNorm_0"]
        new = {"mean": x.mean(0), "var": x.var(0, ddof=1)}
        return {moment: 0.9 * old[moment] + 0.1 * new[moment] for moment in new}

    for name, half in ("enc_a", 3), ("enc_b", 3), ("enc_shared_0", 6):
        x = np.asarray(seen[name]["conv"]["__call__"][0], np.float64)
        assert len(x) == half
        found = joint[name]["BatchNorm_0"]
        chex.assert_trees_all_close(found, moved(name, x), rtol=1e-4, atol=1e-5)
    a, b = (x.reshape(-1, x.shape[-1]) for x in np.split(x, 2))
    assert abs(a.mean(0) - b.mean(0)).max() > 0.1, "domains that differ"
    mu, _ = run(images())[0]
    alone, _ = run({"a": rows()["a"]})[0]
    assert abs(mu[:3] - alone).max() > 1e-2
    mu = encode(images())[0]
    alone = encode({"a": rows()["a"]})[0]
    np.testing.assert_allclose(mu[:3], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(16, 16), (32, 32), (8, 24)])
def test_coordinates_are_the_released_ones(shape):
    """(index - width / 2) / (width / 2), rows before columns."""
    image = np.random.default_rng(0).normal(size=(2, *shape, 3)).astype(np.float32)
    found = networks.with_coordinates(jnp.asarray(image))
    np.testing.assert_array_equal(found[..., :3], image)
    height, width = shape
    for row, column in itertools.product(*map(range, shape)):
        expected = (row - height / 2) / (height / 2), (column - width / 2) / (width / 2)
        np.testing.assert_allclose(found[:, row, column, 3:], [expected] * 2, rtol=1e-6)


def test_accuracies_are_those_of_images_that_count():
    params, stats = variables()
    state = jax.eval_shape(partial(train.init, config()), KEY)
    nothing = dict.fromkeys(params, ())
    state = state.replace(params=params, batch_stats=stats, opt_state=nothing)
    drawn = np.random.default_rng(0).integers
    batch = {d: drawn(0, 256, (40, 16, 16, 1), np.uint8) for d in "ab"}
    expected = {}
    for domain in "ab":
        run = partial(objective.class_logits, config(), params["discriminators"])
        logits = run(batch[domain] / jnp.float32(127.5) - 1, domain)
        labels = drawn(0, 10, 40)
        mask = drawn(0, 2, 40)
        known = 20 if domain == "a" else 30
        labels[:known] = np.argmax(logits[:known], -1)
        right = (np.argmax(logits, -1) == labels)[mask > 0]
        expected[f"accuracy_{domain}"] = right.mean()
        if domain == "a":
            expected["loss"] = cross_entropy(logits[mask > 0], labels[mask > 0])
        batch |= {f"label_{domain}": labels, f"mask_{domain}": mask}
    assert 0.3 < expected["accuracy_a"] != expected["accuracy_b"]
    found = train.eval_step(config(), state, jax.tree.map(jnp.asarray, batch))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name].value, value, rtol=1e-4)


def test_running_statistics_move_with_the_generators_turn_alone():
    before = variables()[1]
    after = terms("generators")[1]
    moves = jax.tree.map(lambda x, y: abs(x - y).max(), before, after)
    assert min(jax.tree.leaves(moves)) > 1e-3
    chex.assert_trees_all_equal(terms("discriminators")[1], before)
