"""Image sets in the user's folders: one reader for each layout."""

import fnmatch
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from common.contract import UserError
from common.data.image_set import ImageSet, cut
from common.data.split_names import split_of
from common.files import storage, texts
from common.files.pictures import PictureFiles, channels_of, picture_paths

Splits = dict[str, ImageSet]

_LAYOUTS = (
    "accepted: {train,t10k}-{images-idx3,labels-idx1}-ubyte, gzipped or not; CIFAR's "
    "binary data_batch_*.bin or train.bin; train/CLASS/*.png beside val/ or test/; "
    "CLASS/*.png"
)
_MOST_VALID = 5000  # items of the largest validation split that is cut off


def files(root: str | Path) -> Splits:
    """The sets under `root`, in the first layout that fits.

    Where the layout has no validation split, a tenth of the training split becomes it,
    5,000 items at most, balanced over the classes; where it has no test split, the
    validation split serves as both. One level of class folders is cut 80/10/10.
    """
    if not str(root):
        raise UserError(f"no image folder given; {_LAYOUTS}")
    path = storage.path(root)
    if not path.is_dir():
        raise UserError(f"image folder {str(root)!r} does not exist; {_LAYOUTS}")
    for layout in (_idx_folder, _cifar_folder, _class_folders):
        if splits := layout(path):
            return complete(splits)
    raise UserError(f"no image set found in {str(root)!r}; {_LAYOUTS}")


def complete(splits: Splits) -> Splits:
    """All three splits, by the rule of `files`."""
    if "valid" not in splits and "test" in splits:
        size = min(max(len(splits["train"]) // 10, 1), _MOST_VALID)
        valid, train = cut(splits["train"], size)
        splits = {**splits, "train": train, "valid": valid}
    elif "valid" not in splits:
        size = max(len(splits["train"]) // 10, 1)
        valid, test, train = cut(splits["train"], size, size)
        splits = {"train": train, "valid": valid, "test": test}
    return {"test": splits["valid"], **splits}


def _idx_folder(folder: Path) -> Splits | None:
    """MNIST's four files, and Fashion-MNIST's."""
    if _find(folder, _idx_names("train", "images", 3)) is None:
        return None
    splits = {}
    for split, part in {"train": "train", "test": "t10k"}.items():
        images = _idx(_existing(folder, _idx_names(part, "images", 3)), 3)
        labels = _idx(_existing(folder, _idx_names(part, "labels", 1)), 1)
        if len(images) != len(labels):
            raise UserError(
                f"{str(folder)!r} has {len(images)} {part} images and {len(labels)} "
                "labels: they are not of one set"
            )
        splits[split] = images[..., None], labels.astype(np.int32)
    names = _class_names(folder, 1 + max(int(y.max()) for _, y in splits.values()))
    return {split: ImageSet(x, y, names) for split, (x, y) in splits.items()}


def _idx_names(part: str, kind: str, axes: int) -> list[str]:
    stems = (f"{part}-{kind}{mark}idx{axes}-ubyte" for mark in "-.")
    return [stem + ending for stem in stems for ending in ("", ".gz")]


def _idx(path: Path, axes: int) -> UInt8[np.ndarray, "*shape"]:
    """One idx file: 0, 0, type, number of axes; big-endian length of each; data."""
    data = storage.read_bytes(path)
    header = 4 + 4 * axes
    if len(data) < header:
        raise UserError(f"{str(path)!r} is cut short: it has {len(data)} bytes")
    magic = bytes([0, 0, 8, axes])  # 8: unsigned bytes
    if data[:4] != magic:
        raise UserError(
            f"{str(path)!r} begins with {data[:4].hex()}, not with idx's {magic.hex()}"
        )
    shape = np.frombuffer(data[4:header], ">u4").tolist()
    if len(data) != header + math.prod(shape):
        expected = "x".join(map(str, shape))
        raise UserError(f"{str(path)!r} is cut short: it should hold {expected} bytes")
    if 0 in shape:
        raise UserError(f"{str(path)!r} has no items")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _cifar_folder(folder: Path) -> Splits | None:
    """CIFAR's binary version: rows of 1 (CIFAR-10) or 2 (CIFAR-100: coarse, fine)
    labels and 3072 bytes, channels first."""
    if not _cifar_files(folder, "train"):
        return None
    hundred = _find(folder, ["train.bin"]) is not None
    names = _class_names(folder, 100 if hundred else 10)
    splits = {}
    for split in ("train", "test"):
        images, labels = _cifar(folder, split, 1 + hundred, len(names))
        splits[split] = ImageSet(images, labels, names)
    return splits


def _cifar_files(folder: Path, split: str) -> list[Path]:
    patterns = {"train": ("train.bin", "data_batch_*.bin")}
    patterns["test"] = ("test.bin", "test_batch.bin")
    there = storage.entries(folder)
    return [
        there[name]
        for pattern in patterns[split]
        for name in fnmatch.filter(there, pattern)
    ]


def _cifar(folder: Path, split: str, n_labels: int, classes: int):
    paths = _cifar_files(folder, split)
    if not paths:
        raise UserError(
            f"{str(folder)!r} has no test_batch.bin beside its data_batch's"
        )
    row = n_labels + 3 * 32 * 32
    rows = []
    for path in paths:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        if not data.size or data.size % row:
            raise UserError(f"{str(path)!r} is cut short: its rows are of {row} bytes")
        rows.append(data.reshape(-1, row))
        largest = rows[-1][:, n_labels - 1].max()
        if largest >= classes:
            raise UserError(
                f"{str(path)!r} has a label {largest}, and there are {classes} classes"
            )
    rows = np.concatenate(rows)
    images = rows[:, n_labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), rows[:, n_labels - 1].astype(np.int32)


def _class_names(folder: Path, count: int) -> tuple[str, ...]:
    """The lines of a file of names beside the data; without one, numbers."""
    names = ("classes.txt", "batches.meta.txt", "fine_label_names.txt")
    if path := _find(folder, names):
        lines = texts.lines(path)
        if len(lines) >= count:
            return lines
    return tuple(map(str, range(count)))


def _class_folders(folder: Path) -> Splits | None:
    """One folder for each class, in one folder for each split or without those."""
    folders = _split_folders(folder)
    if not folders:
        return _one_level(folder)
    if "train" not in folders:
        there = ", ".join(path.name for path in folders.values())
        raise UserError(f"{str(folder)!r} has {there} and no folder train")
    names = tuple(path.name for path in storage.folders(folders["train"]))
    labelled = {s: _labelled(p, names) for s, p in folders.items()}
    channels = channels_of(labelled["train"][0])
    return {
        split: ImageSet(PictureFiles(paths, channels), labels, names)
        for split, (paths, labels) in labelled.items()
    }


def _split_folders(folder: Path) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for path in storage.folders(folder):
        split = split_of(path.name)
        if split in folders:
            both = f"{folders[split].name} and {path.name}"
            raise UserError(f"{str(folder)!r} has {both}: keep one as its {split} set")
        if split:
            folders[split] = path
    return folders


def _one_level(folder: Path) -> Splits | None:
    classes = storage.folders(folder)
    names = tuple(path.name for path in classes)
    if not any(map(picture_paths, classes)):
        return None
    for path in classes:
        if inner := _split_folders(path):
            split = next(iter(inner.values()))
            raise UserError(
                f"{str(split)!r} looks like a split inside of a class: give the folder "
                "that holds train/, or put the classes into the splits"
            )
    paths, labels = _labelled(folder, names)
    pictures = PictureFiles(paths, channels_of(paths))
    return {"train": ImageSet(pictures, labels, names)}


def _labelled(
    folder: Path, names: tuple[str, ...]
) -> tuple[list[Path], Int[np.ndarray, "n"]]:
    unknown = {path.name for path in storage.folders(folder)} - {*names}
    if unknown:
        raise UserError(
            f"{str(folder)!r} has a class {min(unknown)!r} that is not in the training "
            "split"
        )
    by_class = [picture_paths(folder / name) for name in names]
    paths = [path for paths in by_class for path in paths]
    if not paths:
        raise UserError(f"{str(folder)!r} has no pictures in folders of classes")
    if len(names) == 1:
        raise UserError(
            f"{str(folder)!r} has one class, {names[0]!r}: give the folder whose "
            "folders are the classes"
        )
    return paths, np.repeat(np.arange(len(names)), [*map(len, by_class)]).astype("i4")


def _find(folder: Path, names: Iterable[str]) -> Path | None:
    """The first of the files that is there, in capitals or not."""
    there = storage.entries(folder)
    paths = (there[name] for name in names if name in there)
    return next((path for path in paths if path.is_file()), None)


def _existing(folder: Path, names: list[str]) -> Path:
    path = _find(folder, names)
    if path is None:
        raise UserError(f"{str(folder)!r} has no {names[0]} beside its other files")
    return path
