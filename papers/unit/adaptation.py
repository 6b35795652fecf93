"""The digit experiment of Liu et al. 2017 (section 5): labels in domain a, none in b.

A classifier shares D's layers but for the first, which each domain has its own. UNIT's
game makes a's layers and b's see the same things, so that labels of a are enough for b.
The released code's networks differ from those of images: a full Gaussian for z, all of
the inner layers shared, coordinates beside the pixels, BatchNorm.

Axes: batch, height, width, channels; images in [-1, 1], of 16 n pixels a side.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn import softplus
from jaxtyping import Array, Float, Key

from common.convolution import Conv, uniform_fan_in
from common.losses import cross_entropy, gaussian_kl
from common.normalization import BatchNorm
from common.transposed_convolution import ConvTranspose
from papers.unit.config import Adaptation, Config
from papers.unit.model import SLOPE, Images, Maps
from papers.unit.objective import PerImage, Rows, noise

Codes = Float[Array, "images 1 1 features"]
Domains = dict[str, Images]  # "a", "b", or one of them

CLASSES = 10
NORMAL = nn.initializers.normal(0.02)
# Glorot & Bengio's, uniform, times sqrt(2).
XAVIER = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")


class DigitLayer(nn.Module):
    """(Transposed) convolution, BatchNorm without a scale, leaky ReLU. The bias before
    the norm is counted and not added, as in `model.Layer`."""

    features: int
    kernel_size: int
    stride: int = 1
    padding: int = 0
    kind: type = Conv
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Maps, train: bool) -> Maps:
        n, k = self.features, self.kernel_size
        inputs = x.shape[-1] if self.kind is Conv else n
        self.param("bias", uniform_fan_in(k * k * inputs), (n,))
        x = self.kind(
            n,
            k,
            self.stride,
            self.padding,
            use_bias=False,
            kernel_init=NORMAL,
            name="conv",
        )(x)
        small = nn.initializers.normal(0.002)
        norm = BatchNorm(train, self.axis_name, use_scale=False, bias_init=small)
        return nn.leaky_relu(norm(x), SLOPE)


class DigitTranslator(nn.Module):
    """Encoders and generators. A domain's own are the first layer of an encoder, which
    sees coordinates too, and the last two of a generator."""

    config: Adaptation
    axis_name: str | None = None

    def setup(self) -> None:
        c, n, side = self.config, self.config.width, self.config.size // 4
        layer = partial(DigitLayer, axis_name=self.axis_name)
        twice = partial(layer, stride=2, kind=ConvTranspose)
        small = nn.initializers.normal(0.002)
        head = partial(Conv, 8 * n, 1, kernel_init=NORMAL, bias_init=small)
        # PyTorch's default, of as many inputs as it takes outputs for.
        bias = uniform_fan_in(c.channels)
        out = partial(ConvTranspose, c.channels, 1, kernel_init=NORMAL, bias_init=bias)
        self.enc_a, self.enc_b = (layer(n, 5, 2, 2) for _ in "ab")
        self.enc_shared = layer(2 * n, 5, 2, 2), layer(4 * n, side), layer(8 * n, 1)
        self.mu, self.sigma = head(), head()
        self.gen_shared = (
            twice(8 * n, side // 2), twice(4 * n, 4, padding=1),
            twice(2 * n, 4, padding=1),
        )  # fmt: skip
        self.gen_a, self.gen_b = (twice(n, 4, padding=1) for _ in "ab")
        self.out_a, self.out_b = out(), out()

    def encode(self, images: Domains, train: bool = False) -> tuple[Codes, Codes]:
        """Mean and deviation of q(z | x), of all images one after the other: in
        training BatchNorm normalises both domains together."""
        firsts = [
            getattr(self, f"enc_{domain}")(with_coordinates(x), train)
            for domain, x in images.items()
        ]
        x = jnp.concatenate(firsts)
        for layer in self.enc_shared:
            x = layer(x, train)
        return self.mu(x), softplus(self.sigma(x))

    def generate(self, z: Codes, domains: str = "ab", train: bool = False) -> Domains:
        """Every code as an image of each of the domains."""
        for layer in self.gen_shared:
            z = layer(z, train)
        lasts = {d: getattr(self, f"gen_{d}")(z, train) for d in domains}
        return {d: nn.tanh(getattr(self, f"out_{d}")(x)) for d, x in lasts.items()}

    def __call__(self, images: Domains) -> Domains:
        """Reaches every parameter."""
        return self.generate(self.encode(images, train=True)[0], train=True)


def with_coordinates(image: Images) -> Images:
    """Two more channels: each pixel's row and column, from -1 up to 1."""
    height, width = image.shape[1:3]
    rows, columns = (2 * jnp.arange(n) / n - 1 for n in (height, width))
    grid = jnp.stack(jnp.meshgrid(rows, columns, indexing="ij"), -1)
    return jnp.concatenate([image, jnp.broadcast_to(grid, (*image.shape[:3], 2))], -1)


class DigitDiscriminator(nn.Module):
    """Real or made, and which class. The first layer is a domain's own."""

    config: Adaptation

    def setup(self) -> None:
        n, init = self.config.discriminator_width, {"kernel_init": XAVIER}
        init["bias_init"] = nn.initializers.constant(0.1)
        conv = partial(Conv, kernel_size=5, padding=2, **init)
        self.first_a, self.first_b = conv(n), conv(n)
        self.deeper = [conv(2 * n), conv(4 * n), conv(8 * n)]
        head = partial(Conv, kernel_size=self.config.size // 16, **init)
        self.real, self.digit = head(2), head(CLASSES)
        self.dropout = [nn.Dropout(rate) for rate in self.config.dropout]

    def features(self, images: Domains, train: bool = False) -> Maps:
        """The last maps, of all images one after the other."""
        x = jnp.concatenate(
            [_pooled(getattr(self, f"first_{d}"), x) for d, x in images.items()]
        )
        x = self.dropout[0](x, deterministic=not train)
        for layer, dropout in zip(self.deeper, self.dropout[1:], strict=True):
            x = dropout(_pooled(layer, x), deterministic=not train)
        return x

    def __call__(self, images: Domains, train: bool = False):
        """The log-odds of being real, [batch], of two classes as released."""
        made, real = jnp.moveaxis(
            self.real(self.features(images, train))[:, 0, 0], -1, 0
        )
        return real - made

    def classify(self, images: Domains, train: bool = False):
        """Logits of the classes, [batch, classes]."""
        return self.digit(self.features(images, train))[:, 0, 0]

    def everything(self, images: Domains):
        """Reaches every parameter."""
        return self(images), self.classify(images)


def _pooled(conv: Conv, x: Maps) -> Maps:
    """Convolved, rectified, and of each 2 x 2 the largest: not by nn.max_pool, whose
    gradient takes a CPU most of a step."""
    x = nn.relu(conv(x))
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max((2, 4))


def init(config: Config, key: Key[Array, ""], a: Images, b: Images) -> tuple[Any, Any]:
    """(params, batch_stats) for images of these shapes."""
    keys, images = jax.random.split(key), {"a": a, "b": b}
    made = DigitTranslator(config.adaptation).init(keys[0], images)
    judges = DigitDiscriminator(config.adaptation)
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
    x, (mu, sigma), batch_stats = _made(w, params, batch_stats, rows, key, axis_name)
    judge = _judge(w, params, dropout, rows)
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
    classify = _judge(w, params, keys[0], rows, "classify")
    logits = classify({"a": rows["a"]})
    terms = {"classify": w.classify * cross_entropy(logits, rows["label_a"])}
    if not plays(w):
        return terms, batch_stats
    x, *_ = _made(w, params, batch_stats, rows, keys[1], axis_name)
    sides = images, {"a": x["aa"], "b": x["bb"]}, {"a": x["ba"], "b": x["ab"]}
    odds = [_judge(w, params, k, rows)(s) for k, s in zip(keys[2:], sides, strict=True)]
    real, recon, translated = (_both(softplus(x)) for x in (-odds[0], odds[1], odds[2]))
    features = _features(w, params, x)
    alike = _square(features["ab"] - features["aa"])
    alike += _square(features["ba"] - features["bb"])
    terms["discriminators"] = w.adversarial * (real + (recon + translated) / 2)
    return {**terms, "features": w.feature * alike}, batch_stats


def plays(w: Adaptation) -> bool:
    """Whether anything is generated: not where the classifier is alone."""
    return bool(w.adversarial or w.feature)


def _made(w: Adaptation, params, batch_stats, rows: Rows, key, axis_name):
    """Images by their way, "ab" being a in domain b, q(z | x), and new statistics."""
    model = DigitTranslator(w, axis_name)
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
    w: Adaptation, params, key, rows: Rows, method: str = "__call__"
) -> Callable:
    # Other masks in other parts of a batch.
    rngs = {"dropout": jax.random.fold_in(key, rows["row"][0])}
    apply = DigitDiscriminator(w).apply
    variables = {"params": params["discriminators"]}
    return lambda images: apply(variables, images, True, rngs=rngs, method=method)


def _features(w: Adaptation, params, x: dict[str, Images]) -> dict[str, Maps]:
    """D's features of all that was generated, without dropout, by their way."""
    variables = {"params": params["discriminators"]}
    images = {d: jnp.concatenate([x[f"a{d}"], x[f"b{d}"]]) for d in "ab"}
    maps = DigitDiscriminator(w).apply(variables, images, method="features")
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
    model = DigitTranslator(config.adaptation)
    mu, _ = model.apply(variables, {source: image}, method="encode")
    return model.apply(variables, mu, target, method="generate")[target]


def classify(
    config: Config, discriminators: Any, image: Images, domain: str
) -> Float[Array, "batch classes"]:
    """Logits of the classes, without dropout."""
    model, variables = DigitDiscriminator(config.adaptation), {"params": discriminators}
    return model.apply(variables, {domain: image}, method="classify")
