"""The objective of Liu et al. 2017, term by term, and what each player minimises.

    min over E, G  max over D   sum over domains of  L_VAE + L_GAN + L_CC      (eq. 2)

The paper's weights, 0.1 for the KL and 100 for the likelihood, go with means over
values as in the released code, not with sums: `code_kl` and `absolute_error`.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

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
from papers.unit.discriminator import Discriminators, Logits
from papers.unit.model import Codes, Images, Translator

PerImage = Float[Array, "batch"]
Rows = dict[str, Any]  # "a", "b": images in [-1, 1]; "row": numbers in the batch


def code_kl(mu: Codes) -> PerImage:
    """KL(N(mu, I) || N(0, I)) a value of the code, times 2: the mean of mu^2."""
    return 2 * gaussian_kl(mu) / mu[0].size


def vae_loss(w: Losses, mu: Codes, reconstruction: Images, image: Images) -> PerImage:
    """L_VAE = lambda1 KL(q(z | x) || p(z)) - lambda2 E[log p_G(x | z)] (eq. 3), p_G
    Laplacian."""
    likelihood = absolute_error(reconstruction, image)
    return w.kl * code_kl(mu) + w.reconstruction * likelihood


def gan_value(w: Losses, real: Logits, fake: Logits) -> PerImage:
    """L_GAN = lambda0 (E[log D(x)] + E[log(1 - D(G(z)))]) (eq. 5), the value that D
    raises and G lowers. The players follow `adversarial_loss`, `discriminator_loss`."""
    return -w.adversarial * _over_scales(gan_discriminator, real, fake)


def cycle_loss(
    w: Losses, mu: Codes, mu_translated: Codes, back: Images, image: Images
) -> PerImage:
    """L_CC = lambda3 (KL(q(z | x) || p(z)) + KL(q(z | x_translated) || p(z)))
    - lambda4 E[log p_G(x | z_translated)] (eq. 8)."""
    kl = code_kl(mu) + code_kl(mu_translated)
    return w.cycle_kl * kl + w.cycle * absolute_error(back, image)


def adversarial_loss(w: Losses, fake: Logits) -> PerImage:
    """G's part of L_GAN: -log D(G(z)), whose gradient does not vanish, or LSGAN's."""
    return w.adversarial * _over_scales(partial(gan_generator, kind=w.gan), fake)


def discriminator_loss(w: Losses, real: Logits, fake: Logits) -> PerImage:
    """D's part of L_GAN, to be minimised."""
    kind = partial(gan_discriminator, kind=w.gan)
    return w.adversarial * _over_scales(kind, real, fake)


def _over_scales(loss, *logits: Logits) -> PerImage:
    return sum(loss(*grids) for grids in zip(*logits, strict=True))


def networks(
    config: Config, generators: Any, key: Key[Array, ""] | None = None
) -> tuple[Callable, Callable]:
    """encode(image, domain) -> mu, and generate(z, domain) -> image. With a key as in
    training: with dropout, another in every call."""
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
    """N(0, I), in mu's shape. A row's noise depends on its number in the batch, not on
    which device or which part of the batch computes it."""
    keys = jax.vmap(partial(fold_in, key))(row)
    return jax.vmap(partial(jax.random.normal, shape=mu.shape[1:]))(keys)


def init(config: Config, key: Key[Array, ""], a: Images, b: Images) -> tuple[Any, Any]:
    """(params, batch_stats) for images of these shapes; no statistics are kept."""
    keys = jax.random.split(key)
    judges = Discriminators(config.discriminator, config.model.dtype)
    return {
        "generators": Translator(config.model).init(keys[0], a, b)["params"],
        "discriminators": judges.init(keys[1], a, b, method="both")["params"],
    }, {}


def generators_lose(
    config: Config, params: Any, batch_stats: Any, rows: Rows, key, axis_name
) -> tuple[dict[str, PerImage], Any]:
    """The terms whose sum encoders and generators minimise, over both domains: every
    code, with noise, goes through both generators, and translations go back."""
    del axis_name
    w, a, b, row = config.losses, rows["a"], rows["b"], rows["row"]
    keys = jax.random.split(key, 5)
    # Other dropout in other parts of a batch.
    dropout = fold_in(keys[4], row[0])
    encode, generate = networks(config, params["generators"], dropout)
    judge = _judge(config, params["discriminators"])
    mu_a, mu_b = encode(a, "a"), encode(b, "b")
    z = mu_a + noise(keys[0], mu_a, row), mu_b + noise(keys[1], mu_b, row)
    x_aa, x_ba = jnp.split(generate(jnp.concatenate(z), "a"), 2)
    x_ab, x_bb = jnp.split(generate(jnp.concatenate(z), "b"), 2)
    terms = {
        "vae": vae_loss(w, mu_a, x_aa, a) + vae_loss(w, mu_b, x_bb, b),
        "gan": adversarial_loss(w, judge(x_ba, "a"))
        + adversarial_loss(w, judge(x_ab, "b")),
    }
    if w.cycle or w.cycle_kl:
        mu_ab, mu_ba = encode(x_ab, "b"), encode(x_ba, "a")
        x_aba = generate(mu_ab + noise(keys[2], mu_ab, row), "a")
        x_bab = generate(mu_ba + noise(keys[3], mu_ba, row), "b")
        there = cycle_loss(w, mu_a, mu_ab, x_aba, a)
        terms["cycle"] = there + cycle_loss(w, mu_b, mu_ba, x_bab, b)
    return terms, batch_stats


def discriminators_lose(
    config: Config, params: Any, batch_stats: Any, rows: Rows, key, axis_name
) -> tuple[dict[str, PerImage], Any]:
    """What the discriminators minimise: each sees its domain's images, and the other's
    translated, but no reconstructions."""
    del axis_name
    w, a, b, row = config.losses, rows["a"], rows["b"], rows["row"]
    keys = jax.random.split(key, 3)
    dropout = fold_in(keys[2], row[0])
    encode, generate = networks(config, params["generators"], dropout)
    judge = _judge(config, params["discriminators"])
    mu_a, mu_b = encode(a, "a"), encode(b, "b")
    x_ab = generate(mu_a + noise(keys[0], mu_a, row), "b")
    x_ba = generate(mu_b + noise(keys[1], mu_b, row), "a")
    loss_a = discriminator_loss(w, judge(a, "a"), judge(x_ba, "a"))
    loss_b = discriminator_loss(w, judge(b, "b"), judge(x_ab, "b"))
    return {"discriminators": loss_a + loss_b}, batch_stats


def _judge(config: Config, discriminators: Any) -> Callable[[Images, str], Logits]:
    model = Discriminators(config.discriminator, config.model.dtype)
    return partial(model.apply, {"params": discriminators})


def translate(config: Config, variables: Any, image: Images, direction: str) -> Images:
    """Images of one domain in the other, at mu."""
    encode, generate = networks(config, variables["params"])
    return generate(encode(image, direction[0]), direction[-1])
