"""Encoders and generators of UNIT: E_a, E_b, G_a, G_b of Liu et al. 2017.

Family "shared" is the paper's: both encoders end in the same blocks, and both
generators begin with the same blocks. Family "separate" is that of the authors' later
code, which shares nothing and relies on cycle consistency.

Axes: batch, height, width, channels; images in [-1, 1]. A domain is "a" or "b".
"""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from common.convolution import Conv, he_normal_fan_in, padded, uniform_fan_in
from common.normalization import SampleNorm, instance_norm
from common.resize import twice_as_large
from common.transposed_convolution import ConvTranspose
from papers.unit.config import Model

Images = Float[Array, "batch height width channels"]
Codes = Float[Array, "batch rows columns features"]
Maps = Float[Array, "batch height width features"]

SLOPE = 0.01  # of the leaky rectifiers of family "shared"
BORDERS = {"shared": "zero", "separate": "reflect"}
KERNEL_INITS = {"normal": nn.initializers.normal(0.02), "he": he_normal_fan_in}


class Translator(nn.Module):
    """Both encoders and both generators; shared parts have one set of parameters."""

    config: Model

    def setup(self) -> None:
        c = self.config
        encoder, generator = FAMILIES[c.family]
        self.enc_a, self.enc_b = encoder(c), encoder(c)
        self.gen_a, self.gen_b = (generator(c, n) for n in c.channels)
        if c.share:
            self.enc_shared = Blocks(c, c.shared_blocks)
            self.gen_shared = Blocks(c, c.shared_blocks)
        else:
            self.enc_last_a, self.enc_last_b = (
                Blocks(c, c.shared_blocks) for _ in range(2)
            )
            self.gen_first_a, self.gen_first_b = (
                Blocks(c, c.shared_blocks) for _ in range(2)
            )

    def _inner(self, shared: str, own: str, domain: str) -> "Blocks":
        """The blocks next to z, of both domains or of this one."""
        return getattr(self, shared if self.config.share else f"{own}_{domain}")

    def encode(self, image: Images, domain: str, train: bool = False) -> Codes:
        """The mean mu of q(z | x) = N(mu, I)."""
        x = getattr(self, f"enc_{domain}")(image, train)
        return self._inner("enc_shared", "enc_last", domain)(x, train)

    def generate(self, z: Codes, domain: str, train: bool = False) -> Images:
        """The image of this domain whose code is z."""
        z = z.astype(self.config.dtype)  # noise is float32
        x = self._inner("gen_shared", "gen_first", domain)(z, train)
        return getattr(self, f"gen_{domain}")(x, train)

    def __call__(self, a: Images, b: Images) -> tuple[Images, Images]:
        """Reconstructions at mu. Reaches every parameter."""
        z_a, z_b = self.encode(a, "a"), self.encode(b, "b")
        return self.generate(z_a, "a"), self.generate(z_b, "b")


class Layer(nn.Module):
    """A k x k convolution, whose output is 1 / strides of its input's size, or with
    `twice` a transposed convolution, whose output is twice as large.

    The border is padded with reflections in family "separate", else with zeros.

    A bias before an instance norm is a parameter, as in the released code, but is not
    added: the norm would subtract it again, and Adam would follow the rounding errors
    of its gradient, which is zero.
    """

    config: Model
    features: int
    kernel_size: int
    strides: int = 1
    twice: bool = False
    normed: bool = False

    @nn.compact
    def __call__(self, x: Maps) -> Maps:
        c = self.config
        k = self.kernel_size
        fields = {"kernel_init": KERNEL_INITS[c.init], "dtype": c.dtype, "name": "conv"}
        if self.twice:
            layer = ConvTranspose(
                self.features, k, 2, k // 2, extra=1, use_bias=False, **fields
            )
        else:
            layer = Conv(self.features, k, self.strides, use_bias=False, **fields)
            x = padded(x, (k - 1) // 2, BORDERS[c.family])
        # PyTorch's default bias counts a transposed convolution's outputs as inputs;
        # the released 1 x 1 convolutions are transposed.
        inputs = self.features if self.twice or k == 1 else x.shape[-1]
        init = uniform_fan_in(k * k * inputs)
        if c.family == "separate":
            init = nn.initializers.zeros
        bias = self.param("bias", init, (self.features,))
        x = layer(x)
        return instance_norm(x) if self.normed else x + bias.astype(x.dtype)


class Block(nn.Module):
    """x + IN(conv(relu(IN(conv(x))))), without a rectifier after the sum."""

    config: Model

    @nn.compact
    def __call__(self, x: Maps, train: bool) -> Maps:
        c = self.config
        n = x.shape[-1]
        y = nn.relu(Layer(c, n, 3, normed=True, name="conv1")(x))
        y = Layer(c, n, 3, normed=True, name="conv2")(y)
        return x + nn.Dropout(c.dropout, deterministic=not train)(y)


class Blocks(nn.Module):
    """`count` blocks, one after another."""

    config: Model
    count: int

    @nn.compact
    def __call__(self, x: Maps, train: bool) -> Maps:
        for i in range(self.count):
            x = Block(self.config, name=f"block{i}")(x, train)
        return x


class Encoder(nn.Module):
    """image -> maps, whose sides are 1 / 2^halvings of the image's."""

    config: Model

    @nn.compact
    def __call__(self, image: Images, train: bool) -> Maps:
        c = self.config
        n = c.width
        x = nn.leaky_relu(Layer(c, n, 7, name="conv0")(image.astype(c.dtype)), SLOPE)
        for i in range(1, c.halvings + 1):
            normed = c.norm == "instance"
            x = Layer(c, n * 2**i, 3, 2, normed=normed, name=f"conv{i}")(x)
            x = nn.relu(x) if normed else nn.leaky_relu(x, SLOPE)
        return Blocks(c, c.private_blocks, name="blocks")(x, train)


class Generator(nn.Module):
    """maps -> image in [-1, 1]."""

    config: Model
    channels: int

    @nn.compact
    def __call__(self, x: Maps, train: bool) -> Images:
        c = self.config
        n = x.shape[-1]
        x = Blocks(c, c.private_blocks, name="blocks")(x, train)
        for i in range(1, c.halvings + 1):
            normed = c.norm == "instance"
            layer = Layer(c, n // 2**i, 3, twice=True, normed=normed, name=f"conv{i}")
            x = nn.relu(layer(x)) if normed else nn.leaky_relu(layer(x), SLOPE)
        x = Layer(c, self.channels, 1, name="out")(x)
        return jnp.tanh(x.astype(jnp.float32))


class LaterEncoder(nn.Module):
    """That of the later code, which has an instance norm after every layer."""

    config: Model

    @nn.compact
    def __call__(self, image: Images, train: bool) -> Maps:
        c = self.config
        n = c.width
        x = nn.relu(Layer(c, n, 7, normed=True, name="conv0")(image.astype(c.dtype)))
        for i in range(1, c.halvings + 1):
            x = nn.relu(Layer(c, n * 2**i, 4, 2, normed=True, name=f"conv{i}")(x))
        return Blocks(c, c.private_blocks, name="blocks")(x, train)


class LaterGenerator(nn.Module):
    """That of the later code, which repeats pixels before 5 x 5 convolutions, where
    `Generator` has transposed convolutions."""

    config: Model
    channels: int

    @nn.compact
    def __call__(self, x: Maps, train: bool) -> Images:
        c = self.config
        n = x.shape[-1]
        x = Blocks(c, c.private_blocks, name="blocks")(x, train)
        for i in range(1, c.halvings + 1):
            x = Layer(c, n // 2**i, 5, name=f"conv{i}")(twice_as_large(x, "nearest"))
            x = nn.relu(SampleNorm(name=f"norm{i}")(x))
        x = Layer(c, self.channels, 7, name="out")(x)
        return jnp.tanh(x.astype(jnp.float32))


FAMILIES: dict[str, tuple[Callable, Callable]] = {
    "shared": (Encoder, Generator),
    "separate": (LaterEncoder, LaterGenerator),
}
