"""Sub-pixel convolution: channels become pixels, at r times the resolution.

Eq. 4 of Shi et al. 2016, with the channels in PyTorch's order: c r^2 + i r + j for
output channel c and the pixel in row i and column j of its r x r square.
"""

from jaxtyping import Array, Float, Num

from common.contract import UserError


def shuffle(
    x: Num[Array, "*batch height width channels_r_r"], r: int
) -> Num[Array, "*batch height_r width_r channels"]:
    """y[r a + i, r b + j, c] = x[a, b, c r^2 + i r + j]. Takes numpy arrays too."""
    *batch, height, width, channels = x.shape
    if channels % r**2:
        raise UserError(f"{channels} channels do not fill squares of {r} x {r}")
    squares = x.reshape(-1, height, width, channels // r**2, r, r)
    pixels = squares.transpose(0, 1, 4, 2, 5, 3)  # image, a, i, b, j, c
    return pixels.reshape(*batch, height * r, width * r, channels // r**2)


def unshuffle(
    y: Num[Array, "*batch height_r width_r channels"], r: int
) -> Num[Array, "*batch height width channels_r_r"]:
    """The inverse of `shuffle`."""
    *batch, height, width, channels = y.shape
    if height % r or width % r:
        raise UserError(f"{height} x {width} pixels are not squares of {r} x {r}")
    pixels = y.reshape(-1, height // r, r, width // r, r, channels)
    squares = pixels.transpose(0, 1, 3, 5, 2, 4)  # image, a, b, c, i, j
    return squares.reshape(*batch, height // r, width // r, channels * r**2)


def transposed_kernel(
    kernel: Float[Array, "k k inputs channels_r_r"], r: int
) -> Float[Array, "k_r k_r inputs channels"]:
    """The kernel of the stride-r transposed convolution that equals a convolution with
    `kernel` followed by `shuffle`. It is for `jax.lax.conv_transpose`, with the padding
    of `transposed_padding`. Pixel i of a square sees each tap u at r u + r - 1 - i."""
    k, _, inputs, features = kernel.shape
    squares = kernel.reshape(k, k, inputs, features // r**2, r, r)
    mirrored = squares[..., ::-1, ::-1].transpose(0, 4, 1, 5, 2, 3)  # u, i, v, j, n, c
    return mirrored.reshape(k * r, k * r, inputs, features // r**2)


def transposed_padding(k: int, padding: int, r: int) -> tuple[tuple[int, int], ...]:
    """The padding for `transposed_kernel`, where the k x k convolution pads by
    `padding` on all sides."""
    low = r * padding + r - 1
    return ((low, r * (k - padding) - 1),) * 2
