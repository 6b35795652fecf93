"""Pixels, in numpy and JAX. A failure means that levels, channels or mirrored borders
differ from those of Pillow and numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from common.pixels import (
    mirrored_to,
    mirrored_to_multiple,
    squeeze_grey,
    to_uint8,
    with_channels,
)

RNG = np.random.default_rng(0)


def both(function, x):
    """`function(array)` in numpy, after a check that JAX under jit gives the same."""
    ours = function(x)
    assert isinstance(ours, np.ndarray)
    np.testing.assert_array_equal(jax.jit(function)(jnp.asarray(x)), ours)
    return ours


def test_levels_are_clipped_and_rounded():
    image = np.array([-1, 0, 0.499 / 255, 0.501 / 255, 0.5, 1, 2], np.float32)
    levels = both(to_uint8, image)
    assert levels.dtype == np.uint8
    assert levels.tolist() == [0, 0, 0, 1, 128, 255, 255]
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(both(to_uint8, every / np.float32(255)), every)


def test_grey_is_what_pillow_makes_of_rgb():
    x = RNG.integers(0, 256, (64, 64, 3), np.uint8)
    grey = np.asarray(Image.fromarray(x).convert("L"))[..., None]
    np.testing.assert_array_equal(both(lambda x: with_channels(x, 1), x), grey)
    np.testing.assert_array_equal(both(lambda x: with_channels(x, 3), x), x)
    thrice = both(lambda x: with_channels(x, 3), grey)
    np.testing.assert_array_equal(thrice, grey.repeat(3, 2))
    with pytest.raises(UserError, match="2 channels"):
        with_channels(x[..., :2], 3)


def test_only_grey_loses_its_axis():
    assert squeeze_grey(np.zeros((2, 3, 1), np.uint8)).shape == (2, 3)
    assert squeeze_grey(np.zeros((2, 3, 3), np.uint8)).shape == (2, 3, 3)


def test_the_mirror_image_fills_the_end():
    x = RNG.random((2, 3, 4, 1)).astype(np.float32)
    full = both(lambda x: mirrored_to(x, (5, 6)), x)
    np.testing.assert_array_equal(full[:, :3, :4], x)
    np.testing.assert_array_equal(full[:, 3:, :4], x[:, :0:-1])
    np.testing.assert_array_equal(full[:, :3, 4:], x[:, :, :1:-1])
    assert both(lambda x: mirrored_to_multiple(x, 4), x).shape == (2, 4, 4, 1)
    np.testing.assert_array_equal(mirrored_to_multiple(x, 1), x)
