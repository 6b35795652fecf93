"""Normalisation over the batch, with PyTorch's running statistics; over an image; and
over each map of an image."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float


class BatchNorm(nn.Module):
    """Brings each channel (the last axis) to mean 0 and variance 1 over all other axes,
    then applies an affine map (Ioffe & Szegedy 2015).

    Parameters "scale" and "bias" and batch_stats "mean" and "var" are [channels]
    float32, as in nn.BatchNorm. Unlike there, the running variance is the unbiased one,
    n / (n - 1) times the batch's, as in Caffe, PyTorch and darknet.
    """

    train: bool  # True: use the batch's statistics, and update the running ones
    axis_name: str | None = None  # pmap or vmap axis that statistics include
    momentum: float = 0.9  # weight of the old statistics; PyTorch's is 1 minus this
    epsilon: float = 1e-5
    use_scale: bool = True  # False: the affine map is a bias alone
    scale_init: nn.initializers.Initializer = nn.initializers.ones_init()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros_init()
    dtype: DTypeLike | None = None  # of the result; None: that of x

    @nn.compact
    def __call__(self, x: Float[Array, "*batch channels"]):
        channels = x.shape[-1:]
        scale = 1.0
        if self.use_scale:
            scale = self.param("scale", self.scale_init, channels)
        bias = self.param("bias", self.bias_init, channels)
        mean = self.variable("batch_stats", "mean", jnp.zeros, channels)
        var = self.variable("batch_stats", "var", jnp.ones, channels)
        if self.train:
            batch_mean, batch_var, count = moments(x, self.axis_name)
            if not self.is_initializing():
                unbiased = batch_var * (count / max(count - 1, 1))
                mean.value = self._moved(mean.value, batch_mean)
                var.value = self._moved(var.value, unbiased)
        else:
            batch_mean = mean.value
            batch_var = var.value
        # One multiplication and one addition for each element.
        factor = scale * jax.lax.rsqrt(batch_var + self.epsilon)
        y = x * factor + (bias - batch_mean * factor)
        return y.astype(self.dtype or x.dtype)

    def _moved(self, running, batch):
        return self.momentum * running + (1.0 - self.momentum) * batch


def moments(
    x: Float[Array, "*batch channels"], axis_name: str | None = None
) -> tuple[Float[Array, "channels"], Float[Array, "channels"], int]:
    """Mean and biased variance of each channel in float32, and the number of values in
    each."""
    axes = tuple(range(x.ndim - 1))
    x = x.astype(jnp.float32)
    both = jnp.mean(x, axes), jnp.mean(jnp.square(x), axes)
    count = math.prod(x.shape[:-1])
    if axis_name is not None:
        both = jax.lax.pmean(both, axis_name)
        count *= jax.lax.axis_size(axis_name)
    mean, square = both
    return mean, jnp.maximum(square - jnp.square(mean), 0.0), count


def instance_norm(
    x: Float[Array, "batch height width channels"], epsilon: float = 1e-5
) -> Float[Array, "batch height width channels"]:
    """Brings each map of each image to mean 0 and variance 1, without parameters
    (Ulyanov et al. 2016). Statistics are float32, and the variance is the biased one.
    """
    wide = x.astype(jnp.float32)
    mean = jnp.mean(wide, axis=(1, 2), keepdims=True)
    centred = wide - mean
    var = jnp.mean(jnp.square(centred), axis=(1, 2), keepdims=True)
    return (centred * jax.lax.rsqrt(var + epsilon)).astype(x.dtype)


class SampleNorm(nn.Module):
    """Brings each image to mean 0 and standard deviation 1 over all its maps, then
    applies an affine map to each: "LayerNorm" in MUNIT's code (Huang et al. 2018).

    The deviation is the unbiased one, and epsilon is added to the deviation, not to the
    variance. Parameters "scale", drawn from U(0, 1), and "bias" are [channels] float32.
    """

    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]):
        channels = x.shape[-1:]
        scale = self.param("scale", nn.initializers.uniform(1.0), channels)
        bias = self.param("bias", nn.initializers.zeros_init(), channels)
        wide = x.astype(jnp.float32)
        axes = (1, 2, 3)
        count = math.prod(x.shape[1:])
        centred = wide - jnp.mean(wide, axes, keepdims=True)
        var = jnp.sum(jnp.square(centred), axes, keepdims=True) / (count - 1)
        return (centred / (jnp.sqrt(var) + self.epsilon) * scale + bias).astype(x.dtype)
