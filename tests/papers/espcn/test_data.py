"""Patches, whole images and the folders that users have. A failure means that we train
or measure on other pixels than the benchmarks."""

import warnings

import numpy as np
import pytest
from PIL import Image

from common.colour import luma
from common.contract import UserError
from common.resize import shrink
from papers import espcn
from papers.espcn.config import Data
from papers.espcn.data import (
    Patches,
    Whole,
    _turned,
    make_pair,
    pairs,
    pictures,
)
from tests.bucket import serve


def photograph(height=70, width=100, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3)).astype(np.uint8)


def folder(path, count=12):
    path.mkdir()
    for i in range(count):
        image = photograph(60 + i, 70, seed=i)
        Image.fromarray(image).save(path / f"image_{i:02}.png")
    return path


def files(root, test_root=""):
    config = espcn.get_config("smoke")
    config.data.source = "files"
    config.data.root = str(root)
    config.data.test_root = str(test_root)
    return config


def test_a_pair_is_the_benchmarks():
    image = photograph(70, 100)
    pair = make_pair(image, "name", 3)
    y = luma(image[:69, :99] / 255.0)
    np.testing.assert_allclose(pair.high, y, atol=1e-6)
    np.testing.assert_allclose(pair.low, shrink(y, 3), atol=1e-6)
    rgb = make_pair(image, "name", 3, channels=3)
    np.testing.assert_allclose(rgb.high, image[:69, :99] / 255.0, atol=1e-6)
    assert rgb.low.shape == (23, 33, 3)


@pytest.mark.parametrize("scale", [2, 3])
def test_patches_lie_at_the_papers_stride(scale):
    pairs = [make_pair(photograph(150, 130 + 9 * i), str(i), scale) for i in range(2)]
    patches = Patches(Data(patch=17, stride=14), scale, pairs)
    places = [
        (pair, top, left)
        for pair in pairs
        for top in range(0, pair.low.shape[0] - 16, 14)
        for left in range(0, pair.low.shape[1] - 16, 14)
    ]
    assert len(patches) == len(places)
    for item, (pair, top, left) in zip(patches, places, strict=True):
        low = pair.low[top : top + 17, left : left + 17]
        high = pair.high[scale * top :, scale * left :][: 17 * scale, : 17 * scale]
        np.testing.assert_array_equal(item["low"], low)
        np.testing.assert_array_equal(item["high"], high)


def test_a_turned_patch_is_the_patch_of_the_turned_image():
    high = photograph(48, 48)[..., :1] / 255.0
    item = {"low": shrink(high, 3), "high": high}
    seen = set()
    for seed in range(40):
        turned = _turned(item, np.random.default_rng(seed))
        np.testing.assert_allclose(turned["low"], shrink(turned["high"], 3), atol=1e-9)
        seen.add(turned["high"].tobytes())
    assert len(seen) == 8


def test_whole_images_are_mirrored_to_one_size_and_large_ones_lose_their_edge():
    config = espcn.get_config("smoke")  # 60 pixels a side
    pairs = [
        make_pair(photograph(48, 54), "small", 3),
        make_pair(photograph(96, 54), "large", 3),
    ]
    small = Whole(config, pairs)[0]
    large = Whole(config, pairs)[1]
    assert small["low"].shape == large["low"].shape == (20, 20, 1)
    np.testing.assert_array_equal(small["sizes"], [16, 18])
    np.testing.assert_array_equal(small["low"][:16, :18], pairs[0].low)
    np.testing.assert_array_equal(small["low"][16, :18], pairs[0].low[15])
    np.testing.assert_array_equal(large["sizes"], [20, 18])
    np.testing.assert_array_equal(large["high"][:, :54], pairs[1].high[18:78])


def test_a_folder_without_a_test_folder_holds_out_each_tenth(tmp_path):
    config = files(folder(tmp_path / "photos"))
    names = {
        split: [p.name for p in pairs(config, split)] for split in ("train", "test")
    }
    assert names["test"] == ["image_00.png", "image_10.png"]
    assert len(names["train"]) == 10
    config = files(tmp_path / "photos", folder(tmp_path / "others", 3))
    assert len(pairs(config, "train")) == 12
    assert len(pairs(config, "test")) == 3
    config.data.images = 4  # evenly spaced
    assert [p.name[6:8] for p in pairs(config, "train")] == ["00", "03", "06", "09"]


def test_photographs_in_a_bucket_are_those_on_a_disk(tmp_path, monkeypatch):
    pytest.importorskip("gcsfs", reason="a bucket needs gcsfs: pip install '.[gcs]'")
    on_disk = files(folder(tmp_path / "photos"))
    with serve() as (bucket, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for path in (tmp_path / "photos").iterdir():
            bucket.write(f"photos/{path.name}", path.read_bytes())
        in_bucket = pairs(files("gs://bucket/photos"), "train")
    for ours, theirs in zip(in_bucket, pairs(on_disk, "train"), strict=True):
        assert ours.name == theirs.name
        np.testing.assert_array_equal(ours.high, theirs.high)


def test_a_folder_of_the_benchmarks_is_their_protocol(tmp_path):
    folder(tmp_path / "T91", 4)
    folder(tmp_path / "Set5", 2)
    folder(tmp_path / "others", 3)
    assert len(pairs(files(tmp_path), "train")) == 4
    assert len(pairs(files(tmp_path), "test")) == 2


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grey_photographs_levels_are_its_y(tmp_path, channels):
    grey = photograph(48, 48)[..., 0]
    (tmp_path / "grey").mkdir()
    Image.fromarray(grey).save(tmp_path / "grey" / "a.png")
    config = files(tmp_path / "grey", tmp_path / "grey")
    config.model.channels = channels
    (pair,) = pairs(config, "test")
    expected = np.broadcast_to(grey[..., None] / 255, (48, 48, channels))
    np.testing.assert_allclose(pair.high, expected, atol=1e-6)
    ((_, shown),) = pictures(config, "test")
    assert shown.shape == (48, 48, 3)


def test_a_corrupt_image_is_named_and_skipped(tmp_path):
    root = folder(tmp_path / "photos")
    (root / "image_05.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"image_05\.png"):
        names = [pair.name for pair in pairs(files(root), "train")]
    assert "image_05.png" not in names
    assert len(names) == 9


def test_a_small_image_is_named_and_left_out_of_training_alone(tmp_path):
    root = folder(tmp_path / "photos", 3)
    Image.fromarray(photograph(22, 40)).save(root / "small.png")
    config = files(root, root)
    with pytest.warns(UserWarning, match=r"small\.png'?: less than 24 pixels"):
        assert len(pairs(config, "train")) == 3
    assert len(pairs(config, "test")) == 4


@pytest.mark.parametrize(
    ("root", "message"),
    [("", "give a folder"), ("nowhere", "no images"), ("tiny", "24 pixels a side")],
)
def test_folders_that_cannot_work_are_one_line(tmp_path, root, message):
    (tmp_path / "tiny").mkdir()
    for i in range(3):
        image = Image.fromarray(photograph(20, 90))
        image.save(tmp_path / "tiny" / f"{i}.png")
    config = files(tmp_path / root if root else "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UserError, match=message):
            espcn.batches(config, "train")
