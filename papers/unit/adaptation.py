"""The digit experiment of Liu et al. 2017 (section 5): labels in domain a, none in b.

A classifier shares D's layers but for the first, which each domain has its own. UNIT's
game makes a's layers and b's see the same things, so that labels of a are enough for b.

Axes: batch, height, width, channels; images in [-1, 1], of 16 n pixels a side.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn import softplus
from jaxtyping import Array, Float, Key

from common.losses import cross_entropy, gaussian_kl
from papers.unit.config import Adaptation, Config
from papers.unit.digit_nets import DigitDiscriminator, DigitTranslator
from papers.unit.model import Images, Maps
from papers.unit.objective import PerImage, Rows, noise


def init(config: Config, key: Key[Array, ""], a: Images, b: Images) -> tuple[Any, Any]:
    """(params, batch_stats) for images of these shapes."""
    keys, images = jax.random.split(key), {"a": a, "b": b}
    made = DigitTranslator(config).init(keys[0], images)
    judges = DigitDiscriminator(config)
    judged = judges.init(keys[1], images, method="everything")
    params = {"generators": made["params"], "discriminators": judged["params"]}
    if config.adaptation.alike:
        params = {player: _alike(own) for player, own in params.items()}
    return params, made["batch_stats"]


def _alike(params: dict[str, Any]) -> dict[str, Any]:
    """With copies of "first_a", "enc_a" ... as "first_b", "enc_b" ..."""
    copies = {f"{name[:-1]}b": x for name, x in params.items() if name.endswith("_a")}
    return params | jax.tree.map(jnp.copy, copies)


def generators_lose(
    config: Config, params: Any, batch_stats: Any, rows: Rows, key, axis_name
) -> tuple[dict[str, PerImage], Any]:
    """The terms of encoders and generators, and new running statistics: both what is
    translated and what is reconstructed should look real."""
    w, images = config.adaptation, {"a": rows["a"], "b": rows["b"]}
    if not plays(w):  # the classifier alone: nothing is generated
        return {"vae": jnp.zeros(len(rows["row"]))}, batch_stats
    key, dropout = jax.random.split(key)
    x, (mu, sigma), batch_stats = _made(
        config, params, batch_stats, rows, key, axis_name
    )
    judge = _judge(config, params, dropout, rows)
    recon, translated = {"a": x["aa"], "b": x["bb"]}, {"a": x["ba"], "b": x["ab"]}
    real = [_both(softplus(-judge(fakes))) for fakes in (recon, translated)]
    squares = sum(_square(recon[d] - images[d]) for d in "ab")
    kl = _both(2 * gaussian_kl(mu, sigma), jnp.add)
    terms = {
        "vae": w.kl * kl + w.reconstruction * squares,
        "gan": w.adversarial * sum(real),
    }
    return terms, batch_stats


def discriminators_lose(
    config: Config, params: Any, batch_stats: Any, rows: Rows, key, axis_name
) -> tuple[dict[str, PerImage], Any]:
    """The terms of the discriminators: real or made, the classes of a, and features
    that a code has in both domains alike."""
    w, images = config.adaptation, {"a": rows["a"], "b": rows["b"]}
    keys = jax.random.split(key, 5)
    classify = _judge(config, params, keys[0], rows, "classify")
    logits = classify({"a": rows["a"]})
    terms = {"classify": w.classify * cross_entropy(logits, rows["label_a"])}
    if not plays(w):
        return terms, batch_stats
    x, *_ = _made(config, params, batch_stats, rows, keys[1], axis_name)
    sides = images, {"a": x["aa"], "b": x["bb"]}, {"a": x["ba"], "b": x["ab"]}
    judges = (_judge(config, params, k, rows) for k in keys[2:])
    odds = [judge(side) for judge, side in zip(judges, sides, strict=True)]
    real, recon, translated = (_both(softplus(x)) for x in (-odds[0], odds[1], odds[2]))
    features = _features(config, params, x)
    alike = _square(features["ab"] - features["aa"])
    alike += _square(features["ba"] - features["bb"])
    terms["discriminators"] = w.adversarial * (real + (recon + translated) / 2)
    return {**terms, "features": w.feature * alike}, batch_stats


def plays(w: Adaptation) -> bool:
    """Whether anything is generated: not where the classifier is alone."""
    return bool(w.adversarial or w.feature)


def _made(config: Config, params, batch_stats, rows: Rows, key, axis_name):
    """Images by their way, "ab" being a in domain b, q(z | x), and new statistics."""
    model = DigitTranslator(config, axis_name)
    variables = {"params": params["generators"], "batch_stats": batch_stats}
    images = {"a": rows["a"], "b": rows["b"]}
    (mu, sigma), encoded = model.apply(
        variables, images, True, method="encode", mutable="batch_stats"
    )
    keys, like = jax.random.split(key), mu[: len(rows["row"])]
    drawn = jnp.concatenate([noise(k, like, rows["row"]) for k in keys])
    made, generated = model.apply(
        {**variables, **encoded}, mu + sigma * drawn, "ab", True,
        method="generate", mutable="batch_stats",
    )  # fmt: skip
    split = {d: jnp.split(x, 2) for d, x in made.items()}
    by_way = {f"{i}{d}": split[d][n] for d in "ab" for n, i in enumerate("ab")}
    return by_way, (mu, sigma), generated["batch_stats"]


def _judge(
    config: Config, params, key, rows: Rows, method: str = "__call__"
) -> Callable:
    # Other masks in other parts of a batch.
    rngs = {"dropout": jax.random.fold_in(key, rows["row"][0])}
    apply = DigitDiscriminator(config).apply
    variables = {"params": params["discriminators"]}
    return lambda images: apply(variables, images, True, rngs=rngs, method=method)


def _features(config: Config, params, x: dict[str, Images]) -> dict[str, Maps]:
    """D's features of all that was generated, without dropout, by their way."""
    variables = {"params": params["discriminators"]}
    images = {d: jnp.concatenate([x[f"a{d}"], x[f"b{d}"]]) for d in "ab"}
    maps = DigitDiscriminator(config).apply(variables, images, method="features")
    return dict(zip(("aa", "ba", "ab", "bb"), jnp.split(maps, 4), strict=True))


def _both(values: Float[Array, "two_batches"], combine: Callable | None = None):
    """[of a's rows, of b's rows] -> one value a row: their mean, or `combine`."""
    of_a, of_b = jnp.split(values, 2)
    return (of_a + of_b) / 2 if combine is None else combine(of_a, of_b)


def _square(x: Float[Array, "batch *rest"]) -> PerImage:
    return jnp.sum(jnp.square(x), axis=range(1, x.ndim))


def translate(config: Config, variables: Any, image: Images, direction: str) -> Images:
    """Images of one domain in the other, at the mean of q(z | x)."""
    source, target = direction[0], direction[-1]
    model = DigitTranslator(config)
    mu, _ = model.apply(variables, {source: image}, method="encode")
    return model.apply(variables, mu, target, method="generate")[target]


def classify(
    config: Config, discriminators: Any, image: Images, domain: str
) -> Float[Array, "batch classes"]:
    """Logits of the classes, without dropout."""
    model, variables = DigitDiscriminator(config), {"params": discriminators}
    return model.apply(variables, {domain: image}, method="classify")
