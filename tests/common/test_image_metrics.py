"""PSNR, SSIM and Y against definitions, reference values and scikit-image. A failure
means that our decibels are not those of the literature."""

import jax.numpy as jnp
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from common import colour
from common.image_metrics import luma, psnr, ssim, without_border


def pair(shape=(2, 24, 31, 3)):
    rng = np.random.default_rng(0)
    reference = rng.random(shape)
    return np.clip(reference + 0.1 * rng.normal(size=shape), 0, 1), reference


@pytest.mark.parametrize("peak", [1.0, 255.0])
def test_psnr_and_ssim_are_scikit_images(peak):
    images, references = (peak * x for x in pair())
    psnrs = psnr(images, references, peak)
    ssims = ssim(images, references, peak)
    for i, (image, reference) in enumerate(zip(images, references, strict=True)):
        expected = peak_signal_noise_ratio(reference, image, data_range=peak)
        np.testing.assert_allclose(psnrs[i], expected, rtol=1e-10)
        expected = structural_similarity(
            reference, image, data_range=peak, channel_axis=-1, gaussian_weights=True,
            sigma=1.5, use_sample_covariance=False,
        )  # fmt: skip
        np.testing.assert_allclose(ssims[i], expected, rtol=1e-8)
    for metric, expected in (psnr, psnrs), (ssim, ssims):
        ours = metric(jnp.asarray(images), jnp.asarray(references), peak)
        np.testing.assert_allclose(ours, expected, rtol=1e-4)


def test_values_out_of_range_are_clipped():
    images, references = pair()
    wild = np.where(images > 0.9, 7.0, images)
    clipped = np.where(images > 0.9, 1.0, images)
    np.testing.assert_array_equal(psnr(wild, references), psnr(clipped, references))
    np.testing.assert_array_equal(ssim(wild, references), ssim(clipped, references))


def test_psnr_of_some_pixels_is_that_of_the_crop():
    images, references = pair()
    where = np.zeros((2, 24, 31, 1), bool)
    where[:, 4:-4, 4:-4] = True
    expected = psnr(without_border(images, 4), without_border(references, 4))
    np.testing.assert_allclose(psnr(images, references, where=where), expected)
    ours = psnr(jnp.asarray(images), jnp.asarray(references), where=where)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_equal_images():
    _, references = pair()
    assert np.isinf(psnr(references, references)).all()
    np.testing.assert_allclose(ssim(references, references), 1.0)


def test_y_is_of_the_limited_range():
    white, black, red = [1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]
    values = luma(np.array([[white, black, red]]))[0, :, 0]
    np.testing.assert_allclose(values, [0.92157, 0.06275, 0.31953], atol=5e-6)


def test_ycbcr_and_back():
    image, _ = pair()
    converted = colour.ycbcr(image)
    np.testing.assert_allclose(converted[..., :1], luma(image))
    np.testing.assert_allclose(colour.rgb(converted), image, atol=1e-12)
    grey = colour.ycbcr(np.full((1, 1, 3), 0.4))
    np.testing.assert_allclose(grey[..., 1:], 128 / 255)


def test_a_border_is_cut_on_all_sides():
    image = np.arange(8 * 9).reshape(8, 9, 1)
    np.testing.assert_array_equal(without_border(image, 3), image[3:5, 3:6])
    np.testing.assert_array_equal(without_border(image, 0), image)
