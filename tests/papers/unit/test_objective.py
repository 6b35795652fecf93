"""The objective against its formulas, image by image in numpy. A failure means that a
player minimises another loss than the paper's."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from papers.unit import objective
from papers.unit.config import Config, Data, Discriminator, Losses, Model
from papers.unit.directions import DIRECTIONS
from papers.unit.discriminator import Discriminators
from papers.unit.model import Translator

PAPER = (10, 0.1, 100, 0.1, 100)  # lambda 0 to 4
WEIGHTS = ("adversarial", "kl", "reconstruction", "cycle_kl", "cycle")
ROW = np.array([4, 5, 6])  # the images' numbers in some larger batch
KEY = jax.random.key(7)
GAMES = {"patch": "nsgan", "pyramid": "lsgan"}  # {discriminator: its GAN loss}
TERMS = {
    "generators": objective.generator_terms,
    "discriminators": objective.discriminator_terms,
}


def small(kind="patch", lambdas=PAPER):
    weights = dict(zip(WEIGHTS, lambdas, strict=True))
    return Config(
        model=Model(width=4, halvings=1, private_blocks=0, shared_blocks=1, init="he"),
        discriminator=Discriminator(kind, width=4, layers=1),
        losses=Losses(gan=GAMES[kind], **weights),
        data=Data(size=(8, 8), batch_size=3),
    )


@cache
def images():
    a, b = np.random.default_rng(0).uniform(-1, 1, (2, 3, 8, 8, 3)).astype(np.float32)
    return {"a": jnp.asarray(a), "b": jnp.asarray(b), "row": jnp.asarray(ROW)}


@cache
def parameters(kind="patch"):
    """Larger than the networks' initial values, which would hide errors."""
    init = partial(objective.init, small(kind))
    pair = (images()["a"], images()["b"])
    shapes, _ = jax.eval_shape(init, KEY, *pair)
    rng = np.random.default_rng(1)

    def draw(leaf):
        inputs = np.prod(leaf.shape[:-1]) if len(leaf.shape) == 4 else 4
        return jnp.asarray(rng.normal(size=leaf.shape) / np.sqrt(inputs), jnp.float32)

    return jax.tree.map(draw, shapes)


@cache
def translator():
    @partial(jax.jit, static_argnames=("domain", "method"))
    def run(params, x, domain, method):
        apply = Translator(small().model).apply
        return apply({"params": params}, x[None], domain, method=method)[0]

    return run


@cache
def discriminator(kind):
    @partial(jax.jit, static_argnames="domain")
    def run(params, x, domain):
        apply = Discriminators(small(kind).discriminator).apply
        return [grid[0] for grid in apply({"params": params}, x[None], domain)]

    return run


def single_image_networks(kind="patch"):
    """encode, generate and discriminate, each of a single image."""
    params = parameters(kind)
    run = partial(translator(), params["generators"])
    encode = partial(run, method="encode")
    generate = partial(run, method="generate")
    return encode, generate, partial(discriminator(kind), params["discriminators"])


@cache
def terms(player, kind="patch", lambdas=PAPER, rows=(0, 1, 2)):
    """The parts of a player's loss, whose sum is the loss."""
    chosen = {name: x[jnp.array(rows)] for name, x in images().items()}
    # Not compiled, which takes longer than all else here.
    loss, parts, _ = TERMS[player](
        small(kind, lambdas), parameters(kind), {}, chosen, KEY, None
    )
    np.testing.assert_allclose(loss, sum(parts.values()), rtol=1e-5)
    return parts


def noisy(mu, key, row):
    return mu + objective.noise(key, mu[None], jnp.array([row]))[0]


def kl(mu):
    return np.mean(np.square(np.asarray(mu, np.float64)))


def distance(x, y):
    return np.mean(np.abs(np.asarray(x, np.float64) - y))


def adversarial_loss(logits, target, game):
    """The loss of a discriminator's logits where `target`, 0 or 1, is right: a mean
    over patches, summed over scales."""
    logits = [np.asarray(grid, np.float64) for grid in logits]
    if game == "lsgan":
        return sum(np.mean((grid - target) ** 2) for grid in logits)
    p = [1 / (1 + np.exp(-grid)) for grid in logits]
    right = (x if target else 1 - x for x in p)
    return sum(np.mean(-np.log(x)) for x in right)


def generators_by_hand(kind, lambdas, i):
    """The three terms of eq. 2, by domain, for images number i of a and of b."""
    encode, generate, discriminate = single_image_networks(kind)
    keys = jax.random.split(KEY, 5)
    row = ROW[i]
    game = GAMES[kind]
    adversarial, of_kl, of_image, of_cycle_kl, of_cycle = lambdas
    parts = {}
    for own, other, first, second in (("a", "b", 0, 2), ("b", "a", 1, 3)):
        x = images()[own][i]
        mu = encode(x, own)
        z = noisy(mu, keys[first], row)
        parts[f"vae_{own}"] = of_kl * kl(mu)
        parts[f"vae_{own}"] += of_image * distance(generate(z, own), x)
        translated = generate(z, other)
        parts[f"gan_{other}"] = adversarial * adversarial_loss(
            discriminate(translated, other), 1, game
        )
        mu_translated = encode(translated, other)
        back = generate(noisy(mu_translated, keys[second], row), own)
        parts[f"cycle_{own}"] = of_cycle_kl * (kl(mu) + kl(mu_translated))
        parts[f"cycle_{own}"] += of_cycle * distance(back, x)
    return parts


def discriminators_by_hand(kind, adversarial, i):
    """Each domain's images against the other's, translated."""
    encode, generate, discriminate = single_image_networks(kind)
    keys = jax.random.split(KEY, 3)
    game = GAMES[kind]
    loss = {"a": 0.0, "b": 0.0}
    for own, other, key in (("a", "b", keys[0]), ("b", "a", keys[1])):
        x = images()[own][i]
        fake = generate(noisy(encode(x, own), key, ROW[i]), other)
        loss[own] += adversarial * adversarial_loss(discriminate(x, own), 1, game)
        loss[other] += adversarial * adversarial_loss(
            discriminate(fake, other), 0, game
        )
    return {f"discriminators_{domain}": value for domain, value in loss.items()}


DISTINCT = (2.0, 3.0, 5.0, 7.0, 11.0)  # the paper's weights are equal in pairs


@pytest.mark.parametrize(("kind", "lambdas"), [("patch", PAPER), ("pyramid", DISTINCT)])
def test_generators_minimise_what_images_by_themselves_add_up_to(kind, lambdas):
    found = terms("generators", kind, lambdas)
    by_hand = [generators_by_hand(kind, lambdas, i) for i in range(3)]
    assert found.keys() == by_hand[0].keys()
    for name, values in found.items():
        expected = [image[name] for image in by_hand]
        np.testing.assert_allclose(values, expected, rtol=1e-4, err_msg=name)
        assert np.ptp(expected) > 0.01 * expected[0], "images that differ"


@pytest.mark.parametrize("kind", ["patch", "pyramid"])
def test_discriminators_are_judged_on_real_images_and_on_translated_ones(kind):
    found = terms("discriminators", kind)
    by_hand = [discriminators_by_hand(kind, 10, i) for i in range(3)]
    assert found.keys() == by_hand[0].keys()
    for name, values in found.items():
        expected = [image[name] for image in by_hand]
        np.testing.assert_allclose(values, expected, rtol=1e-4, err_msg=name)


@pytest.mark.parametrize(("player", "part"), [
    ("generators", "gan"), ("discriminators", "discriminators"),
])  # fmt: skip
def test_no_discriminator_sees_a_reconstruction(player, part):
    """D_b's parameters are zero, so that no gradient passes it. E_a could then only get
    one from a D_a that sees the reconstruction x_aa."""
    blind = jax.tree.map(jnp.zeros_like, parameters()["discriminators"]["b_0"])
    discriminators = {**parameters()["discriminators"], "b_0": blind}

    @jax.grad
    def slopes(generators):
        params = {"generators": generators, "discriminators": discriminators}
        parts = TERMS[player](small(), params, {}, images(), KEY, None).parts
        return sum(parts[f"{part}_{domain}"].sum() for domain in "ab")

    slope = slopes(parameters()["generators"])
    size = {n: max(abs(x).max() for x in jax.tree.leaves(s)) for n, s in slope.items()}
    assert size["enc_a"] == size["gen_b"] == 0
    assert min(size["enc_b"], size["gen_a"]) > 1e-4


def test_an_image_has_the_same_loss_whatever_is_computed_beside_it():
    for player in ("generators", "discriminators"):
        whole = terms(player)
        part = terms(player, rows=(1, 2))
        for name, values in whole.items():
            np.testing.assert_allclose(part[name], values[1:], rtol=1e-5)


def test_noise_belongs_to_a_row_and_to_a_key():
    mu = jnp.zeros((4, 5, 5, 40))
    row = jnp.arange(4)
    eps = objective.noise(KEY, mu, row)
    part = objective.noise(KEY, mu[2:], row[2:])
    np.testing.assert_array_equal(part, eps[2:])
    other = objective.noise(jax.random.key(8), mu, row)
    together = np.concatenate([eps, other]).reshape(8, -1)
    np.testing.assert_allclose(np.corrcoef(together), np.eye(8), atol=0.15)
    np.testing.assert_allclose(together.mean(1), 0, atol=0.15)
    np.testing.assert_allclose(together.std(1), 1, atol=0.1)


def test_without_its_weights_the_cycle_is_not_there():
    whole = terms("generators")
    without = terms("generators", lambdas=(*PAPER[:3], 0, 0))
    assert without.keys() == {"vae_a", "vae_b", "gan_a", "gan_b"}
    for name, values in without.items():
        np.testing.assert_allclose(values, whole[name], rtol=1e-5)


def drawn(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def test_the_terms_are_the_slides_with_the_paper_s_weights():
    """L_VAE and L_CC. The KL of a value is half of mu squared, and its weight
    multiplies twice their mean; the likelihood is Laplacian."""
    weights = Losses()
    mu = drawn(3, 2, 2, 5)
    mu_translated = drawn(3, 2, 2, 5, seed=1)
    output = drawn(3, 4, 4, 2, seed=2)
    image = drawn(3, 4, 4, 2, seed=3)
    for i in range(3):
        error = np.abs(np.asarray(output[i] - image[i])).sum() / (4 * 4 * 2)
        kls = [
            0.5 * np.square(x[i]).sum() * 2 / (2 * 2 * 5) for x in (mu, mu_translated)
        ]
        vae = 0.1 * kls[0] + 100 * error
        cycle = 0.1 * (kls[0] + kls[1]) + 100 * error
        found = objective.vae_loss(weights, mu, output, image)[i]
        np.testing.assert_allclose(found, vae, rtol=1e-5)
        found = objective.cycle_loss(weights, mu, mu_translated, output, image)[i]
        np.testing.assert_allclose(found, cycle, rtol=1e-5)


def logits():
    """Real and fake, on grids of two scales."""
    return [(drawn(3, 4, 2, seed=n), drawn(3, 2, 1, seed=n + 1)) for n in (0, 2)]


def test_the_game_is_the_logarithms_of_probabilities():
    real, fake = logits()
    expected = 0.0
    for x, y in zip(real, fake, strict=True):
        d_x, d_y = (1 / (1 + np.exp(-np.asarray(g, np.float64))) for g in (x, y))
        expected += 10 * (np.log(d_x).mean((1, 2)) + np.log(1 - d_y).mean((1, 2)))
    value = objective.gan_value(Losses(), real, fake)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(
        objective.gan_value(Losses(gan="lsgan"), real, fake), value
    )


def test_discriminators_raise_the_game_s_value_and_generators_lower_it():
    """D's loss is minus the value. G's has another gradient, (1 - D) / D times its own:
    large where it loses."""
    weights = Losses()
    real, fake = logits()
    loss = objective.discriminator_loss(weights, real, fake)
    np.testing.assert_allclose(
        loss, -objective.gan_value(weights, real, fake), rtol=1e-6
    )
    value = jax.grad(lambda x: objective.gan_value(weights, real, x).sum())(fake)
    loss = jax.grad(lambda x: objective.adversarial_loss(weights, x).sum())(fake)
    for slope, own, grid in zip(value, loss, fake, strict=True):
        odds = np.exp(-np.asarray(grid))
        np.testing.assert_allclose(own, slope * odds, rtol=1e-4)
        assert (own < 0).all()


def test_translations_are_made_at_mu():
    encode, generate, _ = single_image_networks()
    run = partial(objective.translate, small(), {"params": parameters()["generators"]})
    for direction in DIRECTIONS:
        own, other = direction
        found = run(images()[own], direction)
        expected = [generate(encode(x, own), other) for x in images()[own]]
        np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)


def test_dropout_is_another_in_every_call_and_absent_without_a_key():
    config = small()
    config.model.dropout = 0.5
    generators = parameters()["generators"]
    image = images()["a"]
    encode, _ = objective.networks(config, generators, KEY)
    first, second = (encode(image, "a") for _ in range(2))
    assert (first != second).mean() > 0.4
    again, _ = objective.networks(config, generators, KEY)
    np.testing.assert_array_equal(again(image, "a"), first)
    without_key, _ = objective.networks(config, generators)
    without_dropout, _ = objective.networks(small(), generators, KEY)
    np.testing.assert_array_equal(without_key(image, "a"), without_dropout(image, "a"))
