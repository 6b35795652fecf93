"""Transposed convolutions: the map of a strided convolution's gradients, as a layer."""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype
from jax.typing import DTypeLike

from common.contract import UserError
from common.convolution import (
    Geometry,
    Image,
    Kernel,
    convolve,
    kernel_gradient,
    plain,
)


class ConvTranspose(nn.Module):
    """PyTorch's ConvTranspose2d: [h, w] -> stride (h - 1) + k - 2 padding + `extra`.

    Parameters "kernel" [k, k, features, inputs], that of the convolution which it
    transposes, and "bias" [features], both float32.
    """

    features: int
    kernel_size: int
    stride: int = 1
    padding: int = 0  # of the convolution that is transposed
    extra: int = 0  # rows and columns at the end: PyTorch's output_padding
    use_bias: bool = True
    kernel_init: Callable = nn.initializers.lecun_normal(in_axis=-1, out_axis=-2)
    bias_init: Callable = nn.initializers.zeros_init()
    dtype: DTypeLike | None = None  # of the computation; None: of input and parameters

    @nn.compact
    def __call__(self, x: Image) -> Image:
        k = self.kernel_size
        s = self.stride
        p = self.padding
        if not 0 <= self.extra < s:
            raise UserError(f"extra is less than the stride, {s}, not {self.extra}")
        shape = (k, k, self.features, x.shape[-1])
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = None
        if self.use_bias:
            bias = self.param("bias", self.bias_init, (self.features,))
        x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
        size = tuple(s * (n - 1) + k - 2 * p + self.extra for n in x.shape[1:3])
        y = convolve_transposed(x, kernel, Geometry((s, s), ((p, p), (p, p))), size)
        return y if bias is None else y + bias


def convolve_transposed(
    x: Image, kernel: Kernel, geometry: Geometry, size: tuple[int, int]
) -> Image:
    """The linear map of which y -> `convolve(y, kernel, geometry)` is the transpose, y
    being [batch, *size, inputs of the kernel]."""
    if kernel.shape[:2] == (1, 1) and geometry == Geometry():
        return convolve(x, jnp.swapaxes(kernel, 2, 3), geometry)
    return _convolve_transposed(x, kernel, geometry, size)


def _transposed(x: Image, kernel: Kernel, geometry: Geometry, size) -> Image:
    like = jax.ShapeDtypeStruct((x.shape[0], *size, kernel.shape[2]), x.dtype)
    (y,) = jax.linear_transpose(lambda y: plain(y, kernel, geometry), like)(x)
    return y


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _convolve_transposed(x, kernel, geometry, size):
    return _transposed(x, kernel, geometry, size)


def _forward(x, kernel, geometry, size):
    return _transposed(x, kernel, geometry, size), (x, kernel)


def _backward(geometry, size, saved, dy):
    x, kernel = saved
    return plain(dy, kernel, geometry), kernel_gradient(dy, x, kernel, geometry)


_convolve_transposed.defvjp(_forward, _backward)
