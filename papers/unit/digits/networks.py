"""The networks of the digit experiment, as released.

Unlike those of `model.py`, the encoders give a deviation of z beside its mean, all
inner layers are shared, the first layers see coordinates, and norms are BatchNorms.

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
from papers.unit.directions import DOMAINS
from papers.unit.model import SLOPE, Images, Maps

Codes = Float[Array, "images 1 1 features"]
ImagesByDomain = dict[str, Images]  # of "a" and "b", or of one of them

CLASSES = 10
NORMAL = nn.initializers.normal(0.02)
# Glorot and Bengio's uniform initialisation, times sqrt(2).
XAVIER = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")


class DigitLayer(nn.Module):
    """Convolution or transposed convolution, BatchNorm without a scale, leaky ReLU.

    The convolution's bias is a parameter and is not added, as in `model.Layer`.
    """

    features: int
    kernel_size: int
    stride: int = 1
    padding: int = 0
    kind: type = Conv
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Maps, train: bool) -> Maps:
        n = self.features
        k = self.kernel_size
        inputs = x.shape[-1] if self.kind is Conv else n  # as PyTorch counts them
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
    """Encoders and generators. Each domain has its own first layer of the encoder,
    which sees coordinates too, and its own last two layers of the generator."""

    config: Config
    axis_name: str | None = None

    def setup(self) -> None:
        n = self.config.adaptation.width
        side = self.config.data.size[0] // 4  # of the maps after two strides of 2
        layer = partial(DigitLayer, axis_name=self.axis_name)
        twice = partial(layer, stride=2, kind=ConvTranspose)
        small = nn.initializers.normal(0.002)
        head = partial(Conv, 8 * n, 1, kernel_init=NORMAL, bias_init=small)
        self.enc_a, self.enc_b = (layer(n, 5, 2, 2) for _ in DOMAINS)
        self.enc_shared = layer(2 * n, 5, 2, 2), layer(4 * n, side), layer(8 * n, 1)
        self.mu, self.sigma = head(), head()
        self.gen_shared = (
            twice(8 * n, side // 2), twice(4 * n, 4, padding=1),
            twice(2 * n, 4, padding=1),
        )  # fmt: skip
        self.gen_a, self.gen_b = (twice(n, 4, padding=1) for _ in DOMAINS)
        # PyTorch's default biases, which count a transposed one's outputs as inputs.
        self.out_a, self.out_b = (
            ConvTranspose(c, 1, kernel_init=NORMAL, bias_init=uniform_fan_in(c))
            for c in self.config.model.channels
        )

    def encode(
        self, images: ImagesByDomain, train: bool = False
    ) -> tuple[Codes, Codes]:
        """Mean and deviation of q(z | x), of all images of a, then of all of b. In
        training the shared BatchNorms normalise both domains together."""
        firsts = [
            getattr(self, f"enc_{domain}")(with_coordinates(x), train)
            for domain, x in images.items()
        ]
        x = jnp.concatenate(firsts)
        for layer in self.enc_shared:
            x = layer(x, train)
        return self.mu(x), softplus(self.sigma(x))

    def generate(
        self, z: Codes, domains: tuple[str, ...] = DOMAINS, train: bool = False
    ) -> ImagesByDomain:
        """Every code as an image of each of the domains."""
        for layer in self.gen_shared:
            z = layer(z, train)
        lasts = {d: getattr(self, f"gen_{d}")(z, train) for d in domains}
        return {d: nn.tanh(getattr(self, f"out_{d}")(x)) for d, x in lasts.items()}

    def __call__(self, images: ImagesByDomain) -> ImagesByDomain:
        """Reconstructions. Reaches every parameter."""
        return self.generate(self.encode(images, train=True)[0], train=True)


def with_coordinates(
    image: Images,
) -> Float[Array, "batch height width channels_and_2"]:
    """Adds two channels, each pixel's row and column, from -1 to below 1."""
    height, width = image.shape[1:3]
    rows, columns = (2 * jnp.arange(n) / n - 1 for n in (height, width))
    grid = jnp.stack(jnp.meshgrid(rows, columns, indexing="ij"), -1)
    return jnp.concatenate([image, jnp.broadcast_to(grid, (*image.shape[:3], 2))], -1)


class DigitDiscriminator(nn.Module):
    """Both discriminators: whether an image is real, and which class it shows. Each
    domain has a first layer of its own."""

    config: Config

    def setup(self) -> None:
        c = self.config.adaptation
        n = c.discriminator_width
        bias = nn.initializers.constant(0.1)
        init = {"kernel_init": XAVIER, "bias_init": bias}
        conv = partial(Conv, kernel_size=5, padding=2, **init)
        self.first_a, self.first_b = conv(n), conv(n)
        self.deeper = [conv(2 * n), conv(4 * n), conv(8 * n)]
        head = partial(Conv, kernel_size=self.config.data.size[0] // 16, **init)
        self.real, self.digit = head(2), head(CLASSES)
        self.dropout = [nn.Dropout(rate) for rate in c.dropout]

    def features(self, images: ImagesByDomain, train: bool = False) -> Maps:
        """The last maps, of all images of a, then of all of b."""
        x = jnp.concatenate(
            [_pooled(getattr(self, f"first_{d}"), x) for d, x in images.items()]
        )
        x = self.dropout[0](x, deterministic=not train)
        for layer, dropout in zip(self.deeper, self.dropout[1:], strict=True):
            x = dropout(_pooled(layer, x), deterministic=not train)
        return x

    def __call__(
        self, images: ImagesByDomain, train: bool = False
    ) -> Float[Array, "images"]:
        """The log-odds of being real, from the released two logits, fake and real."""
        logits = self.real(self.features(images, train))[:, 0, 0]
        fake, real = jnp.moveaxis(logits, -1, 0)
        return real - fake

    def classify(
        self, images: ImagesByDomain, train: bool = False
    ) -> Float[Array, "images classes"]:
        """Logits of the classes."""
        return self.digit(self.features(images, train))[:, 0, 0]

    def everything(
        self, images: ImagesByDomain
    ) -> tuple[Float[Array, "images"], Float[Array, "images classes"]]:
        """Both heads' answers. Reaches every parameter."""
        return self(images), self.classify(images)


def _pooled(conv: Conv, x: Maps) -> Maps:
    """Convolution, ReLU, and the largest of each 2 x 2.

    nn.max_pool would do the same, but its gradient takes a CPU most of a step.
    """
    x = nn.relu(conv(x))
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max((2, 4))
