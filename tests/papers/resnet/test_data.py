"""Sets in memory and on disk. A failure means that the faster way of reading gives
other batches."""

import itertools

import numpy as np
import pytest
from PIL import Image

from papers import resnet
from papers.resnet import data


def config_of(source="generated", name="8x8x1x10", root="", **fields):
    config = resnet.get_config("smoke")
    config.data.source = source
    config.data.name = name
    config.data.root = root
    for field, value in fields.items():
        setattr(config.data, field, value)
    return config


def folder(root):
    rng = np.random.default_rng(0)
    for split, class_name, i in itertools.product(
        ("train", "test"), ("ant", "bee"), range(20)
    ):
        path = root / split / class_name / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 8, 3), np.uint8)).save(path)
    return str(root)


@pytest.mark.parametrize("augment", ["none", "shift", "cifar"])
def test_images_in_memory_come_out_as_they_do_one_by_one(augment, monkeypatch):
    """Each is one of the split's, moved and mirrored as its augmentation may."""
    config = config_of(augment=augment, padding=1, size=6)
    split = data.image_set(config, "train")
    allowed = {}
    draws = [
        (d, r, m) for d in (0.1, 0.5, 0.9) for r in (0.1, 0.5, 0.9) for m in (0, 1)
    ]
    for item in map(split.__getitem__, range(len(split))):
        small = {**item, "image": data.prepare(config, item["image"])}
        for draw in np.array(draws):
            image = data._augmented(config.data, small, draw)["image"]
            allowed[image.tobytes()] = int(item["label"])
    for memory in (2**30, 0):
        monkeypatch.setattr(data, "IN_MEMORY", memory)
        for batch in itertools.islice(data.batches(config, "train"), 8):
            assert batch["image"].shape[1:] == (6, 6, 1)
            for image, label in zip(batch["image"], batch["label"], strict=True):
                assert allowed[image.tobytes()] == label


def test_what_is_kept_in_memory(tmp_path):
    def in_memory(config):
        return data._kept_in_memory(config.data, data.image_set(config, "train"))

    files = {"source": "files", "root": folder(tmp_path), "channels": 3}
    assert in_memory(config_of())
    assert in_memory(config_of("embedded", "digits"))
    assert not in_memory(config_of(**files))
    assert not in_memory(config_of(channels=3, augment="imagenet"))
    assert not in_memory(config_of(size=3000))
    batch = next(data.batches(config_of(**files), "train"))
    assert batch["image"].shape == (config_of().data.batch_size, 8, 8, 3)
