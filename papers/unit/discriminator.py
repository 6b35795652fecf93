"""D_a and D_b of UNIT: logits on a grid, a patch of the image each.

Kinds "patch", "pyramid" and "shared" are the released code of the paper, for cats and
dogs, for streets and for faces; "averaged" is that of the later code.
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from common.convolution import Conv, padded, uniform_fan_in
from papers.unit.config import Discriminator
from papers.unit.model import KERNEL_INITS, Images, Maps

Logits = tuple[Float[Array, "batch rows columns"], ...]  # one grid a scale

SCALES = {"patch": 1, "shared": 1, "pyramid": 3, "averaged": 3}


class Discriminators(nn.Module):
    """(image, domain) -> logits, positive for what looks real."""

    config: Discriminator
    dtype: str = "float32"

    def setup(self) -> None:
        c, scales = self.config, range(SCALES[self.config.kind])
        stack = partial(Layers, c, self.dtype)
        if c.kind == "shared":
            own = partial(stack, 0, c.private_layers, judge=False)
            self.a, self.b = own(), own()
            self.shared = stack(c.private_layers, c.layers)
        else:
            self.a, self.b = ([stack(0, c.layers) for _ in scales] for _ in "ab")

    def __call__(self, image: Images, domain: str) -> Logits:
        x, own = image.astype(self.dtype), getattr(self, domain)
        if self.config.kind == "shared":
            return (self.shared(own(x)),)
        logits = []
        for stack in own:
            logits.append(stack(x))
            if self.config.kind == "pyramid":
                x = blurred_half(x)
            elif self.config.kind == "averaged":
                x = averaged_half(x)
        return tuple(logits)

    def both(self, a: Images, b: Images) -> tuple[Logits, Logits]:
        """Reaches every parameter."""
        return self(a, "a"), self(b, "b")


class Layers(nn.Module):
    """Convolutions of stride 2, from number `first` up to `last`, leaky rectified; and
    with `judge` a 1 x 1 convolution to the logits."""

    config: Discriminator
    dtype: str
    first: int
    last: int
    judge: bool = True

    @nn.compact
    def __call__(self, x: Maps) -> Maps | Float[Array, "batch rows columns"]:
        c, later = self.config, self.config.kind == "averaged"
        for i in range(self.first, self.last):
            k = 7 if c.kind == "shared" and i == 0 else 4 if later else 3
            x = padded(x, (k - 1) // 2, "reflect" if later else "zero")
            x = self._conv(c.width * 2**i, k, x, strides=2, name=f"conv{i}")
            x = nn.leaky_relu(x, 0.2 if later else 0.01)
        if not self.judge:
            return x
        return self._conv(1, 1, x, name="out")[..., 0].astype(jnp.float32)

    def _conv(self, features: int, k: int, x: Maps, **fields) -> Maps:
        """Biases start as 0 in the later code, as PyTorch's default before."""
        zeros = self.config.kind == "averaged"
        bias = nn.initializers.zeros if zeros else uniform_fan_in(k * k * x.shape[-1])
        init = {"kernel_init": KERNEL_INITS[self.config.init], "bias_init": bias}
        return Conv(features, k, **init, dtype=self.dtype, **fields)(x)


def blurred_half(x: Maps) -> Maps:
    """[1 2 1] x [1 2 1] / 16 over repeated borders, then every second pixel."""
    height, width = x.shape[1:3]
    x = padded(x, 1, "edge")
    x = sum(w * x[:, i : i + height] for i, w in enumerate((0.25, 0.5, 0.25)))
    x = sum(w * x[:, :, i : i + width] for i, w in enumerate((0.25, 0.5, 0.25)))
    return x[:, ::2, ::2]


def averaged_half(x: Maps) -> Maps:
    """The mean of each 3 x 3 around every second pixel, of what is inside the image."""
    return nn.avg_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)), count_include_pad=False)
