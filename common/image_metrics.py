"""How close images are to what they should be: one value an image, not reduced.

Images are [..., height, width, channels] with values in [0, peak]; numpy in, numpy
out, and JAX likewise. The benchmarks of super-resolution measure Y alone, without a
border of as many pixels as the scale:

    psnr(*(without_border(luma(x), 3) for x in (image, reference)))
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from common.colour import luma
from common.pixels import namespace

__all__ = ["luma", "psnr", "ssim", "without_border"]

# The constants of SSIM in Wang et al. 2004.
WINDOW = 11
SIGMA = 1.5
K1 = 0.01
K2 = 0.03


def without_border(
    image: Float[Array, "*batch height width channels"], border: int
) -> Float[Array, "*batch inner_height inner_width channels"]:
    """The image less `border` pixels on every side."""
    height, width = image.shape[-3:-1]
    return image[..., border : height - border, border : width - border, :]


def psnr(
    image: Float[Array, "*batch height width channels"],
    reference: Float[Array, "*batch height width channels"],
    peak: float = 1.0,
    where: Bool[Array, "*batch #height #width #channels"] | None = None,
) -> Float[Array, "*batch"]:
    """10 log10(peak^2 / mean squared error) in dB, of the image clipped to [0, peak].
    The mean is over all pixels and channels for which `where` is True. Equal images
    have inf."""
    xp = namespace(image)
    square = xp.square(xp.clip(image, 0, peak) - reference)
    where = True if where is None else xp.broadcast_to(where, square.shape)
    mse = xp.mean(square, axis=(-3, -2, -1), where=where)
    if xp is np:
        with np.errstate(divide="ignore"):
            return 10 * np.log10(peak**2 / mse)
    return 10 * jnp.log10(peak**2 / mse)


def ssim(
    image: Float[Array, "*batch height width channels"],
    reference: Float[Array, "*batch height width channels"],
    peak: float = 1.0,
) -> Float[Array, "*batch"]:
    """Structural similarity (eq. 13 of Wang et al. 2004), of the image clipped to
    [0, peak]. It is measured in a Gaussian window of 11 x 11, and averaged over all
    channels and all places where the window lies inside the image. Images need at least
    11 pixels a side."""
    xp = namespace(image)
    x = xp.clip(image, 0, peak)
    y = reference
    mean_x = _blur(x)
    mean_y = _blur(y)
    var_x = _blur(x * x) - mean_x**2
    var_y = _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    c1 = (K1 * peak) ** 2
    c2 = (K2 * peak) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (var_x + var_y + c2)
    return xp.mean(luminance * structure, axis=(-3, -2, -1))


def _blur(x: Float[Array, "*batch height width channels"]):
    """The Gaussian window's mean where it lies inside the image, one axis at a time."""
    taps = np.exp(-0.5 * ((np.arange(WINDOW) - WINDOW // 2) / SIGMA) ** 2)
    taps = [float(tap) for tap in taps / taps.sum()]
    rows = x.shape[-3] - WINDOW + 1
    columns = x.shape[-2] - WINDOW + 1
    x = sum(tap * x[..., i : i + rows, :, :] for i, tap in enumerate(taps))
    return sum(tap * x[..., i : i + columns, :] for i, tap in enumerate(taps))
