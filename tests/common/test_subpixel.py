"""Sub-pixel convolution. A failure means that a channel lands at another pixel, so that
weights from elsewhere do not fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.contract import UserError
from common.subpixel import shuffle, transposed_kernel, transposed_padding, unshuffle


@pytest.mark.parametrize(("r", "channels"), [(2, 1), (3, 1), (3, 3), (4, 2)])
def test_every_channel_lands_at_its_pixel(r, channels):
    x = np.arange(2 * 4 * 5 * channels * r**2).reshape(2, 4, 5, channels * r**2)
    y = shuffle(x, r)
    assert y.shape == (2, 4 * r, 5 * r, channels)
    for a, b in np.ndindex(4, 5):
        for k in range(channels * r**2):
            c, place = divmod(k, r**2)
            landed = y[:, a * r + place // r, b * r + place % r, c]
            np.testing.assert_array_equal(landed, x[:, a, b, k])
    np.testing.assert_array_equal(unshuffle(y, r), x)
    np.testing.assert_array_equal(shuffle(jnp.asarray(x), r), y)


def test_leading_axes_are_free():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5, 9))
    stacked = np.stack([shuffle(images, 3) for images in x])
    np.testing.assert_array_equal(shuffle(x, 3), stacked)
    np.testing.assert_array_equal(unshuffle(stacked, 3), x)
    np.testing.assert_array_equal(shuffle(x[0, 0], 3), stacked[0, 0])


@pytest.mark.parametrize(("r", "k", "channels"), [(2, 3, 1), (3, 3, 3), (4, 5, 1)])
def test_convolve_and_shuffle_is_a_transposed_convolution(r, k, channels):
    """The two are one function, as section 2 of the paper says."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 7, 6, 4)).astype(np.float32)
    kernel = rng.normal(size=(k, k, 4, channels * r**2)).astype(np.float32)
    numbers = ("NHWC", "HWIO", "NHWC")
    padding = k // 2
    maps = jax.lax.conv_general_dilated(
        x, kernel, (1, 1), ((padding, padding),) * 2, dimension_numbers=numbers
    )
    transposed = jax.lax.conv_transpose(
        x,
        transposed_kernel(kernel, r),
        (r, r),
        transposed_padding(k, padding, r),
        dimension_numbers=numbers,
    )
    np.testing.assert_allclose(transposed, shuffle(maps, r), rtol=1e-5, atol=1e-5)


def test_what_does_not_fit_is_refused():
    with pytest.raises(UserError, match="8 channels do not fill squares of 3 x 3"):
        shuffle(np.zeros((1, 2, 2, 8)), 3)
    with pytest.raises(UserError, match="5 x 6 pixels are not squares of 3 x 3"):
        unshuffle(np.zeros((1, 5, 6, 1)), 3)
