"""The digit experiment of Liu et al. 2017 (section 5): labels in domain a, none in b.

The discriminators are classifiers too: a head for the classes stands on the layers that
both domains share, and each domain has a first layer of its own. In the game both first
layers learn to see the same features, so that labels of a are enough for b.

Axes: batch, height, width, channels; images in [-1, 1], of 16 n pixels a side.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import softplus
from jaxtyping import Array, Float, Key

from common.losses import cross_entropy, gaussian_kl
from papers.unit.config import Config
from papers.unit.digits.networks import (
    Codes,
    DigitDiscriminator,
    DigitTranslator,
    ImagesByDomain,
)
from papers.unit.directions import DOMAINS, Direction
from papers.unit.model import Images
from papers.unit.objective import PerImage, Rows, Terms, noise


def init(config: Config, key: Key[Array, ""], a: Images, b: Images) -> tuple[Any, Any]:
    """(params, batch_stats) for images of these shapes."""
    keys = jax.random.split(key)
    images = {"a": a, "b": b}
    translator = DigitTranslator(config).init(keys[0], images)
    discriminator = DigitDiscriminator(config).init(
        keys[1], images, method="everything"
    )
    params = {
        "generators": translator["params"],
        "discriminators": discriminator["params"],
    }
    if config.adaptation.alike:
        params = {player: _with_b_as_a(own) for player, own in params.items()}
    return params, translator["batch_stats"]


def _with_b_as_a(params: dict[str, Any]) -> dict[str, Any]:
    """Copies "first_a", "enc_a" ... to "first_b", "enc_b" ..."""
    copies = {f"{name[:-1]}b": x for name, x in params.items() if name.endswith("_a")}
    return params | jax.tree.map(jnp.copy, copies)


def trains_generators(config: Config) -> bool:
    """Whether the game is played. If not, the classifier learns alone."""
    return bool(config.adaptation.adversarial or config.adaptation.feature)


def generator_terms(
    config: Config,
    params: Any,
    batch_stats: Any,
    rows: Rows,
    key: Key[Array, ""],
    axis_name: str | None,
) -> Terms:
    """What encoders and generators minimise: translations and reconstructions should
    look real. Their turn moves the running statistics."""
    w = config.adaptation
    if not trains_generators(config):
        nothing = jnp.zeros(len(rows["row"]))
        return Terms(nothing, {"vae": nothing}, batch_stats)
    key, dropout = jax.random.split(key)
    x = _generated(config, params, batch_stats, rows, key, axis_name)
    log_odds = _discriminator(config, params, dropout, rows)
    looks_real = [
        _mean_of_both(softplus(-log_odds(fakes)))
        for fakes in (x.reconstructions, x.translations)
    ]
    squares = sum(_square(x.reconstructions[d] - rows[d]) for d in DOMAINS)
    kl_a, kl_b = jnp.split(2 * gaussian_kl(x.mu, x.sigma), 2)
    parts = {
        "vae": w.kl * (kl_a + kl_b) + w.reconstruction * squares,
        "gan": w.adversarial * sum(looks_real),
    }
    return Terms(sum(parts.values()), parts, x.batch_stats)


def discriminator_terms(
    config: Config,
    params: Any,
    batch_stats: Any,
    rows: Rows,
    key: Key[Array, ""],
    axis_name: str | None,
) -> Terms:
    """What the discriminators minimise: whether images are real, the classes of a, and
    the distance of the features that one code has in the two domains."""
    w = config.adaptation
    keys = jax.random.split(key, 5)
    logits = _discriminator(config, params, keys[0], rows, "classify")({"a": rows["a"]})
    parts = {"classify": w.classify * cross_entropy(logits, rows["label_a"])}
    if not trains_generators(config):
        return Terms(parts["classify"], parts, batch_stats)
    x = _generated(config, params, batch_stats, rows, keys[1], axis_name)
    real_images = {d: rows[d] for d in DOMAINS}
    sides = real_images, x.reconstructions, x.translations
    real, reconstructed, translated = (
        _discriminator(config, params, dropout, rows)(images)
        for dropout, images in zip(keys[2:], sides, strict=True)
    )
    looks_fake = _mean_of_both(softplus(-real))
    looks_real = _mean_of_both(softplus(reconstructed))
    looks_real += _mean_of_both(softplus(translated))
    parts["discriminators"] = w.adversarial * (looks_fake + looks_real / 2)
    parts["features"] = w.feature * _feature_distance(config, params, x)
    return Terms(sum(parts.values()), parts, batch_stats)


class _Generated(NamedTuple):
    """Images by the domain they are images of, q(z | x), and new statistics."""

    reconstructions: ImagesByDomain
    translations: ImagesByDomain
    mu: Codes  # of a's images, then of b's
    sigma: Codes
    batch_stats: Any


def _generated(
    config: Config,
    params: Any,
    batch_stats: Any,
    rows: Rows,
    key: Key[Array, ""],
    axis_name: str | None,
) -> _Generated:
    model = DigitTranslator(config, axis_name)
    variables = {"params": params["generators"], "batch_stats": batch_stats}
    images = {d: rows[d] for d in DOMAINS}
    (mu, sigma), encoded = model.apply(
        variables, images, True, method="encode", mutable="batch_stats"
    )
    like = mu[: len(rows["row"])]
    eps = [noise(k, like, rows["row"]) for k in jax.random.split(key)]
    z = mu + sigma * jnp.concatenate(eps)
    generated, moved = model.apply(
        {**variables, **encoded}, z, DOMAINS, True,
        method="generate", mutable="batch_stats",
    )  # fmt: skip
    x_aa, x_ba = jnp.split(generated["a"], 2)
    x_ab, x_bb = jnp.split(generated["b"], 2)
    return _Generated(
        reconstructions={"a": x_aa, "b": x_bb},
        translations={"a": x_ba, "b": x_ab},
        mu=mu,
        sigma=sigma,
        batch_stats=moved["batch_stats"],
    )


def _discriminator(
    config: Config,
    params: Any,
    key: Key[Array, ""],
    rows: Rows,
    method: str = "__call__",
) -> Callable[[ImagesByDomain], Float[Array, "two_batches *classes"]]:
    """The discriminators as in training, with dropout of each chunk's own."""
    rngs = {"dropout": jax.random.fold_in(key, rows["row"][0])}
    apply = DigitDiscriminator(config).apply
    variables = {"params": params["discriminators"]}
    return lambda images: apply(variables, images, True, rngs=rngs, method=method)


def _feature_distance(config: Config, params: Any, x: _Generated) -> PerImage:
    """Squared distance of D's features, without dropout, of the two images that are
    made from one code; the sum over the code of a and that of b."""
    images = {
        "a": jnp.concatenate([x.reconstructions["a"], x.translations["a"]]),
        "b": jnp.concatenate([x.translations["b"], x.reconstructions["b"]]),
    }
    variables = {"params": params["discriminators"]}
    maps = DigitDiscriminator(config).apply(variables, images, method="features")
    aa, ba, ab, bb = jnp.split(maps, 4)
    return _square(ab - aa) + _square(ba - bb)


def _mean_of_both(values: Float[Array, "two_batches"]) -> PerImage:
    """[a's rows, b's rows] -> the mean of row i of a and row i of b."""
    of_a, of_b = jnp.split(values, 2)
    return (of_a + of_b) / 2


def _square(x: Float[Array, "batch *rest"]) -> PerImage:
    return jnp.sum(jnp.square(x), axis=range(1, x.ndim))


def translate(
    config: Config, variables: Any, image: Images, direction: Direction
) -> Images:
    """Images of the source domain as images of the target domain, at the mean of
    q(z | x)."""
    source, target = direction
    model = DigitTranslator(config)
    mu, _ = model.apply(variables, {source: image}, method="encode")
    return model.apply(variables, mu, (target,), method="generate")[target]


def class_logits(
    config: Config, discriminators: Any, image: Images, domain: str
) -> Float[Array, "batch classes"]:
    """Logits of the classes, without dropout, through the domain's first layer."""
    variables = {"params": discriminators}
    model = DigitDiscriminator(config)
    return model.apply(variables, {domain: image}, method="classify")
