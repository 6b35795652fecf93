"""Convolutions of NHWC images with HWIO kernels and explicit padding.

`Conv` has the parameters and the results of nn.Conv, which it computes in other ways. A
1 x 1 convolution is a matrix product on every platform. On a CPU, the gradient
of a larger kernel is a matrix product over shifted copies of the image, except on small
maps; XLA's own gradient is a convolution whose window is the whole image. Inside a loop
on a CPU, where XLA's convolutions are many times slower, all three are such products.
TPU and GPU programs have XLA's own.
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

# He et al. 2015 (Delving Deep into Rectifiers), eq. 10 and 14: normal with standard
# deviation sqrt(2 / n). An output is a sum of n products (fan in), or an input is part
# of n of them (fan out).
he_normal_fan_in = jax.nn.initializers.variance_scaling(2.0, "fan_in", "normal")
he_normal_fan_out = jax.nn.initializers.variance_scaling(2.0, "fan_out", "normal")


def uniform_fan_in(fan_in: int) -> Callable:
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)), PyTorch's default for kernels and biases."""
    bound = fan_in**-0.5

    def init(key, shape, dtype=jnp.float32):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


# On a CPU, the kernel's gradient is faster by XLA's convolution where dy has at most
# SMALL_MAP pixels, and by one product over all shifts where x has at least
# MANY_CHANNELS channels.
SMALL_MAP = 64
MANY_CHANNELS = 256


class Geometry(NamedTuple):
    """All that defines a convolution besides its arrays. Pairs are (height, width).
    looped: it runs inside a loop."""

    strides: tuple[int, int] = (1, 1)
    padding: Pairs = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    looped: bool = False


class Conv(nn.Module):
    """nn.Conv over images, with explicit padding and faster gradients on CPUs.

    Parameters "kernel" [kh, kw, inputs / groups, features] and "bias" [features] are
    float32. Differentiable in reverse mode, any number of times; not by jax.jvp.
    """

    features: int
    kernel_size: int | tuple[int, int]
    strides: int | tuple[int, int] = 1
    padding: int | Pairs = 0  # on all four sides, or (low, high) of each axis
    dilation: int | tuple[int, int] = 1  # of the kernel
    groups: int = 1
    use_bias: bool = True
    kernel_init: Callable = nn.initializers.lecun_normal()
    bias_init: Callable = nn.initializers.zeros_init()
    dtype: DTypeLike | None = None  # of the computation; None: that of the arrays
    looped: bool = False  # inside a lax.scan or the like: fast there on a CPU too

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
            self.looped,
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
    """The image with `width` more pixels on each side. mode: "zero", "edge" (the border
    pixel repeated) or "reflect" (mirrored at the border pixel, which is not repeated).
    """
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
    """A matrix product with every pixel that the strides reach."""
    if geometry.padding != ((0, 0), (0, 0)):
        x = jnp.pad(x, ((0, 0), *geometry.padding, (0, 0)))
    down, right = geometry.strides
    return lax.dot_general(x[:, ::down, ::right], kernel, (((3,), (0,)), ((), ())))


def plain(x: Image, kernel: Kernel, geometry: Geometry) -> Image:
    """`convolve` with XLA's own convolution and gradients."""
    return lax.conv_general_dilated(
        x,
        kernel,
        geometry.strides,
        geometry.padding,
        rhs_dilation=geometry.dilation,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=geometry.groups,
    )


def by_taps(x: Image, kernel: Kernel, geometry: Geometry) -> Image:
    """`convolve` as one matrix product over a copy of x for each tap of the kernel."""
    strides, _, dilation, *_ = geometry
    x = jnp.pad(x, ((0, 0), *geometry.padding, (0, 0)))
    height, width = (
        (pixels - d * (taps - 1) - 1) // s + 1
        for pixels, taps, s, d in zip(
            x.shape[1:3], kernel.shape[:2], strides, dilation, strict=True
        )
    )
    rows, columns, _, features = kernel.shape
    along = _shifts(x, axis=1, geometry=geometry, taps=rows, size=height)
    patches = [
        tap
        for row in along
        for tap in _shifts(row, axis=2, geometry=geometry, taps=columns, size=width)
    ]
    matrix = kernel.reshape(-1, features)
    return lax.dot_general(
        jnp.concatenate(patches, -1), matrix, (((3,), (0,)), ((), ()))
    )


def _by_platform(of: Callable[[Callable], Callable], geometry: Geometry) -> Callable:
    """of(convolution), with the convolution that suits the platform of the program."""
    if not geometry.looped:
        return of(plain)
    return partial(lax.platform_dependent, cpu=of(by_taps), default=of(plain))


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolve(x, kernel, geometry):
    forward = _by_platform(lambda f: partial(f, geometry=geometry), geometry)
    return forward(x, kernel)


def _forward(x, kernel, geometry):
    return _convolve(x, kernel, geometry), (x, kernel)


def _backward(geometry, saved, dy):
    x, kernel = saved

    def transposed(convolution):
        def of_image(kernel, dy):
            f = partial(convolution, kernel=kernel, geometry=geometry)
            return jax.linear_transpose(f, x)(dy)[0]

        return of_image

    dx = _by_platform(transposed, geometry)(kernel, dy)
    return dx, kernel_gradient(x, dy, kernel, geometry)


_convolve.defvjp(_forward, _backward)


def kernel_gradient(x: Image, dy: Image, kernel: Kernel, geometry: Geometry) -> Kernel:
    """The gradient with respect to the kernel of `convolve(x, kernel, geometry)`, whose
    own gradient is dy. On a CPU matrix products compute it, except on small maps of few
    channels; otherwise XLA's own convolution does."""

    def by_convolution(x, dy):
        transpose = jax.linear_transpose(lambda k: plain(x, k, geometry), kernel)
        return transpose(dy)[0]

    small = math.prod(dy.shape[1:3]) <= SMALL_MAP and x.shape[-1] < MANY_CHANNELS
    if small and not geometry.looped:
        return by_convolution(x, dy)
    by_products = partial(products, kernel_size=kernel.shape[:2], geometry=geometry)
    return lax.platform_dependent(x, dy, cpu=by_products, default=by_convolution)


def products(
    x: Image, dy: Image, kernel_size: tuple[int, int], geometry: Geometry
) -> Kernel:
    """The kernel's gradient, as matrix products:
    dk[i, j, c, f] = sum over b, h, w of x[b, s h + d i, s w + d j, c] dy[b, h, w, f].

    Shifted copies of x lie side by side in the products' operands. Which copies, and so
    how often memory is read, depends on the shape. With many channels, all taps are one
    operand. Otherwise, x shifted along columns meets dy shifted along rows in one
    product; or, with few inputs or strided rows, x is shifted along both, and each row
    of the kernel is a product."""
    rows, columns = kernel_size
    down, _ = geometry.strides
    height, width = dy.shape[1:3]
    x = jnp.pad(x, ((0, 0), *geometry.padding, (0, 0)))
    across = partial(_shifts, axis=2, geometry=geometry, taps=columns, size=width)
    along = partial(_shifts, axis=1, geometry=geometry, taps=rows, size=height)
    inputs = x.shape[-1]
    features = dy.shape[-1]
    # Row by row copies fewer values a pixel than all at once.
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
    """One product of x shifted along columns, `wide`, with dy shifted along rows:
    [rows, columns * channels, features]. The way with the fewest copies."""
    height = wide.shape[1]
    dilation = geometry.dilation[0]
    features = dy.shape[-1]
    tall = [
        jnp.pad(dy, ((0, 0), (i, height - dy.shape[1] - i), (0, 0), (0, 0)))
        for i in range(0, rows * dilation, dilation)
    ]
    # With all pixels on one axis XLA multiplies the operands without copying them.
    wide, tall = (lax.collapse(a, 0, 3) for a in (wide, jnp.concatenate(tall, -1)))
    dk = lax.dot_general(wide, tall, (((0,), (0,)), ((), ())))
    return jnp.moveaxis(dk.reshape(-1, rows, features), 1, 0)


def _shifts(x, *, axis: int, geometry: Geometry, taps: int, size: int) -> list[Image]:
    """For each tap of the kernel along `axis`, the `size` pixels that it meets."""
    stride = geometry.strides[axis - 1]
    dilation = geometry.dilation[axis - 1]
    span = stride * (size - 1) + 1
    return [
        lax.slice_in_dim(x, tap * dilation, tap * dilation + span, stride, axis)
        for tap in range(taps)
    ]


def _product(x: Image, dy: Image) -> Float[Array, "channels features"]:
    pixels = tuple(range(3))
    return lax.dot_general(x, dy, ((pixels, pixels), ((), ())))
