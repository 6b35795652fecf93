"""Augmentations of images. A failure means that a crop, a mirror image or a colour is
not the one that its draws name, or that some place is never drawn."""

import numpy as np
import pytest
from PIL import Image

from common.contract import UserError
from common.data import augment
from common.data.packaged_photos import photo_path

IMAGE = np.random.default_rng(0).integers(1, 256, (12, 16, 3), np.uint8)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_moved_images_lie_over_zeros_where_their_draws_say():
    images = rng(1).integers(1, 256, (25, 2, *IMAGE.shape), np.uint8)
    places = np.stack(np.mgrid[:5, :5], -1).reshape(25, 1, 2)
    out = augment.moved(images, np.repeat(places / 5 + 0.1, 2, 1), 2)
    padded = np.pad(images, [(0, 0), (0, 0), (2, 2), (2, 2), (0, 0)])
    for found, before, (top, left) in zip(out, padded, places[:, 0], strict=True):
        expected = before[:, top : top + 12, left : left + 16]
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(augment.moved(IMAGE, rng().random(2), 0), IMAGE)


def test_one_image_is_moved_and_mirrored_as_in_a_batch():
    draws = rng(2).random((40, 3))
    images = rng(1).integers(0, 256, (40, *IMAGE.shape), np.uint8)
    moved = augment.moved(images, draws[:, :2], 3)
    mirrored = augment.mirrored(images, draws[:, 2])
    for image, draw, many in zip(images, draws, moved, strict=True):
        np.testing.assert_array_equal(augment.moved(image, draw[:2], 3), many)
    for image, draw, many in zip(images, draws, mirrored, strict=True):
        np.testing.assert_array_equal(augment.mirrored(image, draw[2]), many)
        expected = image[:, ::-1] if draw[2] < 0.5 else image
        np.testing.assert_array_equal(many, expected)


@pytest.mark.parametrize(("shape", "short", "expected"), [
    ((40, 60), 20, (20, 30)), ((60, 40), 20, (30, 20)), ((10, 10), 20, (20, 20)),
])  # fmt: skip
def test_resize_short_keeps_the_proportions(shape, short, expected):
    image = rng().integers(0, 256, (*shape, 3), np.uint8)
    out = augment.resize_short(image, short)
    assert out.shape == (*expected, 3)
    pillow = Image.fromarray(image).resize(expected[::-1], Image.BILINEAR)
    np.testing.assert_array_equal(out, np.asarray(pillow))
    grey = augment.resize_short(image[..., :1], short)
    np.testing.assert_array_equal(grey[..., 0], out[..., 0])


def test_crops_come_from_the_image():
    np.testing.assert_array_equal(augment.centre_crop(IMAGE, 8), IMAGE[2:10, 4:12])
    ten = augment.ten_crops(IMAGE, 8)
    assert ten.shape == (10, 8, 8, 3)
    np.testing.assert_array_equal(ten[3], IMAGE[-8:, -8:])
    np.testing.assert_array_equal(ten[4], augment.centre_crop(IMAGE, 8))
    np.testing.assert_array_equal(ten[5:], ten[:5, :, ::-1])
    with pytest.raises(UserError, match="12x16 has no 13x13 crop"):
        augment.centre_crop(IMAGE, 13)


def test_windows_are_every_place_and_no_other():
    y, x = np.mgrid[:12, :16]
    image = np.stack([y, x, 0 * x], axis=-1).astype(np.uint8)
    windows = [augment.window(image, rng(seed), (10, 12)) for seed in range(300)]
    places = {tuple(window[0, 0, :2].tolist()) for window in windows}
    assert places == {(top, left) for top in range(3) for left in range(5)}
    for out in windows:
        top, left, _ = out[0, 0]
        np.testing.assert_array_equal(out, image[top : top + 10, left : left + 12])
    np.testing.assert_array_equal(
        augment.centre_crop(image, (10, 12)), image[1:11, 2:14]
    )
    np.testing.assert_array_equal(augment.window(image, rng(), (12, 16)), image)
    for crop in (augment.centre_crop, lambda x, size: augment.window(x, rng(), size)):
        with pytest.raises(UserError, match="12x16 has no 4x17 crop"):
            crop(image, (4, 17))


@pytest.mark.parametrize(("size", "expected"), [
    ((12, 16), (12, 16)), ((3, 5), (12, 16)), ((24, 20), (24, 32)),
    ((13, 40), (30, 40)), ((12, 17), (13, 17)),
])  # fmt: skip
def test_cover_enlarges_as_little_as_it_can_in_proportion(size, expected):
    out = augment.cover(IMAGE, size)
    assert out.shape == (*expected, 3)
    np.testing.assert_array_equal(out, augment.resize(IMAGE, expected))


def test_scale_jitter_draws_every_size_and_place():
    y, x = np.mgrid[:64, :64]
    image = np.stack([4 * y, 4 * x, 0 * x], axis=-1).astype(np.uint8)
    crops = [augment.scale_jitter(image, rng(s), (32, 64), 24) for s in range(300)]
    assert all(crop.shape == (24, 24, 3) for crop in crops)
    # A gradient tells the scale by its slope and the place by its value.
    slopes = np.array([np.diff(c[12, 4:20, 1].astype(float)).mean() for c in crops])
    assert slopes.min() < 4.3
    assert slopes.max() > 7.5
    corners = np.array([crop[0, 0, :2] for crop in crops])
    assert corners.min(0).max() < 10
    assert corners.max(0).min() > 140


@pytest.mark.parametrize("name", ["coffee", "astronaut", "chelsea"])
def test_resizing_the_crop_alone_shows_the_same_place(name):
    """And leaves the generator where resizing the whole picture leaves it."""
    photo = np.asarray(Image.open(photo_path(name)).convert("RGB"))
    for seed in range(5):
        one, other = rng(seed), rng(seed)
        whole = augment.scale_jitter(photo, one, (256, 480), 224)
        crop = augment.scale_jitter(photo, other, (256, 480), 224, whole=False)
        assert one.random() == other.random()
        apart = np.abs(whole.astype(int) - crop)
        assert apart.max() <= 2
        assert (apart > 0).mean() < 0.01
    grey = augment.scale_jitter(photo[..., :1], rng(), (256, 480), 224, whole=False)
    assert grey.shape == (224, 224, 1)
    with pytest.raises(UserError, match="no 224x224 crop"):
        augment.scale_jitter(photo, rng(), (100, 100), 224, whole=False)


def test_pca_colour_is_one_colour_along_the_components():
    image = np.full((2, 2, 3), 128, np.uint8)
    moved = np.stack([augment.pca_colour(image, rng(seed)) for seed in range(2000)])
    assert (moved == moved[:, :1, :1]).all()
    shifts = (moved[:, 0, 0].astype(float) - 128) / 255
    vectors = augment.IMAGENET_EIGENVECTORS
    values = augment.IMAGENET_EIGENVALUES
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=1e-3)
    expected = vectors @ np.diag((0.1 * values) ** 2) @ vectors.T
    rounding = np.eye(3) / 12 / 255**2
    np.testing.assert_allclose(np.cov(shifts.T), expected + rounding, atol=3e-5)
    pixels = rng().integers(0, 256, (9, 7, 3), np.uint8)[:, ::-1]
    colour = 255 * vectors @ (values * rng(5).normal(0.0, 0.1, 3).astype(np.float32))
    by_sums = np.clip(np.round(pixels + colour), 0, 255)
    np.testing.assert_array_equal(augment.pca_colour(pixels, rng(5)), by_sums)
    white = np.full((1, 1, 3), 255, np.uint8)
    assert augment.pca_colour(white, rng(), std=9.0).dtype == np.uint8
