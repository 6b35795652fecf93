"""Normalisation over the batch, with the running statistics that PyTorch keeps."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float


class BatchNorm(nn.Module):
    """Each channel (the last axis) to mean 0 and variance 1 over all others, then an
    affine map (Ioffe & Szegedy 2015).

    Parameters "scale" and "bias", batch_stats "mean" and "var", all [channels] float32,
    as nn.BatchNorm's. Unlike its, the running variance is the unbiased one, n / (n - 1)
    of the batch's: so do Caffe, PyTorch and darknet.
    """

    train: bool  # the batch's statistics, and update the running ones; False: use those
    axis_name: str | None = None  # pmap's or vmap's: statistics are over all its rows
    momentum: float = 0.9  # of the running statistics; PyTorch writes 1 - momentum
    epsilon: float = 1e-5
    scale_init: nn.initializers.Initializer = nn.initializers.ones_init()
    dtype: DTypeLike | None = None  # of the result; None: of x. Statistics are float32

    @nn.compact
    def __call__(self, x: Float[Array, "*batch channels"]):
        channels = x.shape[-1:]
        scale = self.param("scale", self.scale_init, channels)
        bias = self.param("bias", nn.initializers.zeros_init(), channels)
        mean = self.variable("batch_stats", "mean", jnp.zeros, channels)
        var = self.variable("batch_stats", "var", jnp.ones, channels)
        if self.train:
            batch_mean, batch_var, count = moments(x, self.axis_name)
            if not self.is_initializing():
                unbiased = batch_var * (count / max(count - 1, 1))
                mean.value = self._moved(mean.value, batch_mean)
                var.value = self._moved(var.value, unbiased)
        else:
            batch_mean, batch_var = mean.value, var.value
        # One multiply and one add an element.
        factor = scale * jax.lax.rsqrt(batch_var + self.epsilon)
        y = x * factor + (bias - batch_mean * factor)
        return y.astype(self.dtype or x.dtype)

    def _moved(self, running, batch):
        return self.momentum * running + (1.0 - self.momentum) * batch


def moments(
    x: Float[Array, "*batch channels"], axis_name: str | None = None
) -> tuple[Float[Array, "channels"], Float[Array, "channels"], int]:
    """Mean and biased variance of each channel in float32, and the values of one."""
    axes, x = tuple(range(x.ndim - 1)), x.astype(jnp.float32)
    both = jnp.mean(x, axes), jnp.mean(jnp.square(x), axes)
    count = math.prod(x.shape[:-1])
    if axis_name is not None:
        both = jax.lax.pmean(both, axis_name)
        count *= jax.lax.axis_size(axis_name)
    mean, square = both
    return mean, jnp.maximum(square - jnp.square(mean), 0.0), count
