"""Image sets in the user's folders: one reader for each layout."""

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from common.contract import UserError
from common.data.image_set import ImageSet, cut
from common.files import storage
from common.files.pictures import PictureFiles, channels_of, picture_paths

SPLITS = ("train", "valid", "test")
Splits = dict[str, ImageSet]

_ALIASES = {"train": ("train",), "valid": ("valid", "val", "validation")}
_ALIASES["test"] = ("test",)
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
    magic = bytes([0, 0, 8, axes])  # 8: unsigned bytes
    if data[:4] != magic:
        raise UserError(
            f"{str(path)!r} begins with {data[:4].hex()}, not with idx's {magic.hex()}"
        )
    shape = np.frombuffer(data[4:header], ">u4").tolist()
    if len(data) != header + math.prod(shape):
        expected = "x".join(map(str, shape))
        raise UserError(f"{str(path)!r} is cut short: it should hold {expected} bytes")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _cifar_folder(folder: Path) -> Splits | None:
    """CIFAR's binary version: rows of 1 (CIFAR-10) or 2 (CIFAR-100: coarse, fine)
    labels and 3072 bytes, channels first."""
    if not _cifar_files(folder, "train"):
        return None
    hundred = (folder / "train.bin").exists()
    splits = {s: _cifar(folder, s, n_labels=1 + hundred) for s in ("train", "test")}
    names = _class_names(folder, 100 if hundred else 10)
    return {split: ImageSet(x, y, names) for split, (x, y) in splits.items()}


def _cifar_files(folder: Path, split: str) -> list[Path]:
    patterns = {"train": ("train.bin", "data_batch_*.bin")}
    patterns["test"] = ("test.bin", "test_batch.bin")
    return sorted(p for pattern in patterns[split] for p in folder.glob(pattern))


def _cifar(folder: Path, split: str, n_labels: int):
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
    rows = np.concatenate(rows)
    images = rows[:, n_labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), rows[:, n_labels - 1].astype(np.int32)


def _class_names(folder: Path, count: int) -> tuple[str, ...]:
    """The lines of a file of names beside the data; without one, numbers."""
    names = ("classes.txt", "batches.meta.txt", "fine_label_names.txt")
    if path := _find(folder, names):
        lines = tuple(
            filter(None, map(str.strip, path.read_text("utf-8").splitlines()))
        )
        if len(lines) >= count:
            return lines
    return tuple(map(str, range(count)))


def _class_folders(folder: Path) -> Splits | None:
    """One folder for each class, in one folder for each split or without those."""
    folders = {split: _split_folder(folder, split) for split in SPLITS}
    if folders["train"] is None:
        return _one_level(folder)
    names = tuple(sorted(p.name for p in folders["train"].iterdir() if p.is_dir()))
    labelled = {s: _labelled(p, names) for s, p in folders.items() if p is not None}
    channels = channels_of(labelled["train"][0])
    return {
        split: ImageSet(PictureFiles(tuple(paths), channels), labels, names)
        for split, (paths, labels) in labelled.items()
    }


def _one_level(folder: Path) -> Splits | None:
    names = tuple(sorted(p.name for p in folder.iterdir() if p.is_dir()))
    if not any(picture_paths(folder / name) for name in names):
        return None
    paths, labels = _labelled(folder, names)
    pictures = PictureFiles(tuple(paths), channels_of(paths))
    return {"train": ImageSet(pictures, labels, names)}


def _labelled(
    folder: Path, names: tuple[str, ...]
) -> tuple[list[Path], Int[np.ndarray, "n"]]:
    unknown = {p.name for p in folder.iterdir() if p.is_dir()} - {*names}
    if unknown:
        raise UserError(
            f"{str(folder)!r} has a class {min(unknown)!r} that is not in the training "
            "split"
        )
    by_class = [picture_paths(folder / name) for name in names]
    paths = [path for paths in by_class for path in paths]
    if not paths:
        raise UserError(f"{str(folder)!r} has no pictures in folders of classes")
    return paths, np.repeat(np.arange(len(names)), [*map(len, by_class)]).astype("i4")


def _split_folder(folder: Path, split: str) -> Path | None:
    candidates = (folder / alias for alias in _ALIASES[split])
    return next((path for path in candidates if path.is_dir()), None)


def _find(folder: Path, names: Iterable[str]) -> Path | None:
    return next((p for p in (folder / name for name in names) if p.is_file()), None)


def _existing(folder: Path, names: list[str]) -> Path:
    path = _find(folder, names)
    if path is None:
        raise UserError(f"{str(folder)!r} has no {names[0]} beside its other files")
    return path
