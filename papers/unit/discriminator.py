"""D_a and D_b of UNIT: a grid of logits, each of a patch of the image.

Kinds "patch", "pyramid" and "shared" are those of the paper's released code, for cats
and dogs, for streets and for faces. Kind "averaged" is that of the later code.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from common.convolution import Conv, padded, uniform_fan_in
from papers.unit.config import Discriminator
from papers.unit.directions import DOMAINS
from papers.unit.model import KERNEL_INITS, Images, Maps

Logits = tuple[Float[Array, "batch rows columns"], ...]  # a grid for each scale

SCALES = {"patch": 1, "shared": 1, "pyramid": 3, "averaged": 3}


class Discriminators(nn.Module):
    """(image, domain) -> logits, positive where the image looks real."""

    config: Discriminator
    dtype: str = "float32"

    def setup(self) -> None:
        c = self.config
        scales = range(SCALES[c.kind])
        stack = partial(Layers, c, self.dtype)
        if c.kind == "shared":
            own = partial(stack, 0, c.private_layers, head=False)
            self.a, self.b = own(), own()
            self.shared = stack(c.private_layers, c.layers)
        else:
            self.a, self.b = ([stack(0, c.layers) for _ in scales] for _ in DOMAINS)

    def __call__(self, image: Images, domain: str) -> Logits:
        x = image.astype(self.dtype)
        own = getattr(self, domain)
        if self.config.kind == "shared":
            return (self.shared(own(x)),)
        logits = []
        for stack in own:
            logits.append(stack(x))
            if self.config.kind == "pyramid":
                x = blurred_half(x)
            elif self.config.kind == "averaged":
                x = pooled_half(x)
        return tuple(logits)

    def both(self, a: Images, b: Images) -> tuple[Logits, Logits]:
        """Logits of both. Reaches every parameter."""
        return self(a, "a"), self(b, "b")


class Layers(nn.Module):
    """Convolutions of stride 2 with leaky rectifiers, from number `first` to `last`
    exclusive, and with `head` a 1 x 1 convolution to the logits."""

    config: Discriminator
    dtype: str
    first: int
    last: int
    head: bool = True

    @nn.compact
    def __call__(self, x: Maps) -> Maps | Float[Array, "batch rows columns"]:
        c = self.config
        later = c.kind == "averaged"
        for i in range(self.first, self.last):
            k = 7 if c.kind == "shared" and i == 0 else 4 if later else 3
            x = padded(x, (k - 1) // 2, "reflect" if later else "zero")
            x = self._conv(c.width * 2**i, k, x, strides=2, name=f"conv{i}")
            x = nn.leaky_relu(x, 0.2 if later else 0.01)
        if not self.head:
            return x
        return self._conv(1, 1, x, name="out")[..., 0].astype(jnp.float32)

    def _conv(self, features: int, k: int, x: Maps, **fields) -> Maps:
        bias = uniform_fan_in(k * k * x.shape[-1])
        if self.config.kind == "averaged":  # the later code's
            bias = nn.initializers.zeros
        init = {"kernel_init": KERNEL_INITS[self.config.init], "bias_init": bias}
        return Conv(features, k, **init, dtype=self.dtype, **fields)(x)


def blurred_half(x: Maps) -> Maps:
    """Every second pixel after a blur by [1 2 1] x [1 2 1] / 16, for which border
    pixels are repeated."""
    height, width = x.shape[1:3]
    x = padded(x, 1, "edge")
    x = sum(w * x[:, i : i + height] for i, w in enumerate((0.25, 0.5, 0.25)))
    x = sum(w * x[:, :, i : i + width] for i, w in enumerate((0.25, 0.5, 0.25)))
    return x[:, ::2, ::2]


def pooled_half(x: Maps) -> Maps:
    """The mean of the 3 x 3 around every second pixel; a border's counts only pixels
    inside the image."""
    return nn.avg_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)), count_include_pad=False)
