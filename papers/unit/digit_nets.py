"""The networks of the digit experiment, as released: a full Gaussian for z, all inner
layers shared, coordinates beside the pixels, BatchNorm.

Axes: batch, height, width, channels; images in [-1, 1], of 16 n pixels a side.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jax.nn import softplus
from jaxtyping import Array, Float

from common.convolution import Conv, uniform_fan_in
from common.normalization import BatchNorm
from common.transposed_convolution import ConvTranspose
from papers.unit.config import Config
from papers.unit.model import SLOPE, Images, Maps

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

    config: Config
    axis_name: str | None = None

    def setup(self) -> None:
        n, side = self.config.adaptation.width, self.config.data.size[0] // 4
        layer = partial(DigitLayer, axis_name=self.axis_name)
        twice = partial(layer, stride=2, kind=ConvTranspose)
        small = nn.initializers.normal(0.002)
        head = partial(Conv, 8 * n, 1, kernel_init=NORMAL, bias_init=small)
        self.enc_a, self.enc_b = (layer(n, 5, 2, 2) for _ in "ab")
        self.enc_shared = layer(2 * n, 5, 2, 2), layer(4 * n, side), layer(8 * n, 1)
        self.mu, self.sigma = head(), head()
        self.gen_shared = (
            twice(8 * n, side // 2), twice(4 * n, 4, padding=1),
            twice(2 * n, 4, padding=1),
        )  # fmt: skip
        self.gen_a, self.gen_b = (twice(n, 4, padding=1) for _ in "ab")
        # Biases: PyTorch's default, of as many inputs as it takes outputs for.
        self.out_a, self.out_b = (
            ConvTranspose(c, 1, kernel_init=NORMAL, bias_init=uniform_fan_in(c))
            for c in self.config.model.channels
        )

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

    config: Config

    def setup(self) -> None:
        c, init = self.config.adaptation, {"kernel_init": XAVIER}
        init["bias_init"] = nn.initializers.constant(0.1)
        n, conv = c.discriminator_width, partial(Conv, kernel_size=5, padding=2, **init)
        self.first_a, self.first_b = conv(n), conv(n)
        self.deeper = [conv(2 * n), conv(4 * n), conv(8 * n)]
        head = partial(Conv, kernel_size=self.config.data.size[0] // 16, **init)
        self.real, self.digit = head(2), head(CLASSES)
        self.dropout = [nn.Dropout(rate) for rate in c.dropout]

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
