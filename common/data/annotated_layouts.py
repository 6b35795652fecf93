"""Sets of pictures with boxes: one reader for each layout, one type for all."""

import functools
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.contract import UserError
from common.data import (
    annotated_coco,
    annotated_darknet,
    annotated_tfds,
    annotated_voc,
)
from common.data.annotated import AnnotatedImages
from common.data.annotated_files import AnnotatedFiles, folder
from common.data.split_names import SPLITS
from common.files import storage
from common.nearest import refuse_unknown

_READERS = {
    "VOC": (annotated_voc.is_voc, annotated_voc.splits),
    "COCO": (annotated_coco.is_coco, annotated_coco.splits),
    "darknet": (annotated_darknet.is_darknet, annotated_darknet.splits),
}
_ACCEPTED = (
    "accepted: VOC's Annotations/*.xml beside JPEGImages/; COCO's json of images and "
    "annotations; darknet's labels/*.txt beside images/, or a .data file"
)
_MOST_VALID = 5000  # pictures of the largest validation split that is cut off


def read(root: str | Path, split: str, names: Sequence[str] = ()) -> AnnotatedImages:
    """A split of the set in a folder, whose layout is recognised.

    A folder without splits is cut 80/10/10, seeded. Where there is no validation split,
    a tenth of the training split becomes it, 5,000 pictures at most; where there is no
    test split, the validation split serves as both, and a warning says so.

    Args:
      root: a folder, or a .data file of darknet's.
      split: "train", "valid" or "test".
      names: the classes in the order of their numbers; (): those of the set.

    Raises:
      UserError: no layout fits, a file is broken, a picture is missing, or a class is
        not one of `names`.
    """
    refuse_unknown("split", split, SPLITS)
    return _split(_layout(str(root)), str(root), split, names)


def voc(root: str | Path, split: str, names: Sequence[str] = ()) -> AnnotatedImages:
    """`read`, in Pascal VOC's layout."""
    return _split("VOC", str(root), split, names)


def coco(root: str | Path, split: str, names: Sequence[str] = ()) -> AnnotatedImages:
    """`read`, in COCO's layout."""
    return _split("COCO", str(root), split, names)


def darknet(root: str | Path, split: str, names: Sequence[str] = ()) -> AnnotatedImages:
    """`read`, in darknet's layout."""
    return _split("darknet", str(root), split, names)


def tfds(name: str, data_dir: str, split: str) -> AnnotatedImages:
    """`read`, of the TFDS set `name`, prepared in `data_dir` ("": TFDS's default)."""
    refuse_unknown("split", split, SPLITS)
    return _tfds(name, data_dir)[split]


@functools.lru_cache(maxsize=4)
def _tfds(name: str, data_dir: str) -> dict[str, AnnotatedImages]:
    return complete(annotated_tfds.splits(name, data_dir), f"TFDS set {name!r}")


@functools.lru_cache(maxsize=8)
def _layout(root: str) -> str:
    """The layout of a folder; of several the first, and a warning names the others."""
    path = storage.path(root)
    if path.suffix.lower() == ".data" and path.is_file():
        return "darknet"
    path = folder(root)
    fitting = [name for name, (fits, _) in _READERS.items() if fits(path)]
    if not fitting:
        raise UserError(f"no pictures with boxes found in {root!r}; {_ACCEPTED}")
    if len(fitting) > 1:
        others = " and ".join(fitting[1:])
        message = f"{root!r} has {others} annotations too: {fitting[0]}'s are read"
        warnings.warn(message, stacklevel=4)
    return fitting[0]


def _split(layout: str, root: str, split: str, names: Sequence[str]) -> AnnotatedImages:
    refuse_unknown("split", split, SPLITS)
    return _splits(layout, root, tuple(names))[split]


@functools.lru_cache(maxsize=4)
def _splits(
    layout: str, root: str, names: tuple[str, ...]
) -> dict[str, AnnotatedImages]:
    return complete(_READERS[layout][1](root, names), repr(root))


def complete(
    splits: dict[str, AnnotatedImages], where: str
) -> dict[str, AnnotatedImages]:
    """All three splits, by the rule of `read`. A warning says which pictures are both
    trained and measured on. UserError: too few pictures, or no class."""
    if "train" not in splits:
        there = ", ".join(splits)
        raise UserError(f"{where} has pictures for {there} and none for train")
    train = splits["train"]
    if not train.names:
        raise UserError(
            f"{where} has no object in it and names no class: give a set with boxes"
        )
    for split in ("valid", "test"):
        if split in splits and (shared := _files(splits[split]) & _files(train)):
            message = f"{where}: {len(shared)} pictures of {split} are trained on, too,"
            warnings.warn(f"{message} such as {min(shared)!r}", stacklevel=5)
    if "valid" not in splits:
        parts = ["valid"] if "test" in splits else ["valid", "test"]
        size = min(max(len(train) // 10, 1), _MOST_VALID)
        if len(train) <= size * len(parts):
            raise UserError(
                f"{where} has {len(train)} pictures: too few to hold out "
                f"{' and '.join(parts)}"
            )
        order = np.random.default_rng(0).permutation(len(train))
        cuts = [size * (i + 1) for i in range(len(parts))]
        *held_out, rest = np.split(order, cuts)
        for part, indices in zip(parts, held_out, strict=True):
            splits = {**splits, part: train.take(np.sort(indices))}
        splits = {**splits, "train": train.take(np.sort(rest))}
    if "test" not in splits:
        message = f"{where} has no test split: the validation split is tested on"
        warnings.warn(message, stacklevel=5)
    return {"test": splits["valid"], **splits}


def _files(data: AnnotatedImages) -> set[str]:
    """The paths of its pictures; none where they are in no files."""
    return (
        {*data.pictures.names} if isinstance(data.pictures, AnnotatedFiles) else set()
    )
