"""Bicubic resizing against MATLAB's numbers, Pillow's and its own rules. A failure
means that super-resolution is measured on other images than in the literature."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from common.resize import (
    bicubic,
    bicubic_matrix,
    bilinear,
    cropped_to_multiple,
    enlarge,
    shrink,
    twice_as_large,
)


def keys(x: float) -> float:
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def resized(signal: np.ndarray, new: int) -> np.ndarray:
    """imresize of one row, tap by tap over the signal mirrored three times."""
    n = len(signal)
    out = np.zeros(new)
    mirrored = np.concatenate([signal[::-1], signal, signal[::-1]])
    scale = min(new / n, 1.0)
    for i in range(new):
        centre = (i + 0.5) * n / new - 0.5
        weights = [keys(scale * (centre - j)) for j in range(-n, 2 * n)]
        out[i] = np.dot(weights, mirrored) / math.fsum(weights)
    return out


@pytest.mark.parametrize(
    ("size", "new"), [(9, 27), (12, 4), (10, 5), (8, 64), (24, 3), (7, 7), (12, 20)]
)
def test_a_row_by_hand(size, new):
    signal = np.random.default_rng(size).random(size)
    expected = resized(signal, new)
    np.testing.assert_allclose(bicubic_matrix(size, new) @ signal, expected, atol=1e-12)


def test_numbers_of_matlab():
    """imresize(0:8, [1 3]) and imresize([0 1 2], [1 9]) of MATLAB."""
    down = bicubic_matrix(9, 3) @ np.arange(9.0)
    np.testing.assert_allclose(down, resized(np.arange(9.0), 3), atol=1e-12)
    np.testing.assert_allclose(down[1], 4.0, atol=1e-12)
    up = bicubic_matrix(3, 9) @ np.arange(3.0)
    np.testing.assert_allclose(up[[1, 4, 7]], [0, 1, 2], atol=1e-12)
    np.testing.assert_allclose(up + up[::-1], 2.0, atol=1e-12)


@pytest.mark.parametrize("size", [(20, 12), (180, 108), (41, 77)])
def test_pillow_agrees_off_the_borders(size):
    image = np.random.default_rng(0).random((60, 36)).astype(np.float32)
    ours = bicubic(image[..., None], size)[..., 0]
    pillow = np.asarray(Image.fromarray(image).resize(size[::-1], Image.BICUBIC))
    inner = [slice(max(3, 3 * n // 36), -max(3, 3 * n // 36)) for n in size]
    np.testing.assert_allclose(ours[*inner], pillow[*inner], atol=2e-6)


def test_an_image_is_resized_an_axis_at_a_time_by_numpy_as_by_jax():
    image = np.random.default_rng(0).random((2, 12, 9, 3)).astype(np.float32)
    rows = bicubic_matrix(12, 4)
    columns = bicubic_matrix(9, 18)
    expected = np.einsum("ih,bhwc,jw->bijc", rows, image, columns)
    ours = bicubic(image, (4, 18))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    traced = jax.jit(lambda x: bicubic(x, (4, 18)))(jnp.asarray(image))
    np.testing.assert_allclose(traced, expected, atol=1e-6)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_constants_stay_and_a_shift_of_one_is_a_shift_of_the_factor(factor):
    constant = np.full((8, 16, 1), 0.3)
    np.testing.assert_allclose(enlarge(constant, factor), 0.3, atol=1e-12)
    np.testing.assert_allclose(shrink(constant, factor), 0.3, atol=1e-12)
    image = np.random.default_rng(0).random((12, 12, 1))
    big = enlarge(image, factor)
    moved = enlarge(np.roll(image, 1, 1), factor)
    edge = 4 * factor
    np.testing.assert_allclose(
        moved[:, edge:-edge], big[:, edge - factor : -edge - factor], atol=1e-12
    )


def test_what_is_left_over_is_cropped():
    image = np.arange(10 * 11).reshape(10, 11, 1)
    cropped = cropped_to_multiple(image, 3)
    np.testing.assert_array_equal(cropped, image[:9, :9])
    assert shrink(cropped.astype(float), 3).shape == (3, 3, 1)


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_twice_as_large(method):
    x = jax.random.normal(jax.random.key(1), (1, 6, 5, 3))
    expected = jax.image.resize(x, (1, 12, 10, 3), method)
    np.testing.assert_allclose(twice_as_large(x, method), expected, atol=1e-6)


@pytest.mark.parametrize("size", [(30, 41), (61, 20), (7, 90), (120, 160), (61, 90)])
def test_bilinear_is_pillows_but_for_rounding(size):
    pixels = np.random.default_rng(0).integers(0, 256, (61, 90, 3), dtype=np.uint8)
    theirs = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR)
    ours = bilinear(pixels, size)
    assert ours.dtype == np.uint8
    assert np.abs(ours.astype(int) - np.asarray(theirs)).max() <= 1
