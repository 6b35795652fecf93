"""Convolutions with padding that is said, not guessed: NHWC images, HWIO kernels.

`Conv` has nn.Conv's parameters and numbers. What differs is how XLA is asked. A 1 x 1
convolution is a matrix product on every platform. The gradient of a larger kernel is,
on a CPU alone and on all but small maps, a matrix product over shifted copies of the
image: XLA's own is a convolution whose window is the whole image. TPU and GPU programs
are the plain ones.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from common.contract import UserError

Image = Float[Array, "batch height width channels"]
Kernel = Float[Array, "kernel_height kernel_width inputs features"]
Pairs = tuple[tuple[int, int], tuple[int, int]]

# He et al. 2015 (Delving Deep into Rectifiers), eq. 10 and 14: normal, std sqrt(2 / n),
# with n the products that enter one output, or that one input enters.
he_normal_fan_in = jax.nn.initializers.variance_scaling(2.0, "fan_in", "normal")
he_normal_fan_out = jax.nn.initializers.variance_scaling(2.0, "fan_out", "normal")


def uniform_fan_in(fan_in: int) -> Callable:
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)): PyTorch's default for kernels and biases."""
    bound = fan_in**-0.5

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


# Where the kernel's gradient is faster by XLA's convolution: pixels of dy, and no more;
# and by a product of all shifts at once: inputs, and more.
SMALL_MAP, MANY_CHANNELS = 64, 256


class Geometry(NamedTuple):
    """What a convolution is besides its arrays; pairs are (height, width)."""

    strides: tuple[int, int] = (1, 1)
    padding: Pairs = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


class Conv(nn.Module):
    """nn.Conv over images, with explicit padding and faster gradients on CPUs.

    Parameters "kernel" [kh, kw, inputs / groups, features] and "bias" [features] are
    float32. Differentiable in reverse mode, any number of times; not by jax.jvp.
    """

    features: int
    kernel_size: int | tuple[int, int]
    strides: int | tuple[int, int] = 1
    padding: int | Pairs = 0  # both sides of both axes, or (low, high) an axis
    dilation: int | tuple[int, int] = 1  # of the kernel
    groups: int = 1
    use_bias: bool = True
    kernel_init: Callable = nn.initializers.lecun_normal()
    bias_init: Callable = nn.initializers.zeros_init()
    dtype: DTypeLike | None = None  # of the computation; None: of input and parameters

    @nn.compact
    def __call__(self, x: Image) -> Image:
        inputs = x.shape[-1]
        if inputs % self.groups or self.features % self.groups:
            raise UserError(
                f"{self.groups} groups divide neither or only one of {inputs} input "
                f"channels and {self.features} features"
            )
        shape = (*_pair(self.kernel_size), inputs // self.groups, self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = None
        if self.use_bias:
            bias = self.param("bias", self.bias_init, (self.features,))
        x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
        geometry = Geometry(
            _pair(self.strides),
            _pairs(self.padding),
            _pair(self.dilation),
            self.groups,
        )
        y = convolve(x, kernel, geometry)
        return y if bias is None else y + bias


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _pairs(padding: int | Pairs) -> Pairs:
    if isinstance(padding, int):
        return ((padding, padding),) * 2
    return tuple(tuple(sides) for sides in padding)


def padded(x: Image, width: int, mode: str) -> Image:
    """`width` more pixels on each side: "reflect", without the border pixel, "edge", or
    "zero"."""
    if not width:
        return x
    mode = "constant" if mode == "zero" else mode
    return jnp.pad(x, ((0, 0), (width, width), (width, width), (0, 0)), mode)


def convolve(x: Image, kernel: Kernel, geometry: Geometry) -> Image:
    """The cross-correlation that deep learning calls convolution."""
    if kernel.shape[:2] == (1, 1) and geometry.groups == 1:
        return _one_by_one(x, kernel[0, 0], geometry)
    if geometry.groups > 1:
        return plain(x, kernel, geometry)
    return _convolve(x, kernel, geometry)


def _one_by_one(x: Image, kernel: Float[Array, "inputs features"], geometry: Geometry):
    """Every strides-th pixel, times a matrix."""
    if geometry.padding != ((0, 0), (0, 0)):
        x = jnp.pad(x, ((0, 0), *geometry.padding, (0, 0)))
    down, right = geometry.strides
    return lax.dot_general(x[:, ::down, ::right], kernel, (((3,), (0,)), ((), ())))


def plain(x: Image, kernel: Kernel, geometry: Geometry) -> Image:
    """`convolve` as XLA does it, and differentiates it."""
    return lax.conv_general_dilated(
        x,
        kernel,
        geometry.strides,
        geometry.padding,
        rhs_dilation=geometry.dilation,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=geometry.groups,
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolve(x, kernel, geometry):
    return plain(x, kernel, geometry)


def _forward(x, kernel, geometry):
    return plain(x, kernel, geometry), (x, kernel)


def _backward(geometry, saved, dy):
    x, kernel = saved
    (dx,) = jax.linear_transpose(lambda x: plain(x, kernel, geometry), x)(dy)
    return dx, kernel_gradient(x, dy, kernel, geometry)


_convolve.defvjp(_forward, _backward)


def kernel_gradient(x: Image, dy: Image, kernel: Kernel, geometry: Geometry) -> Kernel:
    """Of `convolve(x, kernel, geometry)`, where that has the gradient dy: by XLA's own
    convolution, or by products on a CPU, where the map is not small."""

    def by_convolution(x, dy):
        transpose = jax.linear_transpose(lambda k: plain(x, k, geometry), kernel)
        return transpose(dy)[0]

    if math.prod(dy.shape[1:3]) <= SMALL_MAP and x.shape[-1] < MANY_CHANNELS:
        return by_convolution(x, dy)
    by_products = partial(products, kernel_size=kernel.shape[:2], geometry=geometry)
    return lax.platform_dependent(x, dy, cpu=by_products, default=by_convolution)


def products(
    x: Image, dy: Image, kernel_size: tuple[int, int], geometry: Geometry
) -> Kernel:
    """sum over batch, h, w of x[b, s h + d i, s w + d j, c] dy[b, h, w, f], as matrix
    products. What is shifted and laid side by side, and so how often memory is read,
    depends on the shape: all taps of many channels; else the columns of x, against the
    rows of dy at once, or, where inputs are few or rows are strided, row by row."""
    (rows, columns), (down, _) = kernel_size, geometry.strides
    height, width = dy.shape[1:3]
    x = jnp.pad(x, ((0, 0), *geometry.padding, (0, 0)))
    across = partial(_shifts, axis=2, geometry=geometry, taps=columns, size=width)
    along = partial(_shifts, axis=1, geometry=geometry, taps=rows, size=height)
    inputs, features = x.shape[-1], dy.shape[-1]
    # By the values that are copied a pixel: row by row, or at once.
    few = rows * columns * inputs <= columns * inputs + rows * features
    if inputs >= MANY_CHANNELS:
        patches = [tap for row in along(x) for tap in across(row)]
        dk = _product(jnp.concatenate(patches, -1), dy)
    elif down == 1 and not few:
        dk = _rows_and_columns(jnp.concatenate(across(x), -1), dy, rows, geometry)
    else:
        wide = [jnp.concatenate(across(row), -1) for row in along(x)]
        dk = jnp.stack([_product(row, dy) for row in wide])
    return dk.reshape(rows, columns, inputs, features)


def _rows_and_columns(wide: Image, dy: Image, rows: int, geometry: Geometry):
    """One product of all columns of x with all rows of dy, [rows, columns * channels,
    features]: the fewest copies."""
    height, dilation = wide.shape[1], geometry.dilation[0]
    features = dy.shape[-1]
    tall = [
        jnp.pad(dy, ((0, 0), (i, height - dy.shape[1] - i), (0, 0), (0, 0)))
        for i in range(0, rows * dilation, dilation)
    ]
    # Pixels on one axis: XLA multiplies them as they lie, and copies nothing again.
    wide, tall = (lax.collapse(a, 0, 3) for a in (wide, jnp.concatenate(tall, -1)))
    dk = lax.dot_general(wide, tall, (((0,), (0,)), ((), ())))
    return jnp.moveaxis(dk.reshape(-1, rows, features), 1, 0)


def _shifts(x, *, axis: int, geometry: Geometry, taps: int, size: int) -> list[Image]:
    """What each tap of the kernel along `axis` sees: `size` pixels, strides apart."""
    stride, dilation = geometry.strides[axis - 1], geometry.dilation[axis - 1]
    span = stride * (size - 1) + 1
    return [
        lax.slice_in_dim(x, tap * dilation, tap * dilation + span, stride, axis)
        for tap in range(taps)
    ]


def _product(x: Image, dy: Image) -> Float[Array, "channels features"]:
    pixels = tuple(range(3))
    return lax.dot_general(x, dy, ((pixels, pixels), ((), ())))
