"""The objective of Liu et al. 2017, term by term, and what each player minimises.

    min over E, G  max over D   sum over domains of  L_VAE + L_GAN + L_CC      (eq. 2)

The paper's weights, 0.1 for the KL and 100 for the likelihood, are meant for means over
values, as the released code takes them, and not for sums: see `code_kl` and
`common.losses.absolute_error`.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.random import fold_in
from jaxtyping import Array, Float, Int, Key

from common.losses import (
    absolute_error,
    gan_discriminator,
    gan_generator,
    gaussian_kl,
)
from papers.unit.config import Config, Losses
from papers.unit.directions import Direction
from papers.unit.discriminator import Discriminators, Logits
from papers.unit.model import Codes, Images, Translator

PerImage = Float[Array, "batch"]
Rows = dict[str, Any]  # "a", "b": images in [-1, 1]; "row": numbers in the batch


class Terms(NamedTuple):
    """What a player minimises, for each image of a batch."""

    loss: PerImage
    parts: dict[str, PerImage]  # what the loss is the sum of, for the metrics
    batch_stats: Any  # BatchNorm's running statistics after the player's step


def code_kl(mu: Codes) -> PerImage:
    """2 KL(N(mu, I) || N(0, I)) / values of a code, which is the mean of mu^2."""
    return 2 * gaussian_kl(mu) / mu[0].size


def vae_loss(w: Losses, mu: Codes, reconstruction: Images, image: Images) -> PerImage:
    """L_VAE = lambda1 KL(q(z | x) || p(z)) - lambda2 E[log p_G(x | z)] (eq. 3), where
    p_G is Laplacian."""
    likelihood = absolute_error(reconstruction, image)
    return w.kl * code_kl(mu) + w.reconstruction * likelihood


def gan_value(w: Losses, real: Logits, fake: Logits) -> PerImage:
    """L_GAN = lambda0 (E[log D(x)] + E[log(1 - D(G(z)))]) (eq. 5), which D raises and G
    lowers.

    It is only reported. The players minimise `discriminator_loss` and
    `adversarial_loss`.
    """
    return -w.adversarial * _over_scales(gan_discriminator, real, fake)


def cycle_loss(
    w: Losses, mu: Codes, mu_translated: Codes, back: Images, image: Images
) -> PerImage:
    """L_CC = lambda3 (KL(q(z | x) || p(z)) + KL(q(z | x_translated) || p(z)))
    - lambda4 E[log p_G(x | z_translated)] (eq. 8)."""
    kl = code_kl(mu) + code_kl(mu_translated)
    return w.cycle_kl * kl + w.cycle * absolute_error(back, image)


def adversarial_loss(w: Losses, fake: Logits) -> PerImage:
    """G's part of L_GAN, to be minimised: -log D(G(z)), whose gradient does not vanish
    where D is right, or that of LSGAN."""
    return w.adversarial * _over_scales(partial(gan_generator, kind=w.gan), fake)


def discriminator_loss(w: Losses, real: Logits, fake: Logits) -> PerImage:
    """D's part of L_GAN, to be minimised."""
    kind = partial(gan_discriminator, kind=w.gan)
    return w.adversarial * _over_scales(kind, real, fake)


def _over_scales(loss: Callable[..., PerImage], *logits: Logits) -> PerImage:
    """The sum of a loss over the scales at which the discriminators look."""
    return sum(loss(*grids) for grids in zip(*logits, strict=True))


def networks(
    config: Config, generators: Any, key: Key[Array, ""] | None = None
) -> tuple[Callable, Callable]:
    """encode(image, domain) -> mu, and generate(z, domain) -> image.

    With a key there is dropout, as in training; each call draws its own.
    """
    calls = itertools.count()

    def apply(method, x, domain):
        return Translator(config.model).apply(
            {"params": generators},
            x,
            domain,
            train=key is not None,
            rngs=key if key is None else {"dropout": fold_in(key, next(calls))},
            method=method,
        )

    return partial(apply, "encode"), partial(apply, "generate")


def noise(key: Key[Array, ""], mu: Codes, row: Int[Array, "batch"]) -> Codes:
    """N(0, I), in mu's shape.

    The noise of a row depends on the row's number in the batch alone, and not on which
    device or which chunk computes it.
    """
    keys = jax.vmap(partial(fold_in, key))(row)
    return jax.vmap(partial(jax.random.normal, shape=mu.shape[1:]))(keys)


def init(config: Config, key: Key[Array, ""], a: Images, b: Images) -> tuple[Any, Any]:
    """(params, batch_stats) for images of these shapes; there are no statistics."""
    keys = jax.random.split(key)
    discriminators = Discriminators(config.discriminator, config.model.dtype)
    return {
        "generators": Translator(config.model).init(keys[0], a, b)["params"],
        "discriminators": discriminators.init(keys[1], a, b, method="both")["params"],
    }, {}


def generator_terms(
    config: Config,
    params: Any,
    batch_stats: Any,
    rows: Rows,
    key: Key[Array, ""],
    axis_name: str | None,
) -> Terms:
    """What encoders and generators minimise.

    Every code, with noise, goes through both generators, and translations go back. A
    part belongs to a domain: vae_a and cycle_a to images of a that are made again, and
    gan_a to translations into a.
    """
    del axis_name
    w = config.losses
    a, b = rows["a"], rows["b"]
    row = rows["row"]
    keys = jax.random.split(key, 5)
    dropout = fold_in(keys[4], row[0])  # each chunk of a batch has its own
    encode, generate = networks(config, params["generators"], dropout)
    logits = discriminator(config, params["discriminators"])
    mu_a, mu_b = encode(a, "a"), encode(b, "b")
    z = mu_a + noise(keys[0], mu_a, row), mu_b + noise(keys[1], mu_b, row)
    x_aa, x_ba = jnp.split(generate(jnp.concatenate(z), "a"), 2)
    x_ab, x_bb = jnp.split(generate(jnp.concatenate(z), "b"), 2)
    vae_a = vae_loss(w, mu_a, x_aa, a)
    vae_b = vae_loss(w, mu_b, x_bb, b)
    gan_a = adversarial_loss(w, logits(x_ba, "a"))
    gan_b = adversarial_loss(w, logits(x_ab, "b"))
    loss = (vae_a + vae_b) + (gan_a + gan_b)
    parts = {"vae_a": vae_a, "vae_b": vae_b, "gan_a": gan_a, "gan_b": gan_b}
    if w.cycle or w.cycle_kl:
        mu_ab, mu_ba = encode(x_ab, "b"), encode(x_ba, "a")
        x_aba = generate(mu_ab + noise(keys[2], mu_ab, row), "a")
        x_bab = generate(mu_ba + noise(keys[3], mu_ba, row), "b")
        cycle_a = cycle_loss(w, mu_a, mu_ab, x_aba, a)
        cycle_b = cycle_loss(w, mu_b, mu_ba, x_bab, b)
        loss += cycle_a + cycle_b
        parts |= {"cycle_a": cycle_a, "cycle_b": cycle_b}
    return Terms(loss, parts, batch_stats)


def discriminator_terms(
    config: Config,
    params: Any,
    batch_stats: Any,
    rows: Rows,
    key: Key[Array, ""],
    axis_name: str | None,
) -> Terms:
    """What the discriminators minimise: each sees images of its domain and translations
    into it, and no reconstructions."""
    del axis_name
    w = config.losses
    a, b = rows["a"], rows["b"]
    row = rows["row"]
    keys = jax.random.split(key, 3)
    dropout = fold_in(keys[2], row[0])
    encode, generate = networks(config, params["generators"], dropout)
    logits = discriminator(config, params["discriminators"])
    mu_a, mu_b = encode(a, "a"), encode(b, "b")
    x_ab = generate(mu_a + noise(keys[0], mu_a, row), "b")
    x_ba = generate(mu_b + noise(keys[1], mu_b, row), "a")
    loss_a = discriminator_loss(w, logits(a, "a"), logits(x_ba, "a"))
    loss_b = discriminator_loss(w, logits(b, "b"), logits(x_ab, "b"))
    parts = {"discriminators_a": loss_a, "discriminators_b": loss_b}
    return Terms(loss_a + loss_b, parts, batch_stats)


def discriminator(config: Config, params: Any) -> Callable[[Images, str], Logits]:
    """(images, domain) -> logits, by the parameters of the discriminators."""
    model = Discriminators(config.discriminator, config.model.dtype)
    return partial(model.apply, {"params": params})


def translate(
    config: Config, variables: Any, image: Images, direction: Direction
) -> Images:
    """Images of the source domain as images of the target domain, at mu."""
    encode, generate = networks(config, variables["params"])
    return generate(encode(image, direction.source), direction.target)
